/** HPACK, the compression of header fields in HTTP/2 (RFC 7541). */
export { type DecoderLimits, HpackDecoder } from "./decoder.ts";
export { encodeStateless, HpackEncoder } from "./encoder.ts";
export { FieldsTooLarge, HpackError } from "./errors.ts";
