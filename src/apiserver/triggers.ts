import { type Context, Hono } from "hono";
import {
  accountOf,
  checkFunctionName,
  checkText,
  type Log,
  NAME_LENGTH_MAX,
  newId,
  PlatformError,
} from "../base/mod.ts";
import type { Answer } from "./attempt.ts";
import { platformErrorOf, statusOf } from "./failures.ts";
import { ACCOUNT_HEADER, REQUEST_ID_HEADER, requestHeaders, responseHeaders, serverTiming } from "./headers.ts";
import type { Call, Invoker, Timings } from "./invoker.ts";

export interface TriggerParts {
  readonly invoker: Pick<Invoker, "start">;
  readonly log: Log;
  /** The caller's address, where the listener knows it. */
  readonly remoteAddress?: (context: Context) => string | undefined;
  /** Whether an `authorization` header is the platform's own token, which no function may see. */
  readonly isPlatformCredential?: (authorization: string) => boolean;
}

/** Answers with these statuses have no body. */
const NO_BODY = new Set([204, 205, 304]);
const RETRY_AFTER_SECONDS_MIN = 1;

/**
 * The HTTP triggers: any method on `/fn/<name>` and below reaches the function as a fetch request, bodies streamed both
 * ways. The function sees the same origin with `/fn/<name>` cut off the path; `x-forwarded-prefix` tells what was cut.
 * `x-minifaas-account` picks the account. Every reply carries `x-minifaas-request-id` and `Server-Timing`; what goes
 * wrong before the function's head is one line of JSON: `{"code","message","requestId"}`.
 *
 * ```ts ignore
 * const app = createTriggers({ invoker, log });
 * const response = await app.fetch(new Request("http://localhost/fn/hello/world?x=1"));
 * ```
 */
export function createTriggers(parts: TriggerParts): Hono {
  const app = new Hono();
  const handle = (context: Context) => trigger(parts, context);
  app.all("/fn/:name", handle);
  app.all("/fn/:name/*", handle);
  return app;
}

async function trigger(parts: TriggerParts, context: Context): Promise<Response> {
  const request = context.req.raw;
  let call: Call | undefined;
  try {
    call = begin(parts, context);
    return respond(parts, request, call, await call.answer);
  } catch (error) {
    return refuse(platformErrorOf(error), call?.requestId ?? newId(), call?.timings ?? { queueMs: 0 });
  }
}

function begin(parts: TriggerParts, context: Context): Call {
  const request = context.req.raw;
  const functionName = context.req.param("name") ?? "";
  const accountId = accountOf(request.headers.get(ACCOUNT_HEADER) ?? "");
  checkFunctionName(functionName);
  checkText(accountId, ACCOUNT_HEADER, NAME_LENGTH_MAX);
  const url = new URL(request.url);
  const prefix = /^\/fn\/[^/]*/.exec(url.pathname)?.[0] ?? "";
  const path = url.pathname.slice(prefix.length) || "/";
  const requestId = newId();
  const forwarded = { requestId, prefix, url, remoteAddress: parts.remoteAddress?.(context) };
  const headers = requestHeaders(request.headers, forwarded, parts.isPlatformCredential ?? (() => false));
  return parts.invoker.start({
    requestId,
    accountId,
    functionName,
    signal: request.signal,
    input: {
      kind: "fetch",
      method: request.method,
      url: `${url.origin}${path}${url.search}`,
      headers,
      body: request.body ?? undefined,
    },
  });
}

/** The function's answer as a response. Throws where it is none that HTTP can carry. */
function respond(parts: TriggerParts, request: Request, call: Call, answer: Answer): Response {
  const { status } = answer;
  let headers: Headers;
  try {
    headers = responseHeaders(answer.headers);
    if (status < 200 || status > 599) throw new RangeError(`status ${status}, must be 200 to 599`);
  } catch (error) {
    void answer.body[Symbol.asyncIterator]().return?.();
    const message = `The function answered what HTTP cannot carry: ${platformErrorOf(error).message}`;
    throw new PlatformError("unknown", message, { failure: "exception" });
  }
  mark(headers, call.requestId, call.timings);
  if (request.method === "HEAD" || NO_BODY.has(status)) {
    answer.detach();
    void drain(parts.log, call.requestId, answer.body);
    return new Response(null, { status, headers });
  }
  return new Response(streamOf(parts.log, call.requestId, answer.body), { status, headers });
}

function mark(headers: Headers, requestId: string, timings: Timings): void {
  headers.set(REQUEST_ID_HEADER, requestId);
  headers.append("server-timing", serverTiming(timings));
}

/** Reads to the end what nobody is to see, so that the run ends as it would have. */
async function drain(log: Log, requestId: string, body: AsyncIterable<Uint8Array>): Promise<void> {
  try {
    for await (const _ of body);
  } catch (error) {
    log.debug("run failed after its head", { requestId, message: platformErrorOf(error).message });
  }
}

/** The body, one chunk at a time as the caller takes it; its failure breaks the stream, its cancelling ends the run. */
function streamOf(log: Log, requestId: string, body: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> {
  const chunks = body[Symbol.asyncIterator]();
  return new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        let next = await chunks.next();
        while (!next.done && next.value.length === 0) next = await chunks.next();
        if (next.done) controller.close();
        else controller.enqueue(next.value);
      } catch (error) {
        log.debug("run failed after its head", { requestId, message: platformErrorOf(error).message });
        controller.error(error);
      }
    },
    async cancel() {
      await chunks.return?.();
    },
  }, { highWaterMark: 0 });
}

/** One line of JSON, with the status that fits. */
function refuse(error: PlatformError, requestId: string, timings: Timings): Response {
  const status = statusOf(error);
  const headers = new Headers({ "content-type": "application/json" });
  mark(headers, requestId, timings);
  if (status === 429 || status === 503) {
    const seconds = Math.ceil((error.retryAfterMs ?? 0) / 1_000);
    headers.set("retry-after", String(Math.max(RETRY_AFTER_SECONDS_MIN, seconds)));
  }
  const line = JSON.stringify({ code: error.code, message: error.message, requestId });
  return new Response(`${line}\n`, { status, headers });
}
