/** Concurrency is counted up to this; more counts as this much. */
export const CONCURRENCY_SEEN_MAX = 127;
/** What has faded to less than this share of one arrival is forgotten. */
const FADED = 0.05;
/** Weights grow instead of old ones shrinking; before they grow too large, all are scaled down. */
const WEIGHT_MAX = 1e12;

/**
 * How many invocations of a function there were, running and waiting, when each arrived: a histogram in which the old
 * fades by arrivals.
 */
export class ConcurrencySeen {
  readonly #counts = new Float64Array(CONCURRENCY_SEEN_MAX + 1);
  readonly #growth: number;
  #weight = 1;
  #sum = 0;
  #most = 0;

  /** What was seen counts for 1/e after `memoryArrivals` more. */
  constructor(memoryArrivals: number) {
    this.#growth = Math.exp(1 / memoryArrivals);
  }

  /** The most that has not faded; 0 when nothing was seen. */
  get most(): number {
    return this.#most;
  }

  /** An arrival, itself counted. */
  add(concurrency: number): void {
    const at = Math.min(CONCURRENCY_SEEN_MAX, concurrency);
    this.#weight *= this.#growth;
    if (this.#weight > WEIGHT_MAX) this.#scaleDown();
    this.#counts[at] += this.#weight;
    this.#sum = this.#sum / this.#growth + 1;
    this.#most = Math.max(this.#most, at);
    while (this.#counts[this.#most] < FADED * this.#weight) this.#most--;
  }

  /**
   * The mean wait of an arrival behind `permits`, in runs: whoever comes when `c` are there waits for (c − permits) /
   * permits of them to end, and for `waitMax` at most.
   */
  meanWait(permits: number, waitMax: number): number {
    let wait = 0;
    for (let c = permits + 1; c <= this.#most; c++) {
      wait += this.#counts[c] * Math.min((c - permits) / permits, waitMax);
    }
    return wait === 0 ? 0 : wait / this.#weight / this.#sum;
  }

  #scaleDown(): void {
    for (let c = 0; c <= CONCURRENCY_SEEN_MAX; c++) this.#counts[c] /= this.#weight;
    this.#weight = 1;
  }
}
