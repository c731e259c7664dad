/**
 * What a peer may do often without cost is bounded by budgets: each costly thing takes one, time and useful work give
 * some back. A burst that a sane peer may need fits; a flood does not.
 */

/** `burst` at once, and `perSecond` in the long run. */
export interface Rate {
  readonly burst: number;
  readonly perSecond: number;
}

/** A bucket of tokens, refilled by the owner's ticks. */
export class Budget {
  readonly #burst: number;
  readonly #perSecond: number;
  #left: number;

  constructor(rate: Rate) {
    this.#burst = rate.burst;
    this.#perSecond = rate.perSecond;
    this.#left = rate.burst;
  }

  /** Takes one; false when none is left. */
  take(): boolean {
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }

  /** Gives `count` back for something useful that was done, up to the burst. */
  credit(count: number): void {
    const left = this.#left + count;
    this.#left = left < this.#burst ? left : this.#burst;
  }

  /** Gives back what `elapsedMs` is worth. */
  refill(elapsedMs: number): void {
    this.credit(this.#perSecond * elapsedMs / 1000);
  }
}
