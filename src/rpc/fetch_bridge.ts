import type * as http2 from "node:http2";
import { messageOf, MIB } from "../base/mod.ts";

/** Header fields that belong to one HTTP/1.1 connection and must not occur in HTTP/2 (RFC 9113, 8.2.2). */
const CONNECTION_HEADERS = new Set(["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"]);

/** Bytes of a request's body that are thrown away after its answer, before its stream is reset. */
const DISCARD_BYTES_MAX = 16 * MIB;

/** Answers one HTTP/2 stream with a fetch handler, streaming both ways; resolves when the stream needs nothing more. */
export async function answerWithFetch(
  stream: http2.ServerHttp2Stream,
  headers: http2.IncomingHttpHeaders,
  fetch: (request: Request) => Promise<Response>,
): Promise<void> {
  const leaving = new AbortController();
  stream.once("close", () => leaving.abort(new DOMException("the client left", "AbortError")));
  let request: Request;
  try {
    request = toRequest(stream, headers, leaving.signal);
  } catch (error) {
    const line = JSON.stringify({ code: "invalid_argument", message: messageOf(error) }) + "\n";
    stream.respond({ ":status": 400, "content-type": "application/json" });
    stream.end(line);
    return;
  }
  const response = await fetch(request);
  if (stream.destroyed || stream.closed) {
    await response.body?.cancel();
    return;
  }
  stream.once("finish", () => discardRest(stream));
  const bodyless = request.method === "HEAD" || response.status === 204 || response.status === 304;
  const endStream = bodyless || response.body === null;
  stream.respond(toHeaders(response), { endStream });
  if (endStream) return await response.body?.cancel();
  await pour(response.body!, stream, leaving.signal);
}

function toRequest(stream: http2.ServerHttp2Stream, headers: http2.IncomingHttpHeaders, signal: AbortSignal): Request {
  const method = headers[":method"] ?? "GET";
  const authority = headers[":authority"] ?? headers.host ?? "localhost";
  const url = `http://${authority}${headers[":path"] ?? "/"}`;
  const found = new Headers();
  for (const [name, value] of Object.entries(headers)) {
    if (name.startsWith(":") || value === undefined) continue;
    for (const item of Array.isArray(value) ? value : [value]) found.append(name, item);
  }
  if (!found.has("host")) found.set("host", authority);
  const hasBody = method !== "GET" && method !== "HEAD";
  return new Request(url, {
    method,
    headers: found,
    signal,
    redirect: "manual",
    body: hasBody ? bodyOf(stream) : null,
  });
}

/** The request's body, read from the stream only as fast as it is read from here. */
function bodyOf(stream: http2.ServerHttp2Stream): ReadableStream<Uint8Array<ArrayBuffer>> {
  const chunks = stream[Symbol.asyncIterator]();
  return new ReadableStream({
    async pull(controller) {
      const next = await chunks.next();
      if (next.done) return controller.close();
      controller.enqueue(next.value);
    },
    cancel() {
      // Not chunks.return(): that would destroy the stream, and the answer goes out on it.
      stream.resume();
    },
  }, { highWaterMark: 0 });
}

function toHeaders(response: Response): http2.OutgoingHttpHeaders {
  const headers: http2.OutgoingHttpHeaders = { ":status": response.status };
  response.headers.forEach((value, name) => {
    if (!CONNECTION_HEADERS.has(name) && name !== "set-cookie") headers[name] = value;
  });
  const cookies = response.headers.getSetCookie();
  if (cookies.length > 0) headers["set-cookie"] = cookies;
  return headers;
}

/**
 * Lets a client that has its answer go on sending what nobody reads, up to a bound. A reset right away, though allowed
 * (RFC 9113, 8.1), makes some clients drop the answer.
 */
export function discardRest(stream: http2.ServerHttp2Stream): void {
  if (stream.readableEnded || stream.destroyed) return;
  let discarded = 0;
  // Whoever read before has stopped, maybe with the stream paused.
  stream.removeAllListeners("data");
  stream.on("data", (chunk: Uint8Array) => {
    discarded += chunk.length;
    if (discarded > DISCARD_BYTES_MAX) stream.close(8 /* CANCEL */);
  });
  stream.resume();
}

/** Writes the body to the stream, only as fast as the client reads it. */
async function pour(body: ReadableStream<Uint8Array>, stream: http2.ServerHttp2Stream, leaving: AbortSignal) {
  const reader = body.getReader();
  const left = new Promise<void>((resolve) => leaving.addEventListener("abort", () => resolve(), { once: true }));
  leaving.addEventListener("abort", () => reader.cancel(leaving.reason).catch(() => {}), { once: true });
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (stream.destroyed || leaving.aborted) return;
      if (done) break;
      if (!stream.write(value)) await Promise.race([drained(stream), left]);
    }
    stream.end();
  } catch {
    // The status is out already: a reset is the only way left to say that the body is not whole.
    stream.close(2 /* INTERNAL_ERROR */);
  }
}

function drained(stream: http2.ServerHttp2Stream): Promise<void> {
  return new Promise((resolve) => stream.once("drain", () => resolve()));
}
