import { LEASE_GRACE_MS, partOf, type Row } from "../../base/mod.ts";
import type { Arrival, ContainerUsage, FunctionDemand, FunctionFacts, RunFacts } from "../policy.ts";
import { ConcurrencySeen, SEEN_CELLS } from "./concurrency_seen.ts";
import { type ContainerMemory, MEMORY_CELLS, MemoryNeed } from "./memory_need.ts";
import type { AdaptiveOptions } from "./options.ts";
import { PROCESSOR_CELLS, ProcessorNeed } from "./processor_need.ts";
import { Rhythm, RHYTHM_CELLS } from "./rhythm.ts";
import { Slowdown, SLOWDOWN_CELLS } from "./slowdown.ts";
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

/** Cells of a function's row. Invocations running, when one was answered last, how many came, and the most at once. */
const RUNNING = 0, MOVED_ON = 1, ARRIVALS = 2, MOST_AT_ONCE = 3;
/** Ends of runs, and their mean duration. */
const RUNS = 4, MEAN = 5;
/** Until when a round of calls is expected that containers were started ahead of; when it was counted as called lately. */
const EXPECTED_UNTIL = 6, COUNTED = 7;
/** As the scheduler told when it was looked at last: containers there are, what each was charged, and when that was. */
const HAVE = 8, CHARGED = 9, LOOKED = 10;
/** Since when somebody waits, and since when more containers are wanted than can be started; Infinity: not so. */
const WAITING_SINCE = 11, STUCK_SINCE = 12;
/** Containers moved from crowded nodes, and when the next one may be. */
const MOVES = 13, NEXT_MOVE = 14;
/** Invocations at once that are known not to fit. */
const TOO_MANY = 15;
/**
 * What follows from all of that, until more is learnt, since it is asked for far more often than that: the concurrency
 * and whether runs slow one another down; the containers worth their memory, and until when that holds.
 */
const CONCURRENCY = 16, IS_SLOWED = 17, WORTH = 18, WORTH_UNTIL = 19;
/** Then its parts. */
const RHYTHM = 20, SEEN = RHYTHM + RHYTHM_CELLS, PROCESSOR = SEEN + SEEN_CELLS, MEMORY = PROCESSOR + PROCESSOR_CELLS;
const SLOWDOWN = MEMORY + MEMORY_CELLS;
export const LEARNT_CELLS = SLOWDOWN + SLOWDOWN_CELLS;

/** Of the cell for the concurrency: nothing was concluded since something was learnt. */
const OPEN = 0;
/** Of the cell for whether runs slow one another down. */
const UNKNOWN = -1;

/** What the policy knows of one function, all of it from its own invocations in this life of the scheduler. */
export class Learnt {
  readonly seen: ConcurrencySeen;
  readonly rhythm: Rhythm;
  readonly #cells: Float64Array;
  readonly #at: number;
  readonly #memory: MemoryNeed;
  readonly #processor: ProcessorNeed;
  readonly #slowdown: Slowdown;
  isForgotten = false;
  /** Whether its next call is expected, as of the last look: the population's own note, at hand where its set is not. */
  isWatched = false;

  constructor(
    readonly facts: FunctionFacts,
    readonly row: Row,
    private readonly options: AdaptiveOptions,
    common: ContainerMemory,
  ) {
    const { cells, at } = row;
    this.#cells = cells;
    this.#at = at;
    cells.fill(0, at, at + RHYTHM);
    for (const cell of [MOVED_ON, EXPECTED_UNTIL, LOOKED, NEXT_MOVE, COUNTED, WORTH_UNTIL]) {
      cells[at + cell] = -Infinity;
    }
    for (const cell of [WAITING_SINCE, STUCK_SINCE, TOO_MANY]) cells[at + cell] = Infinity;
    this.seen = new ConcurrencySeen(partOf(row, SEEN), options.memoryArrivals);
    this.rhythm = new Rhythm(partOf(row, RHYTHM), options.roundGapMs);
    this.#memory = new MemoryNeed(partOf(row, MEMORY), common);
    this.#processor = new ProcessorNeed(partOf(row, PROCESSOR), facts.memoryKiB);
    this.#slowdown = new Slowdown(partOf(row, SLOWDOWN));
  }

  arrived({ atMs, waitedMs, waitingBefore }: Arrival): void {
    const cells = this.#cells, at = this.#at;
    cells[at + WORTH_UNTIL] = -Infinity;
    this.#forgetLost(atMs);
    const atOnce = waitingBefore + cells[at + RUNNING] + 1;
    this.seen.add(atOnce);
    cells[at + MOST_AT_ONCE] = Math.max(cells[at + MOST_AT_ONCE], atOnce);
    cells[at + RUNNING]++;
    cells[at + ARRIVALS]++;
    cells[at + MOVED_ON] = atMs + waitedMs;
    this.rhythm.arrived(atMs);
  }

  ended({ atMs, durationMs, memoryKiB, failure, inFlight, container }: RunFacts): void {
    const cells = this.#cells, at = this.#at;
    cells[at + RUNNING] = Math.max(0, cells[at + RUNNING] - 1);
    cells[at + WORTH_UNTIL] = -Infinity;
    if (failure === "out_of_memory") {
      // What was too much once is never tried again.
      cells[at + TOO_MANY] = Math.min(cells[at + TOO_MANY], Math.max(2, Math.min(inFlight, this.concurrency())));
      cells[at + CONCURRENCY] = OPEN;
      return;
    }
    cells[at + CONCURRENCY] = OPEN;
    cells[at + RUNS]++;
    this.#processor.ended();
    cells[at + MEAN] += (durationMs - cells[at + MEAN]) * Math.max(1 / cells[at + RUNS], NEW_RUN_WEIGHT);
    this.#memory.ended(memoryKiB, this.#slowdown.add(container, atMs, durationMs, inFlight));
  }

  measured(usage: ContainerUsage): void {
    this.#cells[this.#at + CONCURRENCY] = OPEN;
    this.#processor.measured(usage);
    this.#memory.measured(usage);
  }

  /** Containers there are, as the scheduler told at the last look. */
  get have(): number {
    return this.#cells[this.#at + HAVE];
  }

  /** When it was counted among the functions called lately: the population's own note. */
  get countedMs(): number {
    return this.#cells[this.#at + COUNTED];
  }
  set countedMs(ms: number) {
    this.#cells[this.#at + COUNTED] = ms;
  }

  /** A round of calls is expected until `untilMs`, and containers are started ahead of it. */
  expect(untilMs: number): void {
    this.#cells[this.#at + EXPECTED_UNTIL] = untilMs;
  }

  /** Whether enough runs were seen to conclude anything. */
  get isKnown(): boolean {
    return this.#cells[this.#at + RUNS] >= this.options.runsMin;
  }

  /** Mean duration of its runs, in milliseconds. */
  get meanMs(): number {
    return this.#cells[this.#at + MEAN];
  }

  /**
   * What a call of it would take with a scheduler that starts a container for each invocation at once and keeps it, in
   * milliseconds: its run, and its part of the starts.
   */
  plainMs(startMs: number): number {
    const mostAtOnce = this.#cells[this.#at + MOST_AT_ONCE], arrivals = this.#cells[this.#at + ARRIVALS];
    return this.meanMs + startMs * mostAtOnce / Math.max(arrivals, this.options.plainArrivals);
  }

  /** Whether its runs slow one another down in a container; undefined where that is not known. */
  get isSlowedBySharing(): boolean | undefined {
    if (this.#cells[this.#at + CONCURRENCY] === OPEN) this.#conclude();
    const isSlowed = this.#cells[this.#at + IS_SLOWED];
    return isSlowed === UNKNOWN ? undefined : isSlowed === 1;
  }

  /** Invocations that one of its containers should take at once. */
  concurrency(): number {
    if (this.#cells[this.#at + CONCURRENCY] === OPEN) this.#conclude();
    return this.#cells[this.#at + CONCURRENCY];
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
    const cells = this.#cells, at = this.#at;
    if (nowMs >= cells[at + WORTH_UNTIL]) {
      cells[at + WORTH] = containersWorth(this, worth);
      cells[at + WORTH_UNTIL] = nowMs + WORTH_MS;
    }
    return cells[at + WORTH];
  }

  /** Memory that one container costs: what it is charged may be more than it needs. */
  costKiB(): number {
    return Math.max(this.needKiB(), this.#cells[this.#at + CHARGED]);
  }

  /**
   * How long those who wait have stood still, in milliseconds: longer than a start where runs last much longer than the
   * mean, or where none has ended yet.
   */
  stalledMs({ waiting, nowMs }: FunctionDemand): number {
    const cells = this.#cells, at = this.#at;
    if (waiting === 0) cells[at + WAITING_SINCE] = Infinity;
    const sinceMs = Math.min(cells[at + WAITING_SINCE], nowMs);
    if (waiting > 0) cells[at + WAITING_SINCE] = sinceMs;
    return nowMs - Math.max(sinceMs, cells[at + MOVED_ON]);
  }

  /** What one of its containers is charged, told before anything is concluded from it. */
  charged(kib: number): void {
    this.#cells[this.#at + CHARGED] = kib;
  }

  /** Notes whether more containers are wanted than can be started, and how many there are. */
  looked({ nowMs, warm, starting }: FunctionDemand, missing: number): void {
    const cells = this.#cells, at = this.#at;
    const have = warm + starting;
    const isServed = missing === 0 || starting > 0 || have !== cells[at + HAVE];
    cells[at + STUCK_SINCE] = isServed ? Infinity : Math.min(cells[at + STUCK_SINCE], nowMs);
    cells[at + LOOKED] = nowMs;
    cells[at + HAVE] = have;
  }

  /**
   * How much longer somebody waits for each that waits before, in milliseconds. 0 as long as more containers can be
   * started: then nobody need wait longer than a start.
   */
  waitEachMs(stuckMs: number): number {
    const isStuck = this.#cells[this.#at + LOOKED] - this.#cells[this.#at + STUCK_SINCE] > stuckMs;
    return isStuck && this.isKnown && this.have > 0 ? this.meanMs / (this.have * this.concurrency()) : 0;
  }

  /**
   * Whether its next call is to be expected: something runs, the last one came not long ago, or a round is due. What
   * containers are worth is judged over the `lifeMs` for which functions have been watched.
   */
  isAlive(nowMs: number, worth: Worth, lifeMs: number): boolean {
    this.#forgetLost(nowMs);
    if (this.#cells[this.#at + RUNNING] > 0 || nowMs < this.#cells[this.#at + EXPECTED_UNTIL]) return true;
    return nowMs - this.rhythm.lastMs < this.#holdMs(worth, lifeMs);
  }

  /**
   * Whether one of `onNode` containers on a node should go elsewhere: what computes is to be spread evenly over `nodes`.
   * Each move is a start, so there are fewer and fewer of them.
   */
  mayMove(onNode: number, warm: number, nodes: number, nowMs: number): boolean {
    if (!this.isSlowedBySharing || onNode <= Math.ceil(warm / nodes) + this.options.moveSlack) return false;
    const cells = this.#cells, at = this.#at;
    if (nowMs < cells[at + NEXT_MOVE]) return false;
    const pauseMs = Math.min(MOVE_PAUSE_MS * MOVE_PAUSE_GROWTH ** cells[at + MOVES]++, MOVE_PAUSE_MS_MAX);
    cells[at + NEXT_MOVE] = nowMs + pauseMs;
    return true;
  }

  /** Runs whose end nobody told: none is under way longer than its time. */
  #forgetLost(nowMs: number): void {
    const cells = this.#cells, at = this.#at;
    if (nowMs - cells[at + MOVED_ON] > this.facts.timeoutMs + LEASE_GRACE_MS) cells[at + RUNNING] = 0;
  }

  #conclude(): void {
    const isSlowed = this.#findSlowed();
    this.#cells[this.#at + IS_SLOWED] = isSlowed === undefined ? UNKNOWN : Number(isSlowed);
    this.#cells[this.#at + CONCURRENCY] = this.#findConcurrency(isSlowed);
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
    const most = Math.min(fits, this.facts.concurrencyMax, concurrencyMax, this.#cells[this.#at + TOO_MANY] - 1);
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
