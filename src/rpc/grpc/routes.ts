import type { DescMethod } from "@bufbuild/protobuf";
import type { ConnectRouter, ConnectRouterOptions } from "@connectrpc/connect";
import type { UnaryCalls, UnaryMethod } from "./unary.ts";

/**
 * `router`, which also tells `unary` of every unary handler that is registered. Handlers with options of which the direct
 * path knows nothing stay with Connect alone.
 */
export function alsoDirect(router: ConnectRouter, unary: UnaryCalls): ConnectRouter {
  const add = (method: DescMethod, handler: unknown, options: Partial<ConnectRouterOptions> | undefined) => {
    if (method.methodKind !== "unary" || typeof handler !== "function") return;
    const { requestGate, ...others } = options ?? {};
    if (Object.keys(others).length > 0) return;
    unary.add(method, handler as UnaryMethod["handler"], requestGate);
  };
  const both: ConnectRouter = {
    handlers: router.handlers,
    service(service, implementation, options) {
      router.service(service, implementation, options);
      const methods = implementation as Record<string, unknown>;
      for (const method of service.methods) {
        const handler = methods[method.localName];
        add(method, typeof handler === "function" ? handler.bind(implementation) : undefined, options);
      }
      return both;
    },
    rpc(method, handler, options) {
      router.rpc(method, handler, options);
      add(method, handler, options);
      return both;
    },
  };
  return both;
}
