import type { ConnectRouter, HandlerContext } from "@connectrpc/connect";
import { type Clock, PlatformError, sleep } from "../base/mod.ts";
import { Health, HealthCheckResponse_ServingStatus as Status } from "../../gen/grpc/health/v1/health_pb.ts";

/** How often a watched server asks itself whether it is ready. */
const WATCH_INTERVAL_MS = 1_000;

export interface HealthOptions {
  /** Missing when ready, else the reason. */
  readonly ready: () => string | undefined;
  /** Names that may be asked for, besides the empty one for the whole server. */
  readonly services: () => ReadonlySet<string>;
  /** Aborted when the server begins to close: watchers are told, and their streams end. */
  readonly closing: () => AbortSignal;
  readonly clock: Clock;
}

/** Registers `grpc.health.v1.Health`, which needs no token. */
export function registerHealth(router: ConnectRouter, options: HealthOptions): void {
  const { ready, services, closing, clock } = options;
  const known = (service: string) => service === "" || services().has(service);
  const status = () => ready() === undefined && !closing().aborted ? Status.SERVING : Status.NOT_SERVING;

  async function* watch(service: string, context: HandlerContext) {
    const closed = closing();
    const ended = AbortSignal.any([context.signal, closed]);
    let told: Status | undefined;
    while (!context.signal.aborted) {
      const now = known(service) ? status() : Status.SERVICE_UNKNOWN;
      if (now !== told) yield { status: told = now };
      if (closed.aborted) return;
      await sleep(clock, WATCH_INTERVAL_MS, ended).catch(() => {});
    }
  }

  router.service(Health, {
    check(request) {
      if (!known(request.service)) {
        throw new PlatformError("not_found", `service is ${JSON.stringify(request.service)}, which is not served here`);
      }
      return { status: status() };
    },
    watch: (request, context) => watch(request.service, context),
  }, { requestGate: () => {} });
}
