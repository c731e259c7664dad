import {
  type Clock,
  type EventInput,
  type FetchInput,
  type FunctionSpec,
  type HeaderList,
  type InvocationFooter,
  type InvocationReply,
  LEASE_GRACE_MS,
  PlatformError,
} from "../base/mod.ts";
import type { Grant } from "../scheduler/ports.ts";
import type { Caller } from "./caller.ts";
import { errorOf, failureOf, platformErrorOf } from "./failures.ts";
import { footerOf, type Lease } from "./lease.ts";
import type { NodeInvokers } from "./ports.ts";

/** How long after its time a node may take to tell how a run ended; the lease itself outlives that. */
const NODE_GRACE_MS = LEASE_GRACE_MS / 2;

/** The system's names for a connection that could not be made. */
const NOT_CONNECTED = new Set(["ECONNREFUSED", "ENOTFOUND", "EAI_AGAIN", "EHOSTUNREACH", "ENETUNREACH"]);
/** How far down an error's causes are looked at. */
const CAUSES_MAX = 8;

/** A function's answer whose head is there. */
export interface Answer {
  readonly status: number;
  readonly headers: HeaderList;
  /**
   * To be read to its end; returning its iterator early cancels the invocation. Throws a PlatformError where the
   * invocation fails after its head.
   */
  readonly body: AsyncIterable<Uint8Array>;
  /** When the run is over and the lease on its way back: the error it failed with, if it did. Never rejects. */
  readonly ended: Promise<PlatformError | undefined>;
  /** Lets the run go on to its end though the caller, who has all that it wants, leaves. */
  readonly detach: () => void;
}

/** The node or the container was not there, so that the function saw nothing of it; `cause` is the PlatformError. */
export class NotHandedOver extends Error {}

/** What {@linkcode runOn} runs, for whom, and on whose lease. */
export interface Attempt {
  readonly lease: Lease;
  readonly grant: Grant;
  readonly spec: FunctionSpec;
  readonly input: EventInput | FetchInput;
  readonly timings: { headMs?: number };
  readonly caller: Caller;
}

/**
 * Runs one invocation on the container that was granted. The lease ends with the footer, whatever the caller does; a
 * node that owes it for longer than it may loses the lease without.
 */
export async function runOn(parts: { clock: Clock; nodes: NodeInvokers }, attempt: Attempt): Promise<Answer> {
  const { clock, nodes } = parts;
  const { lease, grant, spec, input, timings, caller } = attempt;
  const { requestId, containerId } = lease;
  const startMs = clock.nowMs();
  const node = { nodeId: grant.nodeId, address: grant.nodeAddress, port: grant.nodePort };
  const limitMs = spec.timeoutMs + NODE_GRACE_MS;
  const invoked = handOver(() =>
    nodes.get(node).invoke({ ...input, requestId, containerId, timeoutMs: spec.timeoutMs }, {
      signal: caller.signal,
      timeoutMs: limitMs,
    })
  );
  const footer = footerInTime(clock, limitMs, caller, invoked);
  void footer.then((footer) => lease.end(footer));
  const ended = footer.then(({ failure }) => failure && errorOf(failure));
  try {
    const reply = await caller.wait(invoked);
    timings.headMs = clock.nowMs() - startMs;
    if (reply.head === undefined) await throwFailure(caller.wait(ended));
    const { status, headers } = reply.head ?? { status: 200, headers: [] };
    const detach = () => caller.close();
    return { status, headers, body: new Body(reply.body, ended, caller), ended, detach };
  } catch (error) {
    // Nobody will read what the node may still send.
    invoked.then((reply) => reply.body[Symbol.asyncIterator]().return?.()).catch(() => {});
    throw error;
  }
}

async function handOver(invoke: () => Promise<InvocationReply>): Promise<InvocationReply> {
  try {
    return await invoke();
  } catch (thrown) {
    const error = platformErrorOf(thrown);
    throw neverReached(error) ? new NotHandedOver(error.message, { cause: unavailable(error) }) : error;
  }
}

/**
 * Whether the function certainly saw nothing of the invocation: its node has no such container or says that it takes
 * no more, or no connection to the node could be made. A connection that broke may have done so when the function was half through.
 */
function neverReached(error: PlatformError): boolean {
  if (error.code === "not_found") return true;
  if (error.code !== "unavailable") return false;
  // The node's own word: the container takes no further invocation.
  if (error.failure === "unavailable") return true;
  let cause = error.cause;
  for (let depth = 0; cause instanceof Error && depth < CAUSES_MAX; depth++, cause = cause.cause) {
    if ("code" in cause && typeof cause.code === "string" && NOT_CONNECTED.has(cause.code)) return true;
  }
  return false;
}

/** A container that is not there any more is no fault of the function's name, which the caller would read into it. */
function unavailable(error: PlatformError): PlatformError {
  return new PlatformError("unavailable", error.message, { failure: "unavailable", cause: error });
}

/** The footer, or one of our own where the node fails to send it `limitMs` from now or some time after the caller left. */
function footerInTime(
  clock: Clock,
  limitMs: number,
  caller: Caller,
  invoked: Promise<InvocationReply>,
): Promise<InvocationFooter> {
  return new Promise((resolve) => {
    let cancelGrace = () => {};
    const onLeave = () => {
      cancelGrace = clock.after(NODE_GRACE_MS, () => settle(footerOf(failureOf(caller.signal.reason))));
    };
    const cancelLimit = clock.after(limitMs, () => {
      const message = `The node has not told within ${limitMs} ms how the invocation ended`;
      const error = new PlatformError("deadline_exceeded", message, { failure: "timeout" });
      settle(footerOf(failureOf(error)));
      caller.leave(error);
    });
    const settle = (footer: InvocationFooter) => {
      cancelLimit();
      cancelGrace();
      caller.signal.removeEventListener("abort", onLeave);
      resolve(footer);
    };
    if (caller.signal.aborted) onLeave();
    else caller.signal.addEventListener("abort", onLeave, { once: true });
    invoked.then((reply) => reply.footer).then(settle, (error) => {
      settle(footerOf(failureOf(platformErrorOf(error instanceof NotHandedOver ? error.cause : error))));
    });
  });
}

async function throwFailure(ended: Promise<PlatformError | undefined>): Promise<void> {
  const error = await ended;
  if (error !== undefined) throw error;
}

/** The body as the caller reads it: a run that fails does not look like one that ended. */
class Body implements AsyncIterable<Uint8Array>, AsyncIterator<Uint8Array> {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #finished = false;

  constructor(
    body: AsyncIterable<Uint8Array>,
    readonly ended: Promise<PlatformError | undefined>,
    readonly caller: Caller,
  ) {
    this.#chunks = body[Symbol.asyncIterator]();
  }

  [Symbol.asyncIterator](): AsyncIterator<Uint8Array> {
    return this;
  }

  async next(): Promise<IteratorResult<Uint8Array>> {
    if (this.#finished) return { done: true, value: undefined };
    try {
      const result = await this.caller.wait(this.#chunks.next());
      if (!result.done) return result;
      await throwFailure(this.caller.wait(this.ended));
    } catch (error) {
      await this.return();
      throw platformErrorOf(error);
    }
    this.#finished = true;
    return { done: true, value: undefined };
  }

  /** Does not wait for the node: it is told through the signal, and its footer ends the lease. */
  return(): Promise<IteratorResult<Uint8Array>> {
    if (!this.#finished) {
      this.#finished = true;
      this.caller.leave();
      void Promise.resolve(this.#chunks.return?.()).catch(() => {});
    }
    return Promise.resolve({ done: true, value: undefined });
  }
}
