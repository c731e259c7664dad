import { type ConnectRouter, createConnectRouter } from "@connectrpc/connect";
import type {
  UniversalHandler,
  UniversalHandlerFn,
  UniversalServerRequest,
  UniversalServerResponse,
} from "@connectrpc/connect/protocol";
import { compressionBrotli, compressionGzip } from "@connectrpc/connect-node";
import { type Clock, type Log, MESSAGE_BYTES_MAX } from "../base/mod.ts";
import type { CheckAuthorization } from "./auth.ts";
import { toConnectError } from "./errors.ts";
import { TIMEOUT_MS_LIMIT } from "./grpc/timeout.ts";
import { alsoDirect } from "./grpc/routes.ts";
import { UnaryCalls } from "./grpc/unary.ts";
import { serverErrors } from "./interceptors.ts";

/** Every call that is served: its path, `/package.Service/Method`, and what answers it in all protocols. */
export interface Calls {
  readonly byPath: ReadonlyMap<string, UniversalHandlerFn>;
  readonly handlers: readonly UniversalHandler[];
  /** The unary ones among them, as gRPC's shortest path reaches them. */
  readonly unary: UnaryCalls;
}

/** Registers `routes` once, for every protocol and every kind of connection. */
export function createCalls(options: {
  routes: (router: ConnectRouter) => void;
  authorize: CheckAuthorization;
  /** Its signal ends every call under way, with its reason. */
  cut: () => AbortSignal;
  log: Log;
  clock: Clock;
}): Calls {
  const router = createConnectRouter({
    acceptCompression: [compressionGzip, compressionBrotli],
    // Replies go out as they are: a function that wants its payload small compresses it itself, and once.
    compressMinBytes: MESSAGE_BYTES_MAX,
    readMaxBytes: MESSAGE_BYTES_MAX,
    writeMaxBytes: MESSAGE_BYTES_MAX,
    maxTimeoutMs: TIMEOUT_MS_LIMIT,
    interceptors: [serverErrors(options.log, options.cut)],
    requestGate(context) {
      try {
        options.authorize(context.requestHeader.get("authorization"));
      } catch (error) {
        throw toConnectError(error);
      }
    },
  });
  const unary = new UnaryCalls(options);
  options.routes(alsoDirect(router, unary));
  const byPath = new Map(router.handlers.map((handler) => [handler.requestPath, explained(handler)]));
  return { byPath, handlers: router.handlers, unary };
}

/**
 * Connect refuses what it does not understand with a bare status; a person with curl needs a line that says why. It is
 * plain text: an error's JSON would name a code of ours where clients know the one that the status stands for.
 */
function explained(handler: UniversalHandler): UniversalHandlerFn {
  return async (request) => {
    const response = await handler(request);
    if (response.body !== undefined || response.status < 400) return response;
    switch (response.status) {
      case 405:
        return refusal(response, `${request.method} is not allowed here, must be POST`);
      case 415:
        return refusal(response, `content-type is ${contentType(request)}, must be ${allowed(handler)}`);
      case 505:
        return refusal(response, `${handler.requestPath} streams both ways, which needs HTTP/2`);
      default:
        return response;
    }
  };
}

function contentType(request: UniversalServerRequest): string {
  const value = request.header.get("content-type");
  return value === null ? "missing" : JSON.stringify(value);
}

function allowed(handler: UniversalHandler): string {
  const connect = handler.method.methodKind === "unary" ? "application/json" : "application/connect+json";
  return `${connect} (or ${connect.replace("json", "proto")}, application/grpc, application/grpc-web)`;
}

function refusal(response: UniversalServerResponse, message: string): UniversalServerResponse {
  const header = new Headers(response.header);
  header.set("content-type", "text/plain; charset=utf-8");
  const line = new TextEncoder().encode(message + "\n");
  async function* body() {
    yield line;
  }
  return { ...response, header, body: body() };
}
