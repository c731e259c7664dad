/**
 * Sockets to handlers and back: one port for gRPC, gRPC-Web, Connect, JSON and plain HTTP, and the client's side of it.
 *
 * ```ts ignore
 * import { Log, systemClock } from "../base/mod.ts";
 * import { createEdge } from "./mod.ts";
 *
 * const clock = systemClock;
 * const log = new Log({ service: "demo", level: "error", write: () => {}, clock });
 * const edge = createEdge({ service: "demo", routes: () => {}, ready: () => undefined, log, clock });
 * const response = await edge.fetch(new Request("http://localhost/healthz"));
 * console.log(response.status); // 200
 * ```
 * @module
 */
export {
  createEdge,
  type Edge,
  type EdgeOptions,
  HTTP2_SIDES,
  type Http2Choice,
  type ListenAt,
  type Routes,
} from "./edge.ts";
export type { Listener } from "./listen.ts";
export type { TlsIdentity } from "./tls.ts";
export { type ClientTransport, createClientTransport } from "./client.ts";
export type { ClientTls } from "./client/socket.ts";
export { errorHeaders, errorResponse, fromConnectError, httpStatusOf, toConnectError } from "./errors.ts";
