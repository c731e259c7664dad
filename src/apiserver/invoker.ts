import {
  attemptId,
  type Clock,
  type EventInput,
  type FetchInput,
  type FunctionSpec,
  type Log,
  newId,
  type PlatformError,
  type Random,
  sleep,
} from "../base/mod.ts";
import type { ColdStart, SchedulerPort } from "../scheduler/ports.ts";
import { acquire } from "./acquire.ts";
import { type Answer, NotHandedOver, runOn } from "./attempt.ts";
import { Caller } from "./caller.ts";
import { failureOf, platformErrorOf } from "./failures.ts";
import { footerOf, Lease } from "./lease.ts";
import type { NodeInvokers } from "./ports.ts";
import type { FunctionName } from "./registry.ts";
import { Releases, type ReleaseStats } from "./releases.ts";

/** How long an invocation waits for a container at most, whatever its caller's deadline. */
export const ACQUIRE_TIMEOUT_MS_DEFAULT = 60_000;
/**
 * Where a node turns out to be gone before the function saw anything of an invocation, it is tried again until its
 * deadline: so often at once, then after pauses, twice as long each time, times a random 0.5 to 1.
 */
const TRIES_AT_ONCE = 4;
const PAUSE_MS_MIN = 20;
const PAUSE_MS_MAX = 1_000;

export interface InvokerParts {
  /** What the function of that name is at present. Errors: `not_found`, `invalid_argument`. */
  readonly registry: { resolve(name: FunctionName): FunctionSpec };
  readonly scheduler: SchedulerPort;
  readonly nodes: NodeInvokers;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly acquireTimeoutMs?: number;
}

export type InvokeRequest = FunctionName & {
  readonly input: EventInput | FetchInput;
  /** A fresh one where it is left out. Must not have been used before. */
  readonly requestId?: string;
  /** Aborted when the caller leaves. */
  readonly signal?: AbortSignal;
  /** The caller's own deadline, in milliseconds from now. */
  readonly timeoutMs?: number;
};

/** Where the time of an invocation went, in milliseconds; filled in as it goes on. */
export interface Timings {
  /** Waiting for a container, its cold start left out. */
  queueMs: number;
  coldStart?: ColdStart;
  /** From the container's being there to the head of its answer. */
  headMs?: number;
}

/** An invocation under way. */
export interface Call {
  readonly requestId: string;
  readonly timings: Readonly<Timings>;
  /** Resolves with the head; rejects with a PlatformError where the invocation failed before it. */
  readonly answer: Promise<Answer>;
}

/** Counters since the start; `inFlight` is of this moment. */
export interface InvokerStats {
  readonly inFlight: number;
  readonly invocations: number;
  readonly failed: number;
  /** Runs begun again elsewhere because their node was gone. */
  readonly moved: number;
  readonly releases: ReleaseStats;
}

/**
 * Runs invocations: finds the function, acquires a container, hands the input to its node and the answer to the
 * caller, and gives the lease back exactly once, however it ends. Nothing it does for one invocation depends on how
 * many others are in flight.
 */
export class Invoker {
  readonly #parts: InvokerParts;
  readonly #releases: Releases;
  #inFlight = 0;
  #invocations = 0;
  #failed = 0;
  #moved = 0;

  constructor(parts: InvokerParts) {
    this.#parts = parts;
    this.#releases = new Releases(parts);
  }

  get stats(): InvokerStats {
    return {
      inFlight: this.#inFlight,
      invocations: this.#invocations,
      failed: this.#failed,
      moved: this.#moved,
      releases: this.#releases.stats,
    };
  }

  /** Begins an invocation. Never throws: errors come through `answer`. */
  start(request: InvokeRequest): Call {
    const requestId = request.requestId ?? newId();
    const timings: Timings = { queueMs: 0 };
    const caller = new Caller(this.#parts.clock, request);
    this.#invocations++;
    this.#inFlight++;
    const end = (error?: unknown) => {
      this.#inFlight--;
      caller.close();
      if (error !== undefined) this.#tellFailure(request, requestId, platformErrorOf(error));
    };
    const answer = this.#run(request, requestId, timings, caller).then((answer) => {
      void answer.ended.then(end);
      return answer;
    }, (thrown) => {
      const error = platformErrorOf(caller.signal.aborted ? caller.signal.reason : thrown);
      end(error);
      throw error;
    });
    return { requestId, timings, answer };
  }

  /** Resolves when every lease that was given back has got through. */
  idle(): Promise<void> {
    return this.#releases.idle();
  }

  /** Gives up releases that have not got through. To be called when nothing is in flight any more. */
  close(): void {
    this.#releases.close();
  }

  /** Acquires and runs, and begins again elsewhere while the node turns out to be gone. */
  async #run(request: InvokeRequest, requestId: string, timings: Timings, caller: Caller): Promise<Answer> {
    const { clock, nodes, registry, acquireTimeoutMs = ACQUIRE_TIMEOUT_MS_DEFAULT } = this.#parts;
    const spec = registry.resolve(request);
    const startMs = clock.nowMs();
    const deadlineMs = Math.min(caller.deadlineMs, startMs + acquireTimeoutMs);
    const body = new WatchedBody(request.input);
    for (let tries = 1;; tries++) {
      const id = attemptId(requestId, tries);
      let lease: Lease | undefined;
      try {
        const granted = acquire(this.#parts, { requestId: id, function: spec }, { deadlineMs, signal: caller.signal });
        const grant = await caller.wait(granted).catch((error) => {
          granted.then((late) => this.#giveBack(id, late.containerId, error), () => {});
          throw error;
        }).finally(() => timings.queueMs = clock.nowMs() - startMs);
        if (grant.coldStart) noteColdStart(timings, grant.coldStart);
        lease = new Lease({ releases: this.#releases, clock }, id, grant.containerId);
        return await runOn({ clock, nodes }, { lease, grant, spec, input: body.input, timings, caller });
      } catch (error) {
        if (!(error instanceof NotHandedOver)) throw error;
        const pauseMs = this.#pauseAfter(tries);
        const late = clock.nowMs() + pauseMs >= deadlineMs;
        if (late || body.touched || caller.signal.aborted) throw error.cause;
        this.#moved++;
        if (pauseMs > 0) await sleep(clock, pauseMs, caller.signal);
      }
    }
  }

  #pauseAfter(tries: number): number {
    if (tries < TRIES_AT_ONCE) return 0;
    const pauseMs = Math.min(PAUSE_MS_MAX, PAUSE_MS_MIN * 2 ** (tries - TRIES_AT_ONCE));
    return pauseMs * (0.5 + this.#parts.random.float() / 2);
  }

  /** A grant that came when nobody wanted it any more. */
  #giveBack(requestId: string, containerId: string, reason: unknown): void {
    const lease = new Lease({ releases: this.#releases, clock: this.#parts.clock }, requestId, containerId);
    lease.end(footerOf({ ...failureOf(platformErrorOf(reason)), kind: "cancelled" }));
  }

  #tellFailure(request: FunctionName, requestId: string, error: PlatformError): void {
    this.#failed++;
    const { accountId, functionName } = request;
    const fields = { requestId, accountId, functionName, code: error.code, failure: error.failure };
    const level = error.code === "cancelled" || error.code === "not_found" ? "debug" : "warn";
    this.#parts.log[level]("invocation failed", { ...fields, message: error.message });
  }
}

function noteColdStart(timings: Timings, coldStart: ColdStart): void {
  timings.coldStart = coldStart;
  timings.queueMs = Math.max(0, timings.queueMs - coldStart.reserveNodeMs - coldStart.createMs);
}

/** Knows whether any of a request body has been read: such an invocation cannot be begun again. */
class WatchedBody {
  readonly input: EventInput | FetchInput;
  touched = false;

  constructor(input: EventInput | FetchInput) {
    const body = input.kind === "fetch" ? input.body : undefined;
    this.input = body === undefined ? input : { ...input as FetchInput, body: this.#watch(body) };
  }

  #watch(body: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array> {
    let chunks: AsyncIterator<Uint8Array> | undefined;
    const iterator = {
      next: () => {
        this.touched = true;
        chunks ??= body[Symbol.asyncIterator]();
        return chunks.next();
      },
      return: async () => {
        await chunks?.return?.();
        return { done: true as const, value: undefined };
      },
    };
    return { [Symbol.asyncIterator]: () => iterator };
  }
}
