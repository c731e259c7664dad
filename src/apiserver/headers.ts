import type { HeaderList } from "../base/mod.ts";
import type { Timings } from "./invoker.ts";

/** The header that tells the invocation's id, on every reply and on the request that the function sees. */
export const REQUEST_ID_HEADER = "x-minifaas-request-id";
/** The header that names the account of the function; "default" without it. */
export const ACCOUNT_HEADER = "x-minifaas-account";

/** What concerns one connection only and is never handed on (RFC 9110, section 7.6.1, and older habits). */
const HOP_BY_HOP = new Set([
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** How the request reached the platform. */
export interface Forwarded {
  readonly requestId: string;
  /** What was cut off the path: `/fn/<name>`. */
  readonly prefix: string;
  /** The URL as the caller wrote it. */
  readonly url: URL;
  /** The caller's address, where it is known. */
  readonly remoteAddress?: string;
}

/**
 * The headers that the function sees: hop-by-hop ones and the platform's own left out, `x-forwarded-*` and the request
 * id set. `x-forwarded-for` grows by the caller; what a caller claims of host, protocol or prefix is replaced.
 */
export function requestHeaders(
  headers: Headers,
  forwarded: Forwarded,
  isPlatformCredential: (authorization: string) => boolean,
): HeaderList {
  const dropped = connectionOnly(headers.get("connection"));
  const list: [string, string][] = [];
  for (const [name, value] of headers) {
    const ours = name.startsWith("x-forwarded-") || name === REQUEST_ID_HEADER || name === ACCOUNT_HEADER;
    if (dropped.has(name) || ours || (name === "authorization" && isPlatformCredential(value))) continue;
    list.push([name, value]);
  }
  const { url, prefix, requestId, remoteAddress } = forwarded;
  const chain = [headers.get("x-forwarded-for"), remoteAddress].filter(Boolean).join(", ");
  if (chain) list.push(["x-forwarded-for", chain]);
  list.push(["x-forwarded-host", url.host], ["x-forwarded-proto", url.protocol.slice(0, -1)]);
  list.push(["x-forwarded-prefix", prefix], [REQUEST_ID_HEADER, requestId]);
  return list;
}

/** A function's headers as the caller sees them. Throws TypeError where a name or a value is none. */
export function responseHeaders(list: HeaderList): Headers {
  const headers = new Headers();
  const dropped = connectionOnly(list.find(([name]) => name.toLowerCase() === "connection")?.[1] ?? null);
  for (const [name, value] of list) {
    const lower = name.toLowerCase();
    if (!dropped.has(lower) && lower !== REQUEST_ID_HEADER) headers.append(name, value);
  }
  return headers;
}

/**
 * `Server-Timing`, in milliseconds: `queue`, waiting for a container without its start; after a cold start `reserve`
 * (a node), `create` (the container, all in all), and of that `boot` and `import`; `run`, up to the function's head.
 */
export function serverTiming(timings: Timings): string {
  const entries: [string, number][] = [["queue", timings.queueMs]];
  const { coldStart, headMs } = timings;
  if (coldStart) {
    const { reserveNodeMs, createMs, bootMs, importMs } = coldStart;
    entries.push(["reserve", reserveNodeMs], ["create", createMs], ["boot", bootMs], ["import", importMs]);
  }
  if (headMs !== undefined) entries.push(["run", headMs]);
  return entries.map(([name, ms]) => `${name};dur=${Math.round(ms * 1_000) / 1_000}`).join(", ");
}

function connectionOnly(connection: string | null): ReadonlySet<string> {
  if (connection === null) return HOP_BY_HOP;
  const named = connection.split(",").map((name) => name.trim().toLowerCase());
  return new Set([...HOP_BY_HOP, ...named]);
}
