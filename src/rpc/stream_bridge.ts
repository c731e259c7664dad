/** Requests on our own HTTP/2 streams, answered by Connect's handlers and by fetch handlers. */
import type { UniversalHandlerFn, UniversalServerResponse } from "@connectrpc/connect/protocol";
import { messageOf } from "../base/mod.ts";
import { type RequestHead, toHeaders } from "./grpc/request_head.ts";
import { ErrorCode, type Fields } from "./http2/types.ts";
import type { RequestStream } from "./request_stream.ts";

/** Header fields that belong to one HTTP/1.1 connection and must not occur in HTTP/2 (RFC 9113, 8.2.2). */
const CONNECTION_HEADERS = new Set(["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"]);

/** Header fields that the protocol sets, not the handler. */
const PROTOCOL_HEADERS = /^(content-type|content-encoding|accept-encoding|trailer|grpc-[a-z-]+|connect-[a-z-]+)$/;

/** Answers a call with one of Connect's handlers. Rejects where the answer breaks off. */
export async function answerWithConnect(
  stream: RequestStream,
  head: RequestHead,
  fields: Fields,
  handler: UniversalHandlerFn,
): Promise<void> {
  const response = await handler({
    httpVersion: "2",
    method: head.method,
    url: `${head.scheme}://${head.authority}${head.path}`,
    header: toHeaders(fields),
    body: stream.body(),
    signal: stream.signal,
  });
  const parts = response.body?.[Symbol.asyncIterator]();
  try {
    // The handler may set header fields until its first part is there.
    let part = await parts?.next();
    if (stream.gone) return;
    const { trailer } = response;
    if (head.method === "HEAD") return stream.sendHeaders(toFields(response.status, response.header), true);
    if (part === undefined || part.done) return sendBodyless(stream, response);
    stream.sendHeaders(toFields(response.status, response.header), false);
    for (; !part!.done; part = await parts!.next()) {
      await stream.write(part!.value);
      if (stream.gone) return;
    }
    if (trailer === undefined) stream.end();
    else stream.sendTrailers(toFields(undefined, trailer));
  } finally {
    parts?.return?.()?.catch(() => {});
  }
}

/**
 * An answer without a body is one header block, trailers included: gRPC's "Trailers-Only". Where the handler has set
 * header fields of its own there are two, since clients take all of a single one for trailers.
 */
function sendBodyless(stream: RequestStream, { status, header, trailer }: UniversalServerResponse): void {
  const fields = toFields(status, header), trailers = trailer === undefined ? [] : toFields(undefined, trailer);
  const isOwn = (name: string) => !PROTOCOL_HEADERS.test(name);
  if (trailers.length === 0 || ![...header?.keys() ?? []].some(isOwn)) {
    return stream.sendHeaders([...fields, ...trailers], true);
  }
  stream.sendHeaders(fields, false);
  stream.sendTrailers(trailers);
}

/** Answers a request with a fetch handler, streaming both ways. */
export async function answerWithFetch(
  stream: RequestStream,
  head: RequestHead,
  fields: Fields,
  fetch: (request: Request) => Promise<Response>,
): Promise<void> {
  let request: Request;
  try {
    request = toRequest(stream, head, fields);
  } catch (error) {
    const line = JSON.stringify({ code: "invalid_argument", message: messageOf(error) }) + "\n";
    stream.sendHeaders([":status", "400", "content-type", "application/json"], false);
    stream.end(new TextEncoder().encode(line));
    return;
  }
  const response = await fetch(request);
  if (stream.gone) return await response.body?.cancel();
  const bodyless = request.method === "HEAD" || response.status === 204 || response.status === 304;
  const ends = bodyless || response.body === null;
  stream.sendHeaders(toFields(response.status, response.headers), ends);
  if (ends) return await response.body?.cancel();
  await pour(response.body!, stream);
}

function toRequest(stream: RequestStream, head: RequestHead, fields: Fields): Request {
  const { method, scheme, authority, path } = head;
  const headers = toHeaders(fields);
  if (!headers.has("host")) headers.set("host", authority);
  const hasBody = method !== "GET" && method !== "HEAD";
  return new Request(`${scheme}://${authority}${path}`, {
    method,
    headers,
    signal: stream.signal,
    redirect: "manual",
    body: hasBody ? stream.bodyStream() : null,
  });
}

function toFields(status: number | undefined, headers: Headers | undefined): string[] {
  const fields: string[] = status === undefined ? [] : [":status", String(status)];
  headers?.forEach((value, name) => {
    if (!CONNECTION_HEADERS.has(name)) fields.push(name, value);
  });
  return fields;
}

/** Writes the body to the stream, only as fast as the peer reads it. */
async function pour(body: ReadableStream<Uint8Array>, stream: RequestStream): Promise<void> {
  const reader = body.getReader();
  const { signal } = stream;
  const cancel = () => void reader.cancel(signal.reason).catch(() => {});
  signal.addEventListener("abort", cancel, { once: true });
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (stream.gone) return;
      if (done) break;
      await stream.write(value);
    }
    stream.end();
  } catch {
    // The status is out already: a reset is the only way left to say that the body is not whole.
    stream.reset(ErrorCode.INTERNAL_ERROR);
  } finally {
    signal.removeEventListener("abort", cancel);
  }
}
