import { decisionOf, Outcome, type RecordReader, runOf } from "../core/mod.ts";
import type { Context } from "./context.ts";
import type { Shaper } from "./shaper.ts";
import type { FunctionRecord } from "./state.ts";

/** Container slots are counted with their generations: slots are at most so many. */
const SLOTS_MAX = 2 ** 22;

/** A number for this life of a container slot. */
export function containerNumber(slot: number, generation: number): number {
  return generation * SLOTS_MAX + slot;
}

/**
 * Tells the live score and the policy what happened on all threads since they were told last, and lets what the policy
 * learnt hold.
 */
export class Watcher {
  private readonly decisions: RecordReader;
  private readonly runs: RecordReader;
  private readonly touched: FunctionRecord[] = [];
  private readonly isToldOfArrivals: boolean;

  constructor(private readonly context: Context, private readonly shaper: Shaper) {
    const { policy, state: { tables } } = context;
    this.isToldOfArrivals = Boolean(policy.arrived || policy.expectedWait);
    this.decisions = tables.decisions.reader();
    this.runs = tables.runs.reader();
  }

  /** Reads all that is new. */
  read(): void {
    this.decisions.read((record) => this.onDecision(record));
    this.runs.read((record) => this.onRun(record));
    let shaped = 0;
    try {
      for (const fn of this.touched) {
        shaped++;
        fn.isTouched = false;
        this.shaper.shape(fn);
      }
    } finally {
      this.touched.splice(0, shaped);
    }
  }

  /** Records that were overwritten before they were read. */
  get missed(): number {
    return this.decisions.missed + this.runs.missed;
  }

  /** A function of which the policy was told something otherwise. */
  touch(fn: FunctionRecord): void {
    if (fn.isTouched) return;
    fn.isTouched = true;
    this.touched.push(fn);
  }

  private onDecision(record: Int32Array): void {
    const decision = decisionOf(record);
    const { policy, score, feed, state } = this.context;
    const fn = state.functionBySlot[decision.functionSlot];
    if (!fn) return;
    const waitedMs = decision.waitedMicros / 1_000, decidedMs = this.momentOf(decision.atMs);
    score.decided(fn, decision.outcome, waitedMs);
    feed?.decided(fn, decision, containerNumber(decision.containerSlot, decision.containerGeneration), decidedMs);
    if (!this.isToldOfArrivals) return;
    // Who was refused for the wait that was expected must not be refused for ever.
    if (decision.outcome === Outcome.refused) this.touch(fn);
    if (decision.outcome === Outcome.cancelled || decision.outcome === Outcome.refused) return;
    policy.arrived?.(fn.facts, {
      atMs: decidedMs - waitedMs,
      waitedMs,
      waitingBefore: decision.waitingBefore,
      isCold: decision.outcome === Outcome.coldStart,
    });
    this.touch(fn);
  }

  private onRun(record: Int32Array): void {
    const run = runOf(record);
    const { policy, score, feed, state } = this.context;
    const fn = state.functionBySlot[run.functionSlot];
    if (!fn) return;
    const durationMs = run.micros / 1_000, atMs = this.momentOf(run.atMs);
    const container = containerNumber(run.containerSlot, run.containerGeneration);
    score.ended(fn, durationMs, run.failure);
    feed?.onRun(fn, run, container, atMs);
    if (!policy.ended) return;
    policy.ended(fn.facts, {
      atMs,
      durationMs,
      memoryKiB: run.kib,
      failure: run.failure,
      inFlight: run.inFlight,
      container,
    });
    this.touch(fn);
  }

  /** The moment of a wrapped one that is not long ago. */
  private momentOf(wrappedMs: number): number {
    const nowMs = this.context.clock.nowMs();
    return nowMs - (((nowMs | 0) - wrappedMs) | 0);
  }
}
