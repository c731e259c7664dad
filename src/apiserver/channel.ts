import { assert } from "../base/mod.ts";

/** A bounded queue between several writers and one reader: who puts into a full one waits until there is room. */
export class Channel<T> {
  readonly #items: T[] = [];
  readonly #capacity: number;
  readonly #signal: AbortSignal;
  #closed = false;
  #reader?: () => void;
  #writers: (() => void)[] = [];

  /** Aborting `signal` closes it at once, items and all. */
  constructor(capacity: number, signal: AbortSignal) {
    assert(capacity > 0, "a channel must hold something");
    this.#capacity = capacity;
    this.#signal = signal;
    signal.addEventListener("abort", () => this.close(), { once: true });
    if (signal.aborted) this.close();
  }

  /** Adds an item as soon as there is room; rejects with the signal's reason when nobody reads any more. */
  async put(item: T): Promise<void> {
    while (this.#items.length >= this.#capacity && !this.#closed) {
      await new Promise<void>((resolve) => this.#writers.push(resolve));
    }
    if (this.#signal.aborted) throw this.#signal.reason;
    assert(!this.#closed, "put into a closed channel");
    this.#items.push(item);
    this.#wakeReader();
  }

  /** The next item; undefined when it is closed and empty. */
  async take(): Promise<T | undefined> {
    while (this.#items.length === 0 && !this.#closed) {
      await new Promise<void>((resolve) => this.#reader = resolve);
    }
    if (this.#signal.aborted) return undefined;
    const item = this.#items.shift();
    this.#writers.shift()?.();
    return item;
  }

  /** Takes no further items; those in it can still be read. */
  close(): void {
    this.#closed = true;
    this.#wakeReader();
    for (const wake of this.#writers.splice(0)) wake();
  }

  #wakeReader(): void {
    this.#reader?.();
    this.#reader = undefined;
  }
}
