/** Time as an argument: production hands in {@linkcode systemClock}, tests and the simulator a clock of their own. */
export interface Clock {
  /** Milliseconds since the Unix epoch, for people and for the wire. May jump. */
  wallMs(): number;
  /** Milliseconds since some fixed moment, with a fraction. Never goes back. */
  nowMs(): number;
  /** Calls `run` once, `delayMs` from now at the earliest; the answer cancels it. */
  after(delayMs: number, run: () => void): () => void;
  /** Calls `run` once what runs now is done, before any other moment comes. */
  soon(run: () => void): void;
}

/** The machine's own clock and timers. */
export const systemClock: Clock = {
  wallMs: () => Date.now(),
  nowMs: () => performance.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
  soon: (run) => queueMicrotask(run),
};

/** Resolves after `delayMs` on `clock`; rejects with the signal's reason as soon as `signal` is aborted. */
export function sleep(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const onAbort = () => {
      cancel();
      reject(signal!.reason);
    };
    const cancel = clock.after(delayMs, () => {
      signal?.removeEventListener("abort", onAbort);
      resolve();
    });
    signal?.addEventListener("abort", onAbort, { once: true });
  });
}

/** A clock that stands still until `advance` moves it; due timers run in the order of their times. */
export class ManualClock implements Clock {
  #nowMs = 0;
  #sequence = 0;
  readonly #wallAtStartMs: number;
  readonly #timers = new Map<number, { atMs: number; run: () => void }>();

  constructor(wallAtStartMs = 1_600_000_000_000) {
    this.#wallAtStartMs = wallAtStartMs;
  }

  wallMs(): number {
    return this.#wallAtStartMs + Math.floor(this.#nowMs);
  }

  nowMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, run: () => void): () => void {
    const id = this.#sequence++;
    this.#timers.set(id, { atMs: this.#nowMs + Math.max(0, delayMs), run });
    return () => this.#timers.delete(id);
  }

  soon(run: () => void): void {
    queueMicrotask(run);
  }

  /** Timers that have not run yet. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Moves time on by `ms`; between two timers everything that was resolved gets its turn. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    await settle();
    for (;;) {
      let next: { id: number; atMs: number; run: () => void } | undefined;
      for (const [id, timer] of this.#timers) {
        if (timer.atMs <= endMs && (!next || timer.atMs < next.atMs)) next = { id, ...timer };
      }
      if (!next) break;
      this.#timers.delete(next.id);
      this.#nowMs = next.atMs;
      next.run();
      await settle();
    }
    this.#nowMs = endMs;
  }
}

/** Lets every promise that is resolved already run its continuations. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}
