/** HTTP/2 connections (RFC 9113) without sockets: bytes in, bytes out. */
export { ByteWriter } from "./bytes.ts";
export { createClientConnection } from "./client.ts";
export { checkLimits, DEFAULT_LIMITS, type Http2Limits, http2Limits } from "./limits.ts";
export { createServerConnection } from "./server.ts";
export * from "./types.ts";
