import { attemptId, type FailureKind, type FunctionSpec, PlatformError } from "../../base/mod.ts";
import type { Grant } from "../../scheduler/ports.ts";
import type { Scheduler } from "../../scheduler/scheduler.ts";
import type { Cluster } from "../cluster/cluster.ts";
import { Run } from "../cluster/container.ts";
import { ANSWER_MS_MAX } from "../score/score.ts";
import { type CallResults, OUTCOME, START } from "../score/types.ts";
import type { Calls } from "../workloads/types.ts";
import type { VirtualClock } from "./virtual_clock.ts";

/** A container that turns out to be gone: so many tries at once, then after a pause, twice as long each time. */
const TRIES_AT_ONCE = 4;
const PAUSE_MS_MIN = 20;
const PAUSE_MS_MAX = 1_000;
/** A return that did not get through is sent again after so long. */
const RETURN_AGAIN_MS = 200;

/** What the calls of a run share: the apiserver's part. */
export interface CallParts {
  readonly clock: VirtualClock;
  readonly cluster: Cluster;
  /** The scheduler that serves now; another one after a restart. */
  readonly scheduler: () => Scheduler;
  readonly calls: Calls;
  /** Of the workload's functions, as the scheduler is told of them. */
  readonly specs: readonly FunctionSpec[];
  readonly results: CallResults;
  /** Acquires that wait for an answer now, and calls whose outcome is known. */
  readonly counts: { waiting: number; over: number };
  /** Told of what became of a call, where somebody wants to know. */
  readonly watch?: CallWatch;
}

/** What a checker sees of the calls. */
export interface CallWatch {
  /** Whether the caller of this one dies while it runs: its return is never sent. */
  forgets(index: number): boolean;
  asked(index: number): void;
  granted(index: number, requestId: string, grant: Grant): void;
  over(index: number, outcome: number): void;
}

/**
 * One call from its arrival to the return of its container: it acquires, goes to the node that was granted, runs there,
 * and returns the container. It is its own event all the way.
 */
export class Call extends Run {
  readonly #parts: CallParts;
  readonly #index: number;
  readonly #spec: FunctionSpec;
  /** Of the present try. */
  #requestId: string;
  #tries = 1;
  #grant: Grant | undefined;
  #grantedMs = 0;

  constructor(parts: CallParts, index: number) {
    super();
    this.#parts = parts;
    this.#index = index;
    this.#spec = parts.specs[parts.calls.functionIndex[index]];
    this.#requestId = `r${index}`;
  }

  get requestId(): string {
    return this.#requestId;
  }
  get cpuMs(): number {
    return this.#parts.calls.cpuMs[this.#index];
  }
  get sleepMs(): number {
    return this.#parts.calls.sleepMs[this.#index];
  }
  get peakBytes(): number {
    return this.#parts.calls.peakBytes[this.#index];
  }
  get timeoutMs(): number {
    return this.#spec.timeoutMs;
  }

  /** Asks the scheduler for a container. */
  acquire(): void {
    const { clock, scheduler, counts } = this.#parts;
    const request = { requestId: this.#requestId, function: this.#spec };
    this.#parts.watch?.asked(this.#index);
    let granted: Grant | Promise<Grant>;
    try {
      granted = scheduler().acquireNow(request, { timeoutMs: Math.max(0, ANSWER_MS_MAX - this.#ageMs) });
    } catch (error) {
      return this.#refused(error);
    }
    if (!(granted instanceof Promise)) {
      clock.quiet();
      return this.#granted(granted);
    }
    counts.waiting++;
    granted.finally(() => counts.waiting--).then((grant) => this.#granted(grant), (error) => this.#refused(error));
  }

  override fire(): void {
    if (this.container) {
      this.#parts.clock.quiet();
      this.container.node.due(this);
    } else if (this.#grant) {
      this.#parts.clock.quiet();
      this.#invoke(this.#grant);
    } else this.acquire();
  }

  override ended(failure: FailureKind | undefined, memoryToldBytes: number): void {
    const { clock, results } = this.#parts;
    results.executionMs[this.#index] = clock.nowMs() - this.#grantedMs;
    results.container[this.#index] = this.containerIndex;
    this.#return(this.#grant!, failure, memoryToldBytes);
    this.#over(outcomeOf(failure));
  }

  /** Since its arrival, in milliseconds. */
  get #ageMs(): number {
    return this.#parts.clock.nowMs() - this.#parts.calls.atMs[this.#index];
  }

  #granted(grant: Grant): void {
    const { clock, cluster, results } = this.#parts;
    this.#parts.watch?.granted(this.#index, this.#requestId, grant);
    this.#grant = grant;
    this.#grantedMs = clock.nowMs();
    results.acquireMs[this.#index] = this.#ageMs;
    results.start[this.#index] = grant.coldStart ? START.cold : grant.queuedMs > 0 ? START.waited : START.warm;
    clock.schedule(this, clock.nowMs() + cluster.network.delayMs());
  }

  #refused(error: unknown): void {
    if (!(error instanceof PlatformError)) throw error;
    const pauseMs = error.retryAfterMs ?? PAUSE_MS_MIN;
    // A scheduler that is starting says so, and the caller tries again.
    const tryAgain = error.code === "unavailable" && this.#ageMs + pauseMs < ANSWER_MS_MAX;
    if (tryAgain) return this.#parts.clock.schedule(this, this.#parts.clock.nowMs() + pauseMs);
    this.#parts.results.acquireMs[this.#index] = this.#ageMs;
    this.#over(error.code === "deadline_exceeded" ? OUTCOME.unanswered : OUTCOME.refused);
  }

  #invoke(grant: Grant): void {
    const { cluster, clock } = this.#parts;
    if (cluster.nodes.get(grant.nodeId)?.begin(this, grant.containerId)) return;
    // The container is gone and the function has seen nothing of it: elsewhere, then.
    this.beganMs = clock.nowMs();
    this.#return(grant, "unavailable", 0);
    const pauseMs = this.#tries < TRIES_AT_ONCE
      ? cluster.network.delayMs()
      : Math.min(PAUSE_MS_MAX, PAUSE_MS_MIN * 2 ** (this.#tries - TRIES_AT_ONCE));
    if (this.#ageMs + pauseMs >= ANSWER_MS_MAX) return this.#over(OUTCOME.lost);
    this.#grant = undefined;
    this.#requestId = attemptId(`r${this.#index}`, ++this.#tries);
    clock.schedule(this, clock.nowMs() + pauseMs);
  }

  /** Tells the scheduler how the run ended, until it has heard it. */
  #return({ containerId }: Grant, failure: FailureKind | undefined, maxMemoryBytes: number): void {
    const { clock, cluster, scheduler, counts, watch } = this.#parts;
    if (watch?.forgets(this.#index)) return;
    const request = {
      requestId: this.#requestId,
      containerId,
      durationNanos: Math.round((clock.nowMs() - this.beganMs) * 1e6),
      maxMemoryBytes,
      errorCode: failure ?? "",
      errorMessage: failure ?? "",
    };
    let copies = cluster.network.isDoubled() ? 2 : 1;
    const send = () => {
      if (scheduler().notReady() !== undefined) return void clock.after(RETURN_AGAIN_MS, send);
      void scheduler().release(request);
      // Where nobody waits nobody was granted anything by it.
      if (counts.waiting === 0) clock.quiet();
      if (--copies > 0) clock.after(cluster.network.delayMs(), send);
    };
    clock.after(cluster.network.isLost() ? RETURN_AGAIN_MS : cluster.network.delayMs(), send);
  }

  #over(outcome: number): void {
    this.#parts.results.outcome[this.#index] = outcome;
    this.#parts.counts.over++;
    this.#parts.watch?.over(this.#index, outcome);
  }
}

function outcomeOf(failure: FailureKind | undefined): number {
  if (failure === undefined) return OUTCOME.ok;
  if (failure === "out_of_memory" || failure === "timeout") return OUTCOME[failure];
  return OUTCOME.lost;
}
