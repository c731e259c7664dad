import { type Row, rowOf } from "../../base/mod.ts";

/** Upper bounds of the buckets, in seconds: from a warm acquire to the longest that a caller waits. */
export const TIMES_BOUNDS: readonly number[] = [0.001, 0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

/** Cells: how often, milliseconds in all, and how many fell into each bucket, the last being for what is beyond all bounds. */
const COUNT = 0, SUM = 1, BUCKETS = 2;
export const TIMES_CELLS = BUCKETS + TIMES_BOUNDS.length + 1;

/** How long something took, again and again: sum, count and how many fell into each bucket. 0.1 KiB. */
export class Times {
  readonly #cells: Float64Array;
  readonly #at: number;

  constructor({ cells, at }: Row = rowOf(TIMES_CELLS)) {
    this.#cells = cells;
    this.#at = at;
    cells.fill(0, at, at + TIMES_CELLS);
  }

  record(ms: number): void {
    const cells = this.#cells, at = this.#at;
    let bucket = 0;
    while (bucket < TIMES_BOUNDS.length && ms > TIMES_BOUNDS[bucket] * 1_000) bucket++;
    cells[at + BUCKETS + bucket]++;
    cells[at + COUNT]++;
    cells[at + SUM] += ms;
  }

  get count(): number {
    return this.#cells[this.#at + COUNT];
  }
  get sumMs(): number {
    return this.#cells[this.#at + SUM];
  }
  /** As many as there are bounds, and one for what is beyond the last; not cumulated. */
  get buckets(): number[] {
    return [...this.#cells.subarray(this.#at + BUCKETS, this.#at + TIMES_CELLS)];
  }

  view(): TimesView {
    return { count: this.count, sumMs: this.sumMs, buckets: this.buckets };
  }
}

/** {@linkcode Times} as they were at one moment. */
export interface TimesView {
  readonly count: number;
  readonly sumMs: number;
  /** By {@linkcode TIMES_BOUNDS}, and what is beyond the last. */
  readonly buckets: readonly number[];
}

/** About the time that the share `q` (0 to 1) stayed within, evenly spread within its bucket; 0 where there are none. */
export function quantileMs({ count, buckets }: TimesView, q: number): number {
  if (count === 0) return 0;
  let seen = 0;
  for (let i = 0; i < TIMES_BOUNDS.length; i++) {
    const before = seen;
    seen += buckets[i];
    if (seen < q * count || buckets[i] === 0) continue;
    const from = i === 0 ? 0 : TIMES_BOUNDS[i - 1];
    return 1_000 * (from + (TIMES_BOUNDS[i] - from) * Math.max(0, q * count - before) / buckets[i]);
  }
  return 1_000 * TIMES_BOUNDS[TIMES_BOUNDS.length - 1];
}
