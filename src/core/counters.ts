/**
 * What each thread has counted: a line of 16 words per worker. Only its owner writes, with plain additions; whoever
 * reads sees a figure that was true a moment ago. Counts wrap at 2^32.
 */
export const COUNTER_WORDS = 16;
export const COUNTED = ["acquires", "releases", "coldStarts", "unknownReturns"] as const;
export type Counted = (typeof COUNTED)[number];

export class CounterTable {
  constructor(
    private readonly words: Int32Array,
    private readonly base: number,
    private readonly workers: number,
    private readonly worker: number,
  ) {}

  /** Counts one more of this thread's. */
  count(what: Counted): void {
    this.words[this.base + this.worker * COUNTER_WORDS + COUNTED.indexOf(what)]++;
  }

  /** The sum over all threads. */
  total(what: Counted): number {
    let total = 0;
    for (let worker = 0; worker < this.workers; worker++) {
      total += Atomics.load(this.words, this.base + worker * COUNTER_WORDS + COUNTED.indexOf(what)) >>> 0;
    }
    return total;
  }
}
