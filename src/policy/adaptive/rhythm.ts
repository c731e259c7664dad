import type { Row } from "../../base/mod.ts";

/** What the longest gap shrinks to with each arrival, so that one long pause is not remembered for ever. */
const GAP_KEEP = 0.9998;
/** Rounds after which a function has a rhythm, and periods after which it may be a sure one. */
const RHYTHM_ROUNDS = 3;
const SURE_PERIODS = 4;
/** A sure rhythm's periods differ by no more than this share in the mean. */
const SURE_DEVIATION = 0.1;
/** The least weight of a new period. */
const NEW_PERIOD_WEIGHT = 0.1;

/**
 * Cells: the last call, the longest pause between two (older ones count for less and less), rounds, arrivals, when the
 * last round began, periods between rounds, their mean, and how far they are from it in the mean.
 */
const LAST = 0, LONGEST_GAP = 1, ROUNDS = 2, ARRIVALS = 3, ROUND = 4, PERIODS = 5, PERIOD = 6, DEVIATION = 7;
export const RHYTHM_CELLS = 8;

/** When a function is called: its calls come in rounds, with pauses between. */
export class Rhythm {
  readonly #cells: Float64Array;
  readonly #at: number;

  /** Calls that come within `roundGapMs` of one another are of one round. */
  constructor({ cells, at }: Row, private readonly roundGapMs: number) {
    this.#cells = cells;
    this.#at = at;
    cells.fill(0, at, at + RHYTHM_CELLS);
    cells[at + LAST] = cells[at + ROUND] = -Infinity;
  }

  arrived(atMs: number): void {
    const cells = this.#cells, at = this.#at;
    const gapMs = atMs - cells[at + LAST];
    if (gapMs > this.roundGapMs) {
      cells[at + ROUNDS]++;
      if (cells[at + ROUND] > -Infinity) this.#addPeriod(atMs - cells[at + ROUND]);
      cells[at + ROUND] = atMs;
    }
    if (cells[at + ARRIVALS]++ > 0 && gapMs > 0) {
      cells[at + LONGEST_GAP] = Math.max(gapMs, cells[at + LONGEST_GAP] * GAP_KEEP);
    }
    cells[at + LAST] = Math.max(cells[at + LAST], atMs);
  }

  get lastMs(): number {
    return this.#cells[this.#at + LAST];
  }
  get longestGapMs(): number {
    return this.#cells[this.#at + LONGEST_GAP];
  }
  get rounds(): number {
    return this.#cells[this.#at + ROUNDS];
  }

  /** Whether pauses were seen that tell when it has ended. */
  get isKnown(): boolean {
    return this.rounds >= RHYTHM_ROUNDS;
  }

  /** When the next round is to be expected, from and until; undefined where that is not sure. */
  get next(): { readonly fromMs: number; readonly untilMs: number } | undefined {
    const cells = this.#cells, at = this.#at;
    const periodMs = cells[at + PERIOD], deviationMs = cells[at + DEVIATION];
    if (cells[at + PERIODS] < SURE_PERIODS || deviationMs > SURE_DEVIATION * periodMs) return undefined;
    const dueMs = cells[at + ROUND] + periodMs;
    // Half as much again as the mean deviation covers most, twice that nearly all.
    return { fromMs: dueMs - 3 * deviationMs, untilMs: dueMs + 3 * deviationMs + this.roundGapMs };
  }

  #addPeriod(ms: number): void {
    const cells = this.#cells, at = this.#at;
    const periods = ++cells[at + PERIODS];
    const weight = Math.max(1 / periods, NEW_PERIOD_WEIGHT);
    const differsMs = Math.abs(ms - cells[at + PERIOD]);
    if (periods > 1) cells[at + DEVIATION] += (differsMs - cells[at + DEVIATION]) * weight;
    cells[at + PERIOD] += (ms - cells[at + PERIOD]) * weight;
  }
}
