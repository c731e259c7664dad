import type { DescMethod } from "@bufbuild/protobuf";
import { Code, ConnectError, type Interceptor } from "@connectrpc/connect";
import { type Log, PlatformError } from "../base/mod.ts";
import { toConnectError } from "./errors.ts";

type Translate = (error: unknown) => Error;

/**
 * On the server: what a handler throws becomes the protocol's own error; what nobody expected is logged. A call that
 * still runs when the signal of `cut` is aborted ends with that signal's reason, whatever its handler does.
 */
export function serverErrors(log: Log, cut: () => AbortSignal): Interceptor {
  return (next) => async (request) => {
    const translate: Translate = (error) => serverError(error, request.signal, request.method, log);
    const signal = cut();
    const reply = await translated(unlessAborted(() => next(request), signal), translate);
    if (!reply.stream) return reply;
    return { ...reply, message: translatedStream(streamUnlessAborted(reply.message, signal), translate) };
  };
}

/**
 * What the caller of `method` is told when its handler threw `error`. `signal` is the handler's, where it has looked at
 * it.
 */
export function serverError(
  error: unknown,
  signal: AbortSignal | undefined,
  method: DescMethod,
  log: Log,
): ConnectError {
  if (signal?.aborted && isAbort(error, signal)) return ConnectError.from(signal.reason, Code.Canceled);
  if (!(error instanceof PlatformError) && !(error instanceof ConnectError)) {
    const stack = error instanceof Error ? error.stack : String(error);
    log.error("a handler failed", { method: `${method.parent.typeName}/${method.name}`, stack });
  }
  return toConnectError(error);
}

async function translated<T>(reply: Promise<T>, translate: Translate): Promise<T> {
  try {
    return await reply;
  } catch (error) {
    throw translate(error);
  }
}

async function* translatedStream<T>(messages: AsyncIterable<T>, translate: Translate): AsyncGenerator<T> {
  try {
    yield* messages;
  } catch (error) {
    throw translate(error);
  }
}

/** What `run` answers, unless `signal` is aborted first: then its reason. */
function unlessAborted<T>(run: () => Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) return onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    run().then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}

async function* streamUnlessAborted<T>(messages: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T> {
  const iterator = messages[Symbol.asyncIterator]();
  let ended = false;
  try {
    for (;;) {
      const next = await unlessAborted(() => iterator.next(), signal);
      if (next.done) return;
      yield next.value;
    }
  } catch (error) {
    ended = true;
    throw error;
  } finally {
    // A handler that hangs in its own await would hold this back for ever, so nobody waits for it.
    if (!ended) iterator.return?.()?.catch(() => {});
  }
}

/** Whether `error` only says that `signal` was aborted. */
function isAbort(error: unknown, signal: AbortSignal): boolean {
  return error === signal.reason ||
    (error instanceof Error && (error.name === "AbortError" || error.name === "TimeoutError"));
}
