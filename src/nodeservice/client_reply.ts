import {
  type FetchInput,
  type Invocation,
  type InvocationFooter,
  type InvocationReply,
  messageOf,
  PlatformError,
} from "../base/mod.ts";

/** One message of an answer, whichever call it came by. */
export interface ReplyPart {
  readonly head?: InvocationReply["head"];
  readonly body?: Uint8Array;
  readonly footer?: InvocationFooter;
}

/**
 * An answer made of `parts`. Rejects with what `parts` throws before the first; what breaks later ends the body and is
 * told in the footer. `stop` is aborted as soon as nothing more is wanted.
 */
export async function replyFromParts(
  parts: AsyncGenerator<ReplyPart, void>,
  stop: AbortController,
  signal: AbortSignal | undefined,
): Promise<InvocationReply> {
  const footer = Promise.withResolvers<InvocationFooter>();
  let over = false;
  const finish = (value: InvocationFooter) => {
    if (over) return;
    over = true;
    footer.resolve(value);
    // Ends what is left of the request, where the function answered before it had read all of it.
    stop.abort(new PlatformError("cancelled", "the invocation is over"));
  };
  const next = async (): Promise<ReplyPart | undefined> => {
    if (over) return undefined;
    try {
      const { value } = await parts.next();
      if (!value) finish(broken("the node agent's answer ended early"));
      else if (value.footer) await endOf(parts).then(() => finish(value.footer!));
      else return value;
    } catch (error) {
      finish(signal?.aborted ? left() : broken(messageOf(error)));
    }
    return undefined;
  };

  let first: ReplyPart;
  try {
    const { value } = await parts.next();
    if (!value) throw new PlatformError("unavailable", "the node agent ended the call without an answer");
    first = value;
  } catch (error) {
    stop.abort();
    throw error;
  }
  if (first.footer) finish(first.footer);
  // Without a head there is no body to read, so nobody would ask for the footer.
  else if (!first.head) { while (await next()); }

  const body: AsyncIterator<Uint8Array, undefined> = {
    async next() {
      for (let part = await next(); part; part = await next()) {
        if (part.body) return { done: false, value: part.body };
      }
      return { done: true, value: undefined };
    },
    return() {
      finish(left());
      return Promise.resolve({ done: true, value: undefined });
    },
  };
  return { head: first.head, body: { [Symbol.asyncIterator]: () => body }, footer: footer.promise };
}

/** The messages of a Fetch call: its start, then the body until `over` is aborted. */
export async function* fetchMessages(invocation: Invocation & FetchInput, over: AbortSignal) {
  const { requestId, containerId, timeoutMs, method, url, headers, body } = invocation;
  const start = {
    requestId,
    containerId,
    method,
    url,
    headers: headers.map(([name, value]) => ({ name, value })),
    timeoutInMs: BigInt(timeoutMs),
    hasBody: body !== undefined,
  };
  yield { part: { case: "start" as const, value: start } };
  if (!body) return;
  const chunks = body[Symbol.asyncIterator]();
  // One listener for all chunks: a race with one promise would keep every chunk's reaction until the end.
  let wake = () => {};
  over.addEventListener("abort", () => wake(), { once: true });
  while (!over.aborted) {
    const next = await new Promise<IteratorResult<Uint8Array> | undefined>((resolve, reject) => {
      wake = () => resolve(undefined);
      chunks.next().then(resolve, reject);
    });
    if (!next || next.done) break;
    if (next.value.length > 0) yield { part: { case: "body" as const, value: next.value } };
  }
  // Not awaited: a body that waits for its next chunk ends when its source does.
  chunks.return?.().catch(() => {});
}

/** The trailers come after the last message: a call that is cut off before them would count as broken. */
async function endOf(parts: AsyncGenerator<ReplyPart, void>): Promise<void> {
  try {
    await parts.next();
  } catch {
    // The footer is here: nothing is missing.
  }
}

function broken(message: string): InvocationFooter {
  return { durationNanos: 0, maxMemoryBytes: 0, failure: { kind: "unavailable", message } };
}

function left(): InvocationFooter {
  return { durationNanos: 0, maxMemoryBytes: 0, failure: { kind: "cancelled", message: "the caller left" } };
}
