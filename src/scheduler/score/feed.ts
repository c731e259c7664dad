import { type FunctionSpec, KIB } from "../../base/mod.ts";
import { type Decision, type EndedRun, Outcome } from "../../core/mod.ts";
import { CallMatcher } from "./call_matcher.ts";
import { Mean } from "./mean.ts";
import { CALL_NUMBERS, type Observer, writeCall } from "./observer.ts";

/** How often a batch is sent, in milliseconds. */
const BATCH_MS = 250;
/** Calls of one batch: 64,000 a second, more than the simulator takes. The others are counted. */
const BATCH_CALLS_MAX = 16_000;
/** Changes of the number of nodes that are kept for an observer who takes nothing at present. */
const NODE_CHANGES_MAX = 1_024;
/** Containers with more than one invocation at once, beyond which those who share are taken as they return. */
const CROWDS_MAX = 1 << 16;
/** Looks at a run that nothing is known of yet: its acquire was read one look later at most. */
const LOOKS_MAX = 2;

/** A function as the feed needs it. */
interface Fed {
  readonly slot: number;
  readonly spec: FunctionSpec;
}

interface Ended {
  readonly fn: Fed;
  readonly container: number;
  readonly atMs: number;
  readonly durationMs: number;
  readonly kib: number;
  /** Invocations that were in the container at once, at most. */
  readonly sharers: number;
  looks: number;
}

/** What a function's calls compute, from stats that come once a second. */
interface Work {
  cpuMs: number;
  runMs: number;
}

/** Puts decisions, ends of runs and nodes together into calls, and tells an observer of them in batches. */
export class Feed {
  private readonly matcher = new CallMatcher();
  private readonly specs: (FunctionSpec | undefined)[] = [];
  private readonly work: Work[] = [];
  private readonly calls = new Float64Array(BATCH_CALLS_MAX * CALL_NUMBERS);
  private readonly startMs = new Mean();
  private readonly idleBytes = new Mean();
  /** Most invocations at once in a container since it was empty, by its number; none that has one at most. */
  private readonly crowds = new Map<number, number>();
  /** By slot: what was not told yet. */
  private readonly fresh = new Map<number, FunctionSpec>();
  private readonly nodes: [number, number][] = [];
  private ended: Ended[] = [];
  private count = 0;
  private dropped = 0;
  private sentMs = -Infinity;
  private held = 0;
  private nodesMax = 0;

  /** `meanRunMs` tells how long a function's runs take on average. */
  constructor(private readonly observer: Observer, private readonly meanRunMs: (fn: Fed) => number) {}

  decided(fn: Fed, { outcome, waitedMicros }: Decision, container: number, decidedMs: number): void {
    const waitedMs = waitedMicros / 1_000;
    if (outcome !== Outcome.cancelled && outcome !== Outcome.refused) {
      this.dropped += this.matcher.begin(container, { slot: fn.slot, decidedMs, waitedMs });
      return;
    }
    this.learn(fn);
    const call = { slot: fn.slot, arrivedMs: decidedMs - waitedMs, waitedMs };
    this.add({ ...call, ...this.partsOf(fn, this.meanRunMs(fn)), peakKiB: 0, answered: false });
  }

  /** Matched later: its acquire may not have been read yet. */
  onRun(fn: Fed, { micros, kib, inFlight }: EndedRun, container: number, atMs: number): void {
    // A return tells what all in the container held, and the last of them is alone by then.
    const sharers = Math.max(inFlight, this.crowds.get(container) ?? 1);
    this.crowds.delete(container);
    if (inFlight > 1 && this.crowds.size < CROWDS_MAX) this.crowds.set(container, sharers);
    this.ended.push({ fn, container, atMs, durationMs: micros / 1_000, kib, sharers, looks: 0 });
  }

  started(ms: number): void {
    this.startMs.add(ms);
  }

  /** A container's use of its node since it was measured last, `elapsedMs` ago. */
  measured(fn: Fed, cpuPct: number, elapsedMs: number, memoryBytes: number, inFlight: number): void {
    if (inFlight === 0 && memoryBytes > 0) this.idleBytes.add(memoryBytes);
    this.learn(fn);
    this.work[fn.slot].cpuMs += cpuPct / 100 * elapsedMs;
  }

  /** The resource manager has none to give beyond those that are held, and none on their way. */
  noMoreNodes(held: number): void {
    this.nodesMax = held;
  }

  containerLeft(container: number): void {
    // Its last runs may have ended a moment ago.
    this.ended = this.ended.filter((run) => run.container !== container || !this.match(run));
    this.dropped += this.matcher.forget(container);
    this.crowds.delete(container);
  }

  /** Sends what there is, where it is time. */
  flush(nowMs: number, held: number, nodeBytes: number): void {
    if (held !== this.held) {
      this.nodes.push([nowMs, this.held = held]);
      if (this.nodes.length > NODE_CHANGES_MAX) this.nodes.shift();
    }
    if (this.nodesMax > 0) this.nodesMax = Math.max(this.nodesMax, held);
    this.ended = this.ended.filter((run) => !this.match(run));
    if (nowMs - this.sentMs < BATCH_MS) return;
    this.sentMs = nowMs;
    const { count, dropped } = this;
    const functions = Array.from(this.fresh, ([slot, spec]) => ({ slot, spec }));
    const nodes = [...this.nodes];
    const isTaken = this.observer.observed({
      ...{ nowMs, functions, nodes, dropped, nodeBytes, nodesMax: this.nodesMax },
      calls: this.calls.slice(0, count * CALL_NUMBERS),
      startMs: this.startMs.value,
      idleBytes: this.idleBytes.value,
    });
    this.count = 0;
    // Without functions and nodes what comes later means nothing: they stay for the next one.
    if (!isTaken) this.dropped += count;
    else {
      this.fresh.clear();
      this.nodes.length = 0;
    }
  }

  /** Whether the run is done with. */
  private match(run: Ended): boolean {
    const { fn, container, atMs, durationMs } = run;
    const beganMs = atMs - durationMs;
    const call = this.matcher.end(container, fn.slot, beganMs);
    if (!call && ++run.looks < LOOKS_MAX) return false;
    this.learn(fn);
    this.work[fn.slot].runMs += durationMs;
    const { decidedMs, waitedMs } = call ?? { decidedMs: beganMs, waitedMs: 0 };
    const peakKiB = Math.max(0, run.kib - this.idleBytes.value / KIB) / run.sharers;
    const arrivedMs = decidedMs - waitedMs;
    this.add({ slot: fn.slot, arrivedMs, waitedMs, ...this.partsOf(fn, durationMs), peakKiB, answered: true });
    return true;
  }

  private partsOf({ slot }: Fed, durationMs: number) {
    const { cpuMs, runMs } = this.work[slot];
    return { durationMs, cpuMs: runMs === 0 ? 0 : durationMs * cpuMs / runMs };
  }

  private add(call: Parameters<typeof writeCall>[2]): void {
    if (this.count === BATCH_CALLS_MAX) return void this.dropped++;
    writeCall(this.calls, this.count++ * CALL_NUMBERS, call);
  }

  private learn({ slot, spec }: Fed): void {
    if (this.specs[slot] === spec) return;
    const before = this.specs[slot];
    const isSame = before?.accountId === spec.accountId && before?.functionName === spec.functionName;
    if (!isSame) this.work[slot] = { cpuMs: 0, runMs: 0 };
    this.specs[slot] = spec;
    this.fresh.set(slot, spec);
  }
}
