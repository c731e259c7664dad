/** What the longest gap shrinks to with each arrival, so that one long pause is not remembered for ever. */
const GAP_KEEP = 0.9998;
/** Rounds after which a function has a rhythm, and periods after which it may be a sure one. */
const RHYTHM_ROUNDS = 3;
const SURE_PERIODS = 4;
/** A sure rhythm's periods differ by no more than this share in the mean. */
const SURE_DEVIATION = 0.1;
/** The least weight of a new period. */
const NEW_PERIOD_WEIGHT = 0.1;

/** When a function is called: its calls come in rounds, with pauses between. */
export class Rhythm {
  lastMs = -Infinity;
  /** Longest pause between two calls; older ones count for less and less. */
  longestGapMs = 0;
  rounds = 0;
  #arrivals = 0;
  #roundMs = -Infinity;
  #periods = 0;
  #periodMs = 0;
  #deviationMs = 0;

  /** Calls that come within `roundGapMs` of one another are of one round. */
  constructor(private readonly roundGapMs: number) {}

  arrived(atMs: number): void {
    const gapMs = atMs - this.lastMs;
    if (gapMs > this.roundGapMs) {
      this.rounds++;
      if (this.#roundMs > -Infinity) this.#addPeriod(atMs - this.#roundMs);
      this.#roundMs = atMs;
    }
    if (this.#arrivals++ > 0 && gapMs > 0) this.longestGapMs = Math.max(gapMs, this.longestGapMs * GAP_KEEP);
    this.lastMs = Math.max(this.lastMs, atMs);
  }

  /** Whether pauses were seen that tell when it has ended. */
  get isKnown(): boolean {
    return this.rounds >= RHYTHM_ROUNDS;
  }

  /** When the next round is to be expected, from and until; undefined where that is not sure. */
  get next(): { readonly fromMs: number; readonly untilMs: number } | undefined {
    if (this.#periods < SURE_PERIODS || this.#deviationMs > SURE_DEVIATION * this.#periodMs) return undefined;
    const dueMs = this.#roundMs + this.#periodMs;
    // Half as much again as the mean deviation covers most, twice that nearly all.
    return { fromMs: dueMs - 3 * this.#deviationMs, untilMs: dueMs + 3 * this.#deviationMs + this.roundGapMs };
  }

  #addPeriod(ms: number): void {
    this.#periods++;
    const weight = Math.max(1 / this.#periods, NEW_PERIOD_WEIGHT);
    if (this.#periods > 1) this.#deviationMs += (Math.abs(ms - this.#periodMs) - this.#deviationMs) * weight;
    this.#periodMs += (ms - this.#periodMs) * weight;
  }
}
