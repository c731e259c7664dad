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

/** Tells the policy what happened on all threads since it was told last, and lets what it learnt hold. */
export class Watcher {
  private readonly decisions: RecordReader;
  private readonly runs: RecordReader;
  private readonly touched = new Set<FunctionRecord>();

  constructor(private readonly context: Context, private readonly shaper: Shaper) {
    const { tables } = context.state;
    this.decisions = tables.decisions.reader();
    this.runs = tables.runs.reader();
  }

  /** Reads all that is new. */
  read(): void {
    const { policy } = this.context;
    if (policy.arrived || policy.expectedWait) this.decisions.read((record) => this.onDecision(record));
    if (policy.ended) this.runs.read((record) => this.onRun(record));
    for (const fn of this.touched) this.shaper.shape(fn);
    this.touched.clear();
  }

  /** A function of which the policy was told something otherwise. */
  touch(fn: FunctionRecord): void {
    this.touched.add(fn);
  }

  private onDecision(record: Int32Array): void {
    const decision = decisionOf(record);
    const fn = this.context.state.functionBySlot[decision.functionSlot];
    // Who was refused for the wait that was expected must not be refused for ever.
    if (fn && decision.outcome === Outcome.refused) this.touched.add(fn);
    if (!fn || decision.outcome === Outcome.cancelled || decision.outcome === Outcome.refused) return;
    const waitedMs = decision.waitedMicros / 1_000;
    this.context.policy.arrived?.(fn.facts, {
      atMs: this.momentOf(decision.atMs) - waitedMs,
      waitedMs,
      waitingBefore: decision.waitingBefore,
      isCold: decision.outcome === Outcome.coldStart,
    });
    this.touched.add(fn);
  }

  private onRun(record: Int32Array): void {
    const run = runOf(record);
    const fn = this.context.state.functionBySlot[run.functionSlot];
    if (!fn) return;
    this.context.policy.ended!(fn.facts, {
      atMs: this.momentOf(run.atMs),
      durationMs: run.micros / 1_000,
      memoryKiB: run.kib,
      failure: run.failure,
      inFlight: run.inFlight,
      container: containerNumber(run.containerSlot, run.containerGeneration),
    });
    this.touched.add(fn);
  }

  /** The moment of a wrapped one that is not long ago. */
  private momentOf(wrappedMs: number): number {
    const nowMs = this.context.clock.nowMs();
    return nowMs - (((nowMs | 0) - wrappedMs) | 0);
  }
}
