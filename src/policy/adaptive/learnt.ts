import { LEASE_GRACE_MS } from "../../base/mod.ts";
import type { Arrival, ContainerUsage, FunctionDemand, FunctionFacts, RunFacts } from "../policy.ts";
import { ConcurrencySeen } from "./concurrency_seen.ts";
import { type ContainerMemory, MemoryNeed } from "./memory_need.ts";
import type { AdaptiveOptions } from "./options.ts";
import { ProcessorNeed } from "./processor_need.ts";
import { Rhythm } from "./rhythm.ts";
import { Slowdown } from "./slowdown.ts";
import { containersWorth, keepMsWorth, type Worth } from "./worth.ts";

/** The least weight of a new run in the mean duration. */
const NEW_RUN_WEIGHT = 0.02;
/** Runs alone and beside others, and how much longer for each one, to hold against it what does not compute. */
const PLAIN_RUNS = 20;
const PLAIN_SLOWDOWN = 0.5;
/** How long it holds how many containers are worth their memory where nothing happens, in milliseconds. */
const WORTH_MS = 1_000;
/** Pause after a container was moved from a crowded node: first, so many times as long each time, and at most. */
const MOVE_PAUSE_MS = 500;
const MOVE_PAUSE_GROWTH = 1.2;
const MOVE_PAUSE_MS_MAX = 60_000;

/** What the policy knows of one function, all of it from its own invocations in this life of the scheduler. */
export class Learnt {
  readonly seen: ConcurrencySeen;
  readonly rhythm: Rhythm;
  readonly #memory: MemoryNeed;
  readonly #processor: ProcessorNeed;
  readonly #slowdown = new Slowdown();
  /** As the scheduler told when it was looked at last: containers there are, and what each was charged. */
  have = 0;
  chargedKiB = 0;
  isForgotten = false;
  /** Until when a round of calls is expected that containers were started ahead of. */
  expectedUntilMs = -Infinity;
  #runs = 0;
  #meanMs = 0;
  #running = 0;
  #arrivals = 0;
  #mostAtOnce = 0;
  #movedOnMs = -Infinity;
  #waitingSinceMs: number | undefined;
  /** Since when more containers are wanted than can be started, as of the last look. */
  #stuckSinceMs: number | undefined;
  #lookedMs = -Infinity;
  #moves = 0;
  #nextMoveMs = -Infinity;
  /** Invocations at once that are known not to fit. */
  #tooMany = Infinity;
  /** What follows from all of that, until more is learnt: it is asked for far more often than that. */
  #concluded: { readonly isSlowed: boolean | undefined; readonly concurrency: number } | undefined;
  #worthwhile: { readonly containers: number; readonly untilMs: number } | undefined;

  constructor(readonly facts: FunctionFacts, private readonly options: AdaptiveOptions, common: ContainerMemory) {
    this.seen = new ConcurrencySeen(options.memoryArrivals);
    this.rhythm = new Rhythm(options.roundGapMs);
    this.#memory = new MemoryNeed(common);
    this.#processor = new ProcessorNeed(facts.memoryKiB);
  }

  arrived({ atMs, waitedMs, waitingBefore }: Arrival): void {
    this.#worthwhile = undefined;
    this.#forgetLost(atMs);
    const atOnce = waitingBefore + this.#running + 1;
    this.seen.add(atOnce);
    this.#mostAtOnce = Math.max(this.#mostAtOnce, atOnce);
    this.#running++;
    this.#arrivals++;
    this.#movedOnMs = atMs + waitedMs;
    this.rhythm.arrived(atMs);
  }

  ended({ atMs, durationMs, memoryKiB, failure, inFlight, container }: RunFacts): void {
    this.#running = Math.max(0, this.#running - 1);
    this.#worthwhile = undefined;
    if (failure === "out_of_memory") {
      // What was too much once is never tried again.
      this.#tooMany = Math.min(this.#tooMany, Math.max(2, Math.min(inFlight, this.concurrency())));
      this.#concluded = undefined;
      return;
    }
    this.#concluded = undefined;
    this.#runs++;
    this.#processor.ended();
    this.#meanMs += (durationMs - this.#meanMs) * Math.max(1 / this.#runs, NEW_RUN_WEIGHT);
    this.#memory.ended(memoryKiB, this.#slowdown.add(container, atMs, durationMs, inFlight));
  }

  measured(usage: ContainerUsage): void {
    this.#concluded = undefined;
    this.#processor.measured(usage);
    this.#memory.measured(usage);
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
    return this.#conclusions.isSlowed;
  }

  /** Invocations that one of its containers should take at once. */
  concurrency(): number {
    return this.#conclusions.concurrency;
  }

  /** Memory that one of its containers will hold at most, as far as is known, in KiB. */
  needKiB(): number {
    const { memoryKiB } = this.facts;
    if (!this.isKnown || !this.#memory.isKnown) return memoryKiB;
    const atOnce = Math.min(this.concurrency(), Math.max(1, this.seen.most));
    return Math.min(memoryKiB, Math.ceil(this.#memory.needKiB(atOnce) * this.options.chargeFactor));
  }

  /** Containers that are worth their memory; looked at anew with every call, and now and then without. */
  containersWorth(worth: Worth, nowMs: number): number {
    if (this.#worthwhile === undefined || nowMs >= this.#worthwhile.untilMs) {
      this.#worthwhile = { containers: containersWorth(this, worth), untilMs: nowMs + WORTH_MS };
    }
    return this.#worthwhile.containers;
  }

  /** Memory that one container costs: what it is charged may be more than it needs. */
  costKiB(): number {
    return Math.max(this.needKiB(), this.chargedKiB);
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

  /** Notes whether more containers are wanted than can be started, and how many there are. */
  looked({ nowMs, warm, starting }: FunctionDemand, missing: number): void {
    const have = warm + starting;
    if (missing === 0 || starting > 0 || have !== this.have) this.#stuckSinceMs = undefined;
    else this.#stuckSinceMs ??= nowMs;
    this.#lookedMs = nowMs;
    this.have = have;
  }

  /**
   * How much longer somebody waits for each that waits before, in milliseconds. 0 as long as more containers can be
   * started: then nobody need wait longer than a start.
   */
  waitEachMs(stuckMs: number): number {
    const isStuck = this.#stuckSinceMs !== undefined && this.#lookedMs - this.#stuckSinceMs > stuckMs;
    return isStuck && this.isKnown && this.have > 0 ? this.#meanMs / (this.have * this.concurrency()) : 0;
  }

  /**
   * Whether its next call is to be expected: something runs, the last one came not long ago, or a round is due. What
   * containers are worth is judged over the `lifeMs` for which functions have been watched.
   */
  isAlive(nowMs: number, worth: Worth, lifeMs: number): boolean {
    this.#forgetLost(nowMs);
    if (this.#running > 0 || nowMs < this.expectedUntilMs) return true;
    return nowMs - this.rhythm.lastMs < this.#holdMs(worth, lifeMs);
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

  /** Runs whose end nobody told: none is under way longer than its time. */
  #forgetLost(nowMs: number): void {
    if (nowMs - this.#movedOnMs > this.facts.timeoutMs + LEASE_GRACE_MS) this.#running = 0;
  }

  get #conclusions() {
    if (this.#concluded) return this.#concluded;
    const isSlowed = this.#findSlowed();
    return this.#concluded = { isSlowed, concurrency: this.#findConcurrency(isSlowed) };
  }

  #findSlowed(): boolean | undefined {
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

  #findConcurrency(isSlowed: boolean | undefined): number {
    const { fillMax, concurrencyMax, trialConcurrency } = this.options;
    if (!this.isKnown || !this.#memory.isKnown || isSlowed) return 1;
    const fits = this.#memory.fitsIn(this.facts.memoryKiB * fillMax);
    const most = Math.min(fits, this.facts.concurrencyMax, concurrencyMax, this.#tooMany - 1);
    return Math.max(1, isSlowed === undefined ? Math.min(most, trialConcurrency) : most);
  }

  #holdMs(worth: Worth, lifeMs: number): number {
    const { holdMsMin, holdKiBMs, holdGaps, holdMsMax } = this.options;
    const { unknownHoldMsMax, unknownHoldFunctions, unknownHoldMsMany } = this.options;
    const { rounds, longestGapMs, isKnown } = this.rhythm;
    const worthMs = keepMsWorth(this, worth, lifeMs / Math.max(1, rounds));
    const share = unknownHoldFunctions / Math.max(1, worth.functions);
    const mostMs = Math.min(unknownHoldMsMax, Math.max(unknownHoldMsMany, unknownHoldMsMax * share));
    const unknownMs = Math.min(Math.max(holdKiBMs / this.needKiB(), worthMs), mostMs);
    // What has a rhythm that is over is not waited for.
    return Math.max(holdMsMin, isKnown ? Math.min(holdGaps * longestGapMs, worthMs, holdMsMax) : unknownMs);
  }
}
