import type { DescService } from "@bufbuild/protobuf";
import type { ConnectRouter } from "@connectrpc/connect";
import { universalServerRequestFromFetch, universalServerResponseToFetch } from "@connectrpc/connect/protocol";
import { Hono } from "hono";
import { type Clock, invalidArgument, type Log, PlatformError } from "../base/mod.ts";
import { createAuth } from "./auth.ts";
import { createCalls } from "./calls.ts";
import { errorResponse, fromConnectError, toConnectError } from "./errors.ts";
import { registerHealth } from "./health.ts";
import type { Http2Limits } from "./http2/mod.ts";
import { GRACE_MS_DEFAULT, type Listener, openPort, type PortOptions } from "./listen.ts";
import { createHttp1Side } from "./http1.ts";
import { createHttp2Side as createNodeSide } from "./http2_node.ts";
import { createHttp2Side as createOwnSide } from "./http2_own.ts";
import { registerReflection } from "./reflection.ts";

/** Registers a service's Connect handlers. */
export type Routes = (router: ConnectRouter) => void;

export interface EdgeOptions {
  /** Name of the service, for health and logs: "scheduler", "apiserver", … */
  readonly service: string;
  readonly routes: Routes;
  /** When set, everything but `/healthz`, `/readyz` and `grpc.health.v1` needs `authorization: Bearer <token>`. */
  readonly token?: string;
  /** Undefined when ready, else the reason, which `/readyz` and `grpc.health.v1` tell. */
  readonly ready: () => string | undefined;
  /** Registers the service's own HTTP routes. */
  readonly http?: (app: Hono) => void;
  readonly log: Log;
  readonly clock: Clock;
}

/** Whose HTTP/2 serves a port: this platform's own, or `node:http2` with Connect's adapter. */
export const HTTP2_SIDES = ["own", "node"] as const;
export type Http2Choice = (typeof HTTP2_SIDES)[number];

/** Where a service listens. `reusePort` shares the port among threads of one process. */
export interface ListenAt
  extends Pick<PortOptions, "hostname" | "port" | "reusePort" | "addressConnectionsMax" | "tls"> {
  /** "own" by default. "node" cannot be had with TLS. */
  readonly http2?: Http2Choice;
  /** What a client may ask of one HTTP/2 connection, where that is our own. */
  readonly http2Limits?: Partial<Http2Limits>;
}

/** A service's door: one handler set, reached by gRPC, gRPC-Web, Connect, JSON and plain HTTP. */
export interface Edge {
  /**
   * Answers one HTTP request, as `deno serve` calls it: health, Connect, gRPC-Web and JSON calls, the service's own
   * routes. Never rejects. gRPC proper needs trailers, so it is served by {@linkcode Edge.listen} only.
   */
  fetch(request: Request): Promise<Response>;
  /**
   * Serves all protocols on one port, HTTP/1.1 and HTTP/2 alike, with TLS where `tls` is set. Port 0 takes any free port.
   * Rejects with `failed_precondition` where the address cannot be had or the certificate cannot be used.
   */
  listen(at: ListenAt): Promise<Listener>;
}

/** Builds a service's door; nothing listens before {@linkcode Edge.listen}. */
export function createEdge(options: EdgeOptions): Edge {
  const { service, ready, log, clock } = options;
  const authorize = createAuth(options.token);
  const served = new Map<string, DescService>();
  let closing = new AbortController();
  let cut = new AbortController();
  let listeners = 0;

  const calls = createCalls({
    authorize,
    cut: () => cut.signal,
    log,
    clock,
    routes(router) {
      options.routes(router);
      registerHealth(router, { ready, clock, closing: () => closing.signal, services: () => new Set(served.keys()) });
      registerReflection(router, () => served.values());
    },
  });
  for (const handler of calls.handlers) served.set(handler.service.typeName, handler.service);

  const app = new Hono();
  app.get("/healthz", (c) => c.body(line({ service, status: "ok" }), 200, JSON_LINE));
  app.get("/readyz", (c) => {
    const reason = closing.signal.aborted ? "it is closing" : ready();
    if (reason === undefined) return c.body(line({ service, status: "ready" }), 200, JSON_LINE);
    return c.body(line({ service, status: "not ready", reason }), 503, JSON_LINE);
  });
  app.use("*", async (c, next) => {
    authorize(c.req.header("authorization") ?? null);
    await next();
  });
  options.http?.(app);
  app.notFound((c) => {
    const contentType = c.req.header("content-type") ?? "";
    const noMethod = `${c.req.path} is no method that ${service} serves`;
    if (/^application\/grpc\b/i.test(contentType)) return grpcRefusal(12, noMethod, contentType);
    // Whoever calls a method hears what calls hear of a method that is not there, by whatever protocol.
    if (c.req.method === "POST" && CONNECT_CONTENT_TYPE.test(contentType)) {
      return c.body(line({ code: "unimplemented", message: noMethod }), 404, JSON_LINE);
    }
    return errorResponse(
      new PlatformError("not_found", `${c.req.method} ${c.req.path} is nothing that ${service} serves`),
    );
  });
  app.onError((error) => failed(error));

  function failed(error: unknown): Response {
    if (error instanceof PlatformError) return errorResponse(error);
    const known = toConnectError(error);
    if (known !== error) {
      log.error("an HTTP route failed", { stack: error instanceof Error ? error.stack : String(error) });
    }
    return errorResponse(fromConnectError(known));
  }

  async function fetch(request: Request): Promise<Response> {
    try {
      const call = calls.byPath.get(pathOf(request.url));
      if (!call) return await app.fetch(request);
      if (isGrpc(request)) return grpcRefusal(12, "gRPC needs HTTP/2 with trailers, which this address lacks");
      return universalServerResponseToFetch(await call(universalServerRequestFromFetch(request, {})));
    } catch (error) {
      return failed(error);
    }
  }

  return {
    fetch,
    async listen(at) {
      if (at.tls && at.http2 === "node") throw invalidArgument("http2", at.http2, '"own" where there is TLS');
      const parts = { fetch, log, clock };
      const listener = await openPort({
        ...at,
        clock,
        http1: () => createHttp1Side({ ...parts, scheme: at.tls ? "https" : "http" }),
        http2: (counters) =>
          at.http2 === "node"
            ? createNodeSide({ ...parts, calls: calls.byPath })
            : createOwnSide({ ...parts, calls, counters, limits: at.http2Limits }),
      });
      if (listeners++ === 0) {
        closing = new AbortController();
        cut = new AbortController();
      }
      let closed: Promise<void> | undefined;
      const close = async ({ graceMs = GRACE_MS_DEFAULT } = {}) => {
        const isLast = --listeners === 0;
        const ofThis = { closing, cut };
        if (isLast) ofThis.closing.abort();
        const cancel = clock.after(graceMs, () => isLast && ofThis.cut.abort(CUT));
        await listener.close({ graceMs });
        cancel();
      };
      return { ...listener, close: (closeOptions) => closed ??= close(closeOptions) };
    },
  };
}

/** What a call is told that is still under way when its server must end. */
const CUT = new PlatformError("unavailable", "the server was closed before the call ended");
const JSON_LINE = { "content-type": "application/json" };

function line(value: unknown): string {
  return JSON.stringify(value) + "\n";
}

/** The path of an absolute URL without parsing all of it: this is on every call's way. */
function pathOf(url: string): string {
  const start = url.indexOf("/", url.indexOf("://") + 3);
  const end = url.slice(start).search(/[?#]/);
  return end < 0 ? url.slice(start) : url.slice(start, start + end);
}

/** What the calls of the Connect protocol come as. */
const CONNECT_CONTENT_TYPE = /^application\/(json|proto|connect\+[a-z]+)(;|$)/i;

function isGrpc(request: Request): boolean {
  return /^application\/grpc(\+|;|$)/i.test(request.headers.get("content-type") ?? "");
}

/** gRPC's way to refuse with headers alone. */
function grpcRefusal(status: number, message: string, contentType = "application/grpc"): Response {
  return new Response(null, {
    headers: {
      "content-type": contentType,
      "grpc-status": String(status),
      "grpc-message": encodeURIComponent(message).replaceAll("%20", " "),
    },
  });
}
