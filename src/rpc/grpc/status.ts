/** gRPC's answers as header blocks. */
import type { ConnectError } from "@connectrpc/connect";
import { setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import { encodeStateless } from "../http2/hpack/mod.ts";
import type { Fields, HeaderBlock } from "../http2/types.ts";

const CONTENT_TYPE = "application/grpc+proto";
const HEADERS: Fields = [":status", "200", "content-type", CONTENT_TYPE];
const TRAILERS: Fields = ["grpc-status", "0"];
/** Nearly every answer begins and ends with these. */
const HEADERS_BLOCK: HeaderBlock = encodeStateless(HEADERS);
const TRAILERS_BLOCK: HeaderBlock = encodeStateless(TRAILERS);
/** Fields that gRPC itself sets, or that may not occur in HTTP/2 at all (RFC 9113, 8.2.2). */
const RESERVED = new Set([
  "content-type",
  "grpc-status",
  "grpc-message",
  "grpc-status-details-bin",
  "connection",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);

/** What an answer begins with: `added` are the handler's own fields, if it set any. */
export function answerHeaders(added: Headers | undefined): HeaderBlock {
  return added === undefined ? HEADERS_BLOCK : [...HEADERS, ...ownFields(added)];
}

/** What an answer ends with where all went well. */
export function answerTrailers(added: Headers | undefined): HeaderBlock {
  return added === undefined ? TRAILERS_BLOCK : [...TRAILERS, ...ownFields(added)];
}

/** What an answer ends with that failed; `added` are the trailers that the handler set before. */
export function errorTrailers(error: ConnectError, added: Headers | undefined): string[] {
  const trailers = setTrailerStatus(new Headers(), error);
  const fields: string[] = [];
  trailers.forEach((value, name) => fields.push(name, value));
  return added === undefined ? fields : [...fields, ...ownFields(added)];
}

/** An answer in a single header block: an error before anything else was sent. */
export function trailersOnly(error: ConnectError, added: Headers | undefined): Fields {
  return [...HEADERS, ...errorTrailers(error, added)];
}

function ownFields(headers: Headers): string[] {
  const fields: string[] = [];
  headers.forEach((value, name) => {
    if (!RESERVED.has(name)) fields.push(name, value);
  });
  return fields;
}
