import type { FunctionSpec } from "../../base/mod.ts";
import { KIB } from "../../base/mod.ts";
import { quotaCores } from "../../nodeservice/runtimes/simulated/model.ts";
import type { ObservedCall } from "../../scheduler/score/observer.ts";
import { ANSWER_MS_MAX } from "../score/score.ts";
import { type CallResults, createCallResults, OUTCOME } from "../score/types.ts";
import type { Calls } from "../workloads/types.ts";

/**
 * Calls that are under way in one twin. A place, and the request id that goes with it, is used again only when all
 * others that are free have been: the messages of the call that had it before have arrived long since.
 */
export class CallPool {
  readonly calls: Calls;
  readonly results: CallResults;
  readonly #slots: Int32Array;
  readonly #taken: Uint8Array;
  #next = 0;
  #free: number;

  /** `count` places at most. */
  constructor(count: number) {
    this.calls = {
      count,
      // There is one configuration at a time: whoever makes the call hands it in.
      functionIndex: new Uint32Array(count),
      atMs: new Float64Array(count),
      cpuMs: new Float64Array(count),
      sleepMs: new Float64Array(count),
      peakBytes: new Float64Array(count),
    };
    this.results = createCallResults(count);
    this.#slots = new Int32Array(count);
    this.#taken = new Uint8Array(count);
    this.#free = count;
  }

  /** A place for the call, which arrives at `atMs`; −1 where none is free. */
  take(call: ObservedCall, { memoryBytes }: FunctionSpec, atMs: number, idleBytes: number): number {
    if (this.#free === 0) return -1;
    let index = this.#next;
    // One long call must not keep the others out when its turn comes round.
    while (this.#taken[index]) index = (index + 1) % this.calls.count;
    this.#next = (index + 1) % this.calls.count;
    this.#taken[index] = 1;
    this.#free--;
    this.#slots[index] = call.slot;
    const { calls, results } = this;
    calls.functionIndex[index] = call.slot;
    calls.atMs[index] = atMs;
    calls.cpuMs[index] = Math.min(call.cpuMs, call.durationMs * quotaCores(memoryBytes));
    calls.sleepMs[index] = call.durationMs - calls.cpuMs[index] / quotaCores(memoryBytes);
    // It ran well in such a container once.
    calls.peakBytes[index] = Math.min(call.peakKiB * KIB, Math.max(0, memoryBytes - idleBytes));
    results.acquireMs[index] = 0;
    results.executionMs[index] = 0;
    return index;
  }

  /** A call is over: what the score makes of it. */
  give(index: number, outcome: number): { slot: number; atMs: number; responseMs: number; isFailed: boolean } {
    this.#taken[index] = 0;
    this.#free++;
    const { calls, results } = this;
    const isAnswered = outcome !== OUTCOME.unanswered && outcome !== OUTCOME.refused &&
      results.acquireMs[index] <= ANSWER_MS_MAX;
    const responseMs = isAnswered ? results.acquireMs[index] + results.executionMs[index] : ANSWER_MS_MAX;
    const isFailed = !isAnswered || outcome !== OUTCOME.ok;
    return { slot: this.#slots[index], atMs: calls.atMs[index], responseMs, isFailed };
  }
}
