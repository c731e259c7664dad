/** Metadata of a call: what a request says in its header block, and header blocks as `Headers`. */
import { invalidArgument } from "../../base/mod.ts";
import type { Fields } from "../http2/mod.ts";

/** What the transport says itself; a caller's own value is left out. */
const OURS: ReadonlySet<string> = new Set([
  "te",
  "content-type",
  "content-length",
  "grpc-timeout",
  "grpc-encoding",
  "grpc-accept-encoding",
  "user-agent",
]);
/** What HTTP/2 has no place for (RFC 9113, 8.2.2); `host` is `:authority` there. */
const FORBIDDEN: ReadonlySet<string> = new Set([
  "connection",
  "host",
  "keep-alive",
  "proxy-connection",
  "transfer-encoding",
  "upgrade",
]);

/** Eight digits are what gRPC allows in a timeout. */
const TIMEOUT_DIGITS_LIMIT = 100_000_000;
const UNITS = [["m", 1], ["S", 1_000], ["M", 60_000], ["H", 3_600_000]] as const;

/**
 * A caller's headers as fields. Throws `invalid_argument` where HTTP/2 allows no such header. `-bin` values are the
 * caller's base64 and go as they are. A token of the transport's goes before the caller's `authorization`.
 */
export function fieldsOf(header: HeadersInit, hasToken: boolean): string[] {
  const fields: string[] = [];
  new Headers(header).forEach((value, name) => {
    if (FORBIDDEN.has(name)) throw invalidArgument("headers", name, "a header that HTTP/2 allows");
    if (!OURS.has(name) && !(hasToken && name === "authorization")) fields.push(name, value);
  });
  return fields;
}

/** Adds `fields` to `headers`, all but the pseudo-headers. */
export function addToHeaders(headers: Headers, fields: Fields): Headers {
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i].charCodeAt(0) !== 0x3a) headers.append(fields[i], fields[i + 1]);
  }
  return headers;
}

/** The value of the field `name`, the last one where there are several. */
export function fieldOf(fields: Fields, name: string): string | undefined {
  for (let i = fields.length - 2; i >= 0; i -= 2) {
    if (fields[i] === name) return fields[i + 1];
  }
  return undefined;
}

/** `grpc-timeout` for so many milliseconds: rounded up, in the finest of ms, s, min and h that eight digits hold. */
export function timeoutOf(timeoutMs: number): string {
  for (const [unit, unitMs] of UNITS) {
    const count = Math.max(1, Math.ceil(timeoutMs / unitMs));
    if (count < TIMEOUT_DIGITS_LIMIT) return `${count}${unit}`;
  }
  return `${TIMEOUT_DIGITS_LIMIT - 1}H`;
}
