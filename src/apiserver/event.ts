import { EVENT_BYTES_MAX, invalidArgument, PlatformError } from "../base/mod.ts";
import type { FunctionName } from "./registry.ts";
import type { Invoker } from "./invoker.ts";

/** An event for a function. */
export type EventRequest = FunctionName & {
  readonly event: Uint8Array;
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
};

/**
 * Runs a function on an event and collects its answer. Errors: `invalid_argument` for an event that is too large;
 * `resource_exhausted` with failure `output_limit` for such an answer; else as the invocation's.
 */
export async function invokeEvent(
  invoker: Pick<Invoker, "start">,
  request: EventRequest,
): Promise<{ requestId: string; body: Uint8Array }> {
  const { event, ...rest } = request;
  if (event.length > EVENT_BYTES_MAX) {
    throw invalidArgument("event", `${event.length} bytes long`, `at most ${EVENT_BYTES_MAX} bytes`);
  }
  const call = invoker.start({ ...rest, input: { kind: "event", event } });
  const answer = await call.answer;
  return { requestId: call.requestId, body: await collect(answer.body) };
}

/** All of a body of at most EVENT_BYTES_MAX; a longer one is cancelled. */
async function collect(body: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > EVENT_BYTES_MAX) {
      const message =
        `The function answered with more than ${EVENT_BYTES_MAX} bytes: call it by its URL, which streams`;
      throw new PlatformError("resource_exhausted", message, { failure: "output_limit" });
    }
    chunks.push(chunk);
  }
  if (chunks.length === 1) return chunks[0];
  const whole = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
