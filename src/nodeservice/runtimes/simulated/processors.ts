import type { Clock } from "../../../base/mod.ts";
import { ProcessorModel } from "./model.ts";

/** {@linkcode ProcessorModel} on a clock: work is a promise. */
export class Processors {
  readonly #model: ProcessorModel;
  readonly #clock: Clock;
  readonly #done = new Map<number, () => void>();
  #lastId = 0;
  #cancelTimer = () => {};

  constructor(cores: number, clock: Clock) {
    this.#model = new ProcessorModel(cores);
    this.#clock = clock;
  }

  /** Resolves when `workMs` core-milliseconds are done in `group`; rejects when `signal` is aborted before. */
  work(group: string, quota: number, workMs: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.reject(signal.reason);
    if (workMs === 0) return Promise.resolve();
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      const onAbort = () => {
        this.#done.delete(id);
        this.#model.remove(id, this.#clock.nowMs());
        this.#arm();
        reject(signal.reason);
      };
      signal.addEventListener("abort", onAbort, { once: true });
      this.#done.set(id, () => {
        signal.removeEventListener("abort", onAbort);
        resolve();
      });
      this.#model.add({ id, group, quota, workMs }, this.#clock.nowMs());
      this.#arm();
    });
  }

  /** Core-milliseconds that a group has used. */
  usedMs(group: string): number {
    return this.#model.usedMs(group, this.#clock.nowMs());
  }

  forget(group: string): void {
    this.#model.forget(group);
  }

  #arm(): void {
    this.#cancelTimer();
    this.#cancelTimer = () => {};
    const nextMs = this.#model.nextDoneMs();
    if (nextMs === Infinity) return;
    this.#cancelTimer = this.#clock.after(Math.max(0, nextMs - this.#clock.nowMs()), () => {
      for (const id of this.#model.advance(this.#clock.nowMs())) {
        this.#done.get(id)?.();
        this.#done.delete(id);
      }
      this.#arm();
    });
  }
}
