import type { Interceptor, Transport } from "@connectrpc/connect";
import { createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { invalidArgument, MESSAGE_BYTES_MAX, MIB, PlatformError } from "../base/mod.ts";
import { withPlatformErrors } from "./interceptors.ts";

/** A connection without calls is given up after this; the next call opens another. */
const IDLE_CONNECTION_MS = 60_000;
const STREAM_WINDOW_BYTES = MIB;

/**
 * Connect waits for ever for an answer on a stream that ended without any and without an error code, as happens where
 * the connection ends after the server's GOAWAY. Here such a stream fails.
 */
class Sessions extends Http2SessionManager {
  override async request(...request: Parameters<Http2SessionManager["request"]>) {
    const stream = await super.request(...request);
    let answered = false;
    stream.once("response", () => answered = true);
    stream.once("close", () => {
      if (answered || stream.rstCode !== 0) return;
      stream.emit("error", Object.assign(new Error("the connection ended before the answer"), { code: "ECONNRESET" }));
    });
    return stream;
  }
}

/** Calls to one other service. */
export interface ClientTransport {
  readonly transport: Transport;
  /** Ends the connection and every call on it (`unavailable`); later calls fail the same way. */
  close(): void;
}

/**
 * gRPC over one HTTP/2 connection to `address` (`host:port`), opened at the first call. Calls fail with `PlatformError`:
 * code, message, failure and retry delay as the other side gave them, `unavailable` where it cannot be reached.
 */
export function createClientTransport(options: { address: string; token?: string }): ClientTransport {
  const { address, token } = options;
  if (!/^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9_.-]+):[0-9]{1,5}$/.test(address)) {
    throw invalidArgument("address", address, "host:port");
  }
  const baseUrl = `http://${address}`;
  const sessions = new Sessions(baseUrl, { idleConnectionTimeoutMs: IDLE_CONNECTION_MS }, {
    settings: { enablePush: false, initialWindowSize: STREAM_WINDOW_BYTES },
  });
  const gone = new PlatformError("unavailable", `the connection to ${address} was closed here`);
  let closed = false;
  const prepare: Interceptor = (next) => (request) => {
    if (closed) throw gone;
    if (token !== undefined) request.header.set("authorization", `Bearer ${token}`);
    return next(request);
  };
  const transport = createGrpcTransport({
    baseUrl,
    sessionManager: sessions,
    interceptors: [prepare],
    readMaxBytes: MESSAGE_BYTES_MAX,
    writeMaxBytes: MESSAGE_BYTES_MAX,
    acceptCompression: [],
  });
  return {
    transport: withPlatformErrors(inWholeMs(transport)),
    close() {
      closed = true;
      sessions.abort(gone);
    },
  };
}

/** A deadline goes over the wire in whole milliseconds, and Connect sends a part of one as it is: that is refused there. */
function inWholeMs(transport: Transport): Transport {
  const whole = (timeoutMs: number | undefined) => timeoutMs === undefined ? undefined : Math.ceil(timeoutMs);
  return {
    unary: (method, signal, timeoutMs, ...rest) => transport.unary(method, signal, whole(timeoutMs), ...rest),
    stream: (method, signal, timeoutMs, ...rest) => transport.stream(method, signal, whole(timeoutMs), ...rest),
  };
}
