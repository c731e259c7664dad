import { partOf, type Row } from "../../base/mod.ts";

/** Samples that count in full; beyond that the old fade. */
const SAMPLES = 50;
/** Ends of runs remembered of a container, and containers remembered. */
const ENDS = 40;
const CONTAINERS = 64;
/** Runs shorter than this are not told apart, in milliseconds. */
const RUN_MS_MIN = 0.5;

/** Cells of a mean: how many samples count, their durations and levels in all. */
const COUNT = 0, MS = 1, LEVEL = 2;
const MEAN_CELLS = 3;

/** A mean in which the old fades once there is enough. */
class FadingMean {
  readonly #cells: Float64Array;
  readonly #at: number;

  constructor({ cells, at }: Row) {
    this.#cells = cells;
    this.#at = at;
    cells.fill(0, at, at + MEAN_CELLS);
  }

  add(ms: number, level: number): void {
    const cells = this.#cells, at = this.#at;
    const keep = cells[at + COUNT] < SAMPLES ? 1 : 1 - 1 / SAMPLES;
    cells[at + COUNT] = cells[at + COUNT] * keep + 1;
    cells[at + MS] = cells[at + MS] * keep + ms;
    cells[at + LEVEL] = cells[at + LEVEL] * keep + level;
  }
  get count(): number {
    return this.#cells[this.#at + COUNT];
  }
  get ms(): number {
    return this.#cells[this.#at + MS] / this.count;
  }
  get level(): number {
    return this.#cells[this.#at + LEVEL] / this.count;
  }
}

export const SLOWDOWN_CELLS = 2 * MEAN_CELLS;

/**
 * How much longer a function's runs take beside others in their container. Sleepers take as long as ever; what computes
 * shares the container's processor.
 */
export class Slowdown {
  readonly #alone: FadingMean;
  readonly #shared: FadingMean;
  /** By container: the moments at which runs ended in it, each with how many were in it then. */
  readonly #ends = new Map<number, number[]>();
  /** The container asked for last: most functions have one at a time. */
  #container = -1;
  #endsInIt: number[] = [];

  constructor(row: Row) {
    this.#alone = new FadingMean(row);
    this.#shared = new FadingMean(partOf(row, MEAN_CELLS));
  }

  /**
   * A run that ended at `atMs` in a container with `inFlight` in it, itself included. Answers how many there were at most
   * while it ran.
   */
  add(container: number, atMs: number, durationMs: number, inFlight: number): number {
    // Those that began together end together: the last to end were not alone for that.
    let level = inFlight;
    const ends = this.#endsOf(container);
    for (let n = ends.length - 2; n >= 0 && ends[n] >= atMs - durationMs; n -= 2) level = Math.max(level, ends[n + 1]);
    ends.push(atMs, inFlight);
    if (ends.length > 2 * ENDS) ends.splice(0, 2);
    (level === 1 ? this.#alone : this.#shared).add(durationMs, level);
    return level;
  }

  /** By how much of its duration alone a run takes longer for each one beside it; undefined before enough was seen. */
  perNeighbour(aloneMin: number, sharedMin: number): number | undefined {
    if (this.#alone.count < aloneMin || this.#shared.count < sharedMin) return undefined;
    const longer = this.#shared.ms / Math.max(this.#alone.ms, RUN_MS_MIN) - 1;
    return longer / (this.#shared.level - 1);
  }

  /** How long a run takes alone, where one computes for `computeMs`; undefined before enough was seen. */
  aloneMs(aloneMin: number, sharedMin: number, computeMs: number): number | undefined {
    if (this.#alone.count >= aloneMin) return this.#alone.ms;
    if (this.#shared.count < sharedMin) return undefined;
    // Beside others it waited for its share of the processor as often as there were others.
    return Math.max(computeMs, this.#shared.ms - computeMs * (this.#shared.level - 1));
  }

  #endsOf(container: number): number[] {
    if (container === this.#container) return this.#endsInIt;
    let ends = this.#ends.get(container);
    if (!ends) {
      // The container seen first is most likely gone.
      if (this.#ends.size >= CONTAINERS) this.#ends.delete(this.#ends.keys().next().value!);
      this.#ends.set(container, ends = []);
    }
    this.#container = container;
    return this.#endsInIt = ends;
  }
}
