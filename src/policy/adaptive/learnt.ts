import type { Arrival, ContainerUsage, FunctionDemand, FunctionFacts, RunFacts } from "../policy.ts";
import { ConcurrencySeen } from "./concurrency_seen.ts";
import type { AdaptiveOptions } from "./options.ts";
import { ProcessorNeed } from "./processor_need.ts";
import { Slowdown } from "./slowdown.ts";

/** The least weight of a new run in the mean duration. */
const NEW_RUN_WEIGHT = 0.02;
/** What the longest gap shrinks to with each arrival, so that one long pause is not remembered for ever. */
const GAP_KEEP = 0.9998;
/** Rounds of calls after which a function has a rhythm. */
const RHYTHM_ROUNDS = 3;
/** Runs alone and beside others, and how much longer for each one, to hold against it what does not compute. */
const PLAIN_RUNS = 20;
const PLAIN_SLOWDOWN = 0.5;
/** Pause after a container was moved from a crowded node: first, so many times as long each time, and at most. */
const MOVE_PAUSE_MS = 500;
const MOVE_PAUSE_GROWTH = 1.2;
const MOVE_PAUSE_MS_MAX = 60_000;
/** No run is taken to need less. */
const PEAK_KIB_MIN = 1_024;

/** What the policy knows of one function, all of it from its own invocations in this life of the scheduler. */
export class Learnt {
  readonly seen: ConcurrencySeen;
  readonly #slowdown = new Slowdown();
  readonly #processor: ProcessorNeed;
  /** What its containers were charged when it was looked at last. */
  chargedKiB = 0;
  #runs = 0;
  #meanMs = 0;
  #peakKiB = PEAK_KIB_MIN;
  #running = 0;
  #arrivals = 0;
  #mostAtOnce = 0;
  #rounds = 0;
  /** The least that a container of it held with nothing in flight. */
  #idleKiB = Infinity;
  #movedOnMs = -Infinity;
  #waitingSinceMs: number | undefined;
  #moves = 0;
  #nextMoveMs = -Infinity;
  #lastArrivalMs = -Infinity;
  #longestGapMs = 0;
  /** Invocations at once that are known not to fit. */
  #tooMany = Infinity;

  constructor(readonly facts: FunctionFacts, private readonly options: AdaptiveOptions) {
    this.seen = new ConcurrencySeen(options.memoryArrivals);
    this.#processor = new ProcessorNeed(facts.memoryKiB);
  }

  arrived({ atMs, waitedMs, waitingBefore }: Arrival): void {
    const atOnce = waitingBefore + this.#running + 1;
    this.seen.add(atOnce);
    this.#mostAtOnce = Math.max(this.#mostAtOnce, atOnce);
    this.#running++;
    this.#movedOnMs = atMs + waitedMs;
    const gapMs = atMs - this.#lastArrivalMs;
    if (gapMs > this.options.startMs) this.#rounds++;
    if (this.#arrivals > 0 && gapMs > 0) this.#longestGapMs = Math.max(gapMs, this.#longestGapMs * GAP_KEEP);
    this.#lastArrivalMs = Math.max(this.#lastArrivalMs, atMs);
    this.#arrivals++;
  }

  ended({ atMs, durationMs, memoryKiB, failure, inFlight, container }: RunFacts): void {
    this.#running = Math.max(0, this.#running - 1);
    this.#peakKiB = Math.max(this.#peakKiB, memoryKiB);
    if (failure === "out_of_memory") {
      // What was too much once is never tried again.
      this.#tooMany = Math.min(this.#tooMany, Math.max(2, Math.min(inFlight, this.concurrency())));
      return;
    }
    this.#runs++;
    this.#processor.ended();
    this.#meanMs += (durationMs - this.#meanMs) * Math.max(1 / this.#runs, NEW_RUN_WEIGHT);
    this.#slowdown.add(container, atMs, durationMs, inFlight);
  }

  measured(usage: ContainerUsage, nowMs: number): void {
    this.#processor.measured(usage, nowMs);
    // The least: what was in flight a moment ago may have been measured with it.
    if (usage.inFlight === 0 && usage.memoryKiB > 0) this.#idleKiB = Math.min(this.#idleKiB, usage.memoryKiB);
  }

  /** Whether enough runs were seen to conclude anything. */
  get isKnown(): boolean {
    return this.#runs >= this.options.runsMin;
  }

  /** Mean duration of its runs, in milliseconds. */
  get meanMs(): number {
    return this.#meanMs;
  }

  /**
   * What a call of it would take with a scheduler that starts a container for each invocation at once and keeps it, in
   * milliseconds: its run, and its part of the starts.
   */
  plainMs(startMs: number): number {
    return this.#meanMs + startMs * this.#mostAtOnce / Math.max(this.#arrivals, this.options.plainArrivals);
  }

  /** Whether its runs slow one another down in a container; undefined where that is not known. */
  get isSlowedBySharing(): boolean | undefined {
    const { aloneMin, sharedMin, slowdownMax, processorRunsMin } = this.options;
    const { computeMs, runs } = this.#processor;
    if (runs >= processorRunsMin) {
      const aloneMs = this.#slowdown.aloneMs(aloneMin, sharedMin, computeMs);
      if (aloneMs !== undefined && computeMs > slowdownMax * aloneMs) return true;
      // Something else than the processor may be what they wait for: timing has to be plain about it.
      const plain = this.#slowdown.perNeighbour(PLAIN_RUNS, PLAIN_RUNS);
      return plain !== undefined && plain > PLAIN_SLOWDOWN;
    }
    const share = this.#slowdown.perNeighbour(aloneMin, sharedMin);
    return share === undefined ? undefined : share > slowdownMax;
  }

  /** Invocations that one of its containers should take at once. */
  concurrency(): number {
    const { fillMax, concurrencyMax, trialConcurrency } = this.options;
    if (!this.isKnown || this.isSlowedBySharing) return 1;
    const fits = Math.floor((this.facts.memoryKiB * fillMax - this.#idle) / this.#peakKiB);
    const most = Math.min(fits, this.facts.concurrencyMax, concurrencyMax, this.#tooMany - 1);
    return Math.max(1, this.isSlowedBySharing === undefined ? Math.min(most, trialConcurrency) : most);
  }

  /** Memory that one of its containers will hold at most, as far as is known, in KiB. */
  needKiB(): number {
    const { memoryKiB } = this.facts;
    if (!this.isKnown) return memoryKiB;
    const { chargeFactor } = this.options;
    const atOnce = Math.min(this.concurrency(), Math.max(1, this.seen.most));
    return Math.min(memoryKiB, Math.ceil((this.#idle + this.#peakKiB * atOnce) * chargeFactor));
  }

  /**
   * How long those who wait have stood still, in milliseconds: longer than a start where runs last much longer than the
   * mean, or where none has ended yet.
   */
  stalledMs({ waiting, nowMs }: FunctionDemand): number {
    if (waiting === 0) this.#waitingSinceMs = undefined;
    else this.#waitingSinceMs ??= nowMs;
    return nowMs - Math.max(this.#waitingSinceMs ?? nowMs, this.#movedOnMs);
  }

  get #idle(): number {
    const { idleKiB } = this.options;
    return this.#idleKiB === Infinity ? idleKiB : Math.max(idleKiB, this.#idleKiB);
  }

  /** Memory that one container costs: what it is charged may be more than it needs. */
  costKiB(): number {
    return Math.max(this.needKiB(), this.chargedKiB);
  }

  /** Mean time between rounds of its calls, which is `lifeMs` where there was one. */
  meanRoundMs(lifeMs: number): number {
    return lifeMs / Math.max(1, this.#rounds);
  }

  /**
   * Whether its next invocation is to be expected: something runs, or the last one came not long ago. Containers are
   * worth being kept for `worthMs`.
   */
  isAlive(nowMs: number, worthMs: number): boolean {
    return this.#running > 0 || nowMs - this.#lastArrivalMs < this.#holdMs(worthMs);
  }

  /**
   * Whether one of `onNode` containers on a node should go elsewhere: what computes is to be spread evenly over `nodes`.
   * Each move is a start, so there are fewer and fewer of them.
   */
  mayMove(onNode: number, warm: number, nodes: number, nowMs: number): boolean {
    if (!this.isSlowedBySharing || onNode <= Math.ceil(warm / nodes) + this.options.moveSlack) return false;
    if (nowMs < this.#nextMoveMs) return false;
    this.#nextMoveMs = nowMs + Math.min(MOVE_PAUSE_MS * MOVE_PAUSE_GROWTH ** this.#moves++, MOVE_PAUSE_MS_MAX);
    return true;
  }

  #holdMs(worthMs: number): number {
    const { holdMsMin, holdKiBMs, holdGaps, holdMsMax, unknownHoldMsMax } = this.options;
    const hasRhythm = this.#rounds >= RHYTHM_ROUNDS;
    const unknownMs = Math.min(Math.max(holdKiBMs / this.needKiB(), worthMs), unknownHoldMsMax);
    // What has a rhythm that is over is not waited for.
    const mostMs = hasRhythm ? Math.min(holdGaps * this.#longestGapMs, worthMs, holdMsMax) : unknownMs;
    return Math.max(holdMsMin, mostMs);
  }
}
