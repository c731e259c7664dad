import type { Row } from "../../base/mod.ts";

/** Concurrency is counted up to this; more counts as this much. */
export const CONCURRENCY_SEEN_MAX = 127;
/** What has faded to less than this share of one arrival is forgotten. */
const FADED = 0.05;
/** Weights grow instead of old ones shrinking; before they grow too large, all are scaled down. */
const WEIGHT_MAX = 1e12;
/** Counts there are at first: most functions are seldom called twice at once. */
const COUNTS_FIRST = 8;

/** Cells: the weight of an arrival now, the weights of all by that one, the most that has not faded. */
const WEIGHT = 0, SUM = 1, MOST = 2;
export const SEEN_CELLS = 3;

/**
 * How many invocations of a function there were, running and waiting, when each arrived: a histogram in which the old
 * fades by arrivals.
 */
export class ConcurrencySeen {
  readonly #cells: Float64Array;
  readonly #at: number;
  readonly #growth: number;
  #counts = new Float64Array(COUNTS_FIRST);

  /** What was seen counts for 1/e after `memoryArrivals` more. */
  constructor({ cells, at }: Row, memoryArrivals: number) {
    this.#cells = cells;
    this.#at = at;
    this.#growth = Math.exp(1 / memoryArrivals);
    cells[at + WEIGHT] = 1;
    cells[at + SUM] = cells[at + MOST] = 0;
  }

  /** The most that has not faded; 0 when nothing was seen. */
  get most(): number {
    return this.#cells[this.#at + MOST];
  }

  /** An arrival, itself counted. */
  add(concurrency: number): void {
    const cells = this.#cells, at = this.#at;
    const seen = Math.min(CONCURRENCY_SEEN_MAX, concurrency);
    if (seen >= this.#counts.length) this.#grow(seen);
    cells[at + WEIGHT] *= this.#growth;
    if (cells[at + WEIGHT] > WEIGHT_MAX) this.#scaleDown();
    const weight = cells[at + WEIGHT];
    this.#counts[seen] += weight;
    cells[at + SUM] = cells[at + SUM] / this.#growth + 1;
    let most = Math.max(cells[at + MOST], seen);
    while (this.#counts[most] < FADED * weight) most--;
    cells[at + MOST] = most;
  }

  /**
   * The mean wait of an arrival behind `permits`, in runs: whoever comes when `c` are there waits for (c − permits) /
   * permits of them to end, and for `waitMax` at most.
   */
  meanWait(permits: number, waitMax: number): number {
    const { most } = this;
    let wait = 0;
    for (let c = permits + 1; c <= most; c++) {
      wait += this.#counts[c] * Math.min((c - permits) / permits, waitMax);
    }
    return wait === 0 ? 0 : wait / this.#cells[this.#at + WEIGHT] / this.#cells[this.#at + SUM];
  }

  #grow(seen: number): void {
    const before = this.#counts;
    this.#counts = new Float64Array(Math.min(CONCURRENCY_SEEN_MAX + 1, 2 ** Math.ceil(Math.log2(seen + 1))));
    this.#counts.set(before);
  }

  #scaleDown(): void {
    const weight = this.#cells[this.#at + WEIGHT];
    for (let c = 0; c < this.#counts.length; c++) this.#counts[c] /= weight;
    this.#cells[this.#at + WEIGHT] = 1;
  }
}
