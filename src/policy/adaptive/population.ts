import { DueQueue } from "./due_queue.ts";
import type { Learnt } from "./learnt.ts";
import type { AdaptiveOptions } from "./options.ts";
import type { Worth } from "./worth.ts";

/** Functions looked at in a tick: with more of them each has its turn in one of the next. */
const FUNCTIONS_PER_TICK = 128;
/** A function that was not called for so long counts no more among those that response times are the mean of. */
const COUNTED_MS = 3_600_000;
/** Looked at no more closely than this: among very many functions to move one among them is slow. */
const COUNTED_STEP_MS = 60_000;
/** Memory of a node before one is known, in KiB. */
const NODE_KIB_DEFAULT = 3_072 * 1_024;
/** How much of a new start's length goes into what a start is taken to last. */
const NEW_START_WEIGHT = 0.2;
/** A container that is started ahead of a rhythm is there earlier by this share of a start. */
const AHEAD_STARTS = 2;

/** The functions that are to be expected to be called, and what holds for all of them. */
export class Population {
  nodeKiB = NODE_KIB_DEFAULT;
  startMs: number;
  readonly #alive = new Set<Learnt>();
  /** Those called not long ago, the longest ago first: the mean of response times goes over them. */
  readonly #called = new Set<Learnt>();
  /** Those let go whose next round is known, by the moment at which their containers are to be started. */
  readonly #due = new DueQueue<Learnt>();
  /** Those alive that the ticks have not come to yet, and what those before them would take with a plain scheduler. */
  #rest: Iterator<Learnt> | undefined;
  #plainKiB = 0;
  /** Nodes that the functions alive would take with a container for each invocation at once. */
  #plainNodes: number;
  #worth: Worth | undefined;
  #firstMs = Infinity;
  #lastMs = 0;

  constructor(private readonly options: AdaptiveOptions) {
    this.startMs = options.startMs;
    this.#plainNodes = options.plainNodesMin;
  }

  called(fn: Learnt, atMs: number): void {
    this.#firstMs = Math.min(this.#firstMs, atMs);
    this.#lastMs = Math.max(this.#lastMs, atMs);
    this.#watch(fn);
    if (atMs - fn.countedMs < COUNTED_STEP_MS) return;
    fn.countedMs = atMs;
    this.#called.delete(fn);
    this.#called.add(fn);
  }

  started(ms: number): void {
    this.startMs += (ms - this.startMs) * NEW_START_WEIGHT;
  }

  forget(fn: Learnt): void {
    fn.isForgotten = true;
    this.#unwatch(fn);
    this.#called.delete(fn);
  }

  /** What waiting and memory cost now. */
  get worth(): Worth {
    const { nodeKiB, startMs } = this;
    const functions = this.#called.size, plainNodes = this.#plainNodes, known = this.#worth;
    // Asked for many times before anything of it changes.
    const isSame = known?.functions === functions && known.startMs === startMs && known.nodeKiB === nodeKiB &&
      known.plainNodes === plainNodes;
    return isSame ? known : this.#worth = { ...this.options.weights, functions, plainNodes, nodeKiB, startMs };
  }

  /** Whether the function's next call is to be expected soon enough to keep a container for it. */
  isAlive(fn: Learnt, nowMs: number): boolean {
    return fn.isAlive(nowMs, this.worth, this.#lifeMs);
  }

  /**
   * Those alive, or at most so many of them that a tick can look at, of which enough is known to serve them ahead. Each
   * is looked at when it is asked for.
   */
  *toServe(nowMs: number): Generator<number, void> {
    this.#wake(nowMs);
    for (const fn of this.#called) {
      if (nowMs - fn.countedMs < COUNTED_MS) break;
      this.#called.delete(fn);
    }
    this.#rest ??= this.#alive.values();
    for (let n = 0; n < FUNCTIONS_PER_TICK; n++) {
      const next = this.#rest.next();
      if (next.done) {
        this.#plainNodes = Math.max(this.options.plainNodesMin, this.#plainKiB / this.nodeKiB);
        this.#plainKiB = 0;
        this.#rest = undefined;
        break;
      }
      const fn = next.value;
      if (!this.isAlive(fn, nowMs)) this.#letGo(fn);
      else {
        this.#plainKiB += fn.facts.memoryKiB * fn.seen.most;
        if (fn.isKnown) yield fn.facts.id;
      }
    }
  }

  /** How long the rhythm of functions has been watched; what is seldom called is not judged by a moment. */
  get #lifeMs(): number {
    return Math.max(this.options.lifeMsMin, this.#lastMs - this.#firstMs);
  }

  #watch(fn: Learnt): void {
    if (fn.isWatched) return;
    fn.isWatched = true;
    this.#alive.add(fn);
  }

  #unwatch(fn: Learnt): void {
    fn.isWatched = false;
    this.#alive.delete(fn);
  }

  #letGo(fn: Learnt): void {
    this.#unwatch(fn);
    const { next } = fn.rhythm;
    if (next && this.options.prewarms) this.#due.add(fn, next.fromMs - AHEAD_STARTS * this.startMs);
  }

  /** Brings back those whose next round is near. */
  #wake(nowMs: number): void {
    for (let fn = this.#due.take(nowMs); fn; fn = this.#due.take(nowMs)) {
      const next = fn.isForgotten ? undefined : fn.rhythm.next;
      if (!next || next.untilMs < nowMs) continue;
      fn.expect(next.untilMs);
      this.#watch(fn);
    }
  }
}
