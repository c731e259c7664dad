import type { Clock } from "../base/mod.ts";

/** What the pool is to do later, and when the next of it is due. */
export class Refills {
  readonly #clock: Clock;
  readonly #fill: () => void;
  readonly #pending = new Map<number, { atMs: number; cancel: () => void }>();
  #sequence = 0;
  #closed = false;

  constructor(clock: Clock, fill: () => void) {
    this.#clock = clock;
    this.#fill = fill;
  }

  /** Fills the pool `delayMs` from now, after `first`. */
  schedule(delayMs: number, first?: () => void): void {
    if (this.#closed) return;
    const id = this.#sequence++;
    const cancel = this.#clock.after(delayMs, () => {
      this.#pending.delete(id);
      first?.();
      this.#fill();
    });
    this.#pending.set(id, { atMs: this.#clock.nowMs() + delayMs, cancel });
  }

  /** Milliseconds until the next, at least 1; undefined where nothing is due. */
  dueMs(): number | undefined {
    let atMs: number | undefined;
    for (const one of this.#pending.values()) if (atMs === undefined || one.atMs < atMs) atMs = one.atMs;
    return atMs === undefined ? undefined : Math.max(1, atMs - this.#clock.nowMs());
  }

  close(): void {
    this.#closed = true;
    for (const { cancel } of this.#pending.values()) cancel();
    this.#pending.clear();
  }
}
