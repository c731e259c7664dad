import { ProcessorModel } from "../../nodeservice/runtimes/simulated/model.ts";
import { SimEvent } from "../engine/event_queue.ts";
import type { VirtualClock } from "../engine/virtual_clock.ts";

/** The processors of a node in virtual time: one event stands for whatever is done next. */
export class Processors extends SimEvent {
  readonly #clock: VirtualClock;
  readonly #model: ProcessorModel;
  readonly #done = new Map<number, () => void>();
  #lastId = 0;

  constructor(cores: number, clock: VirtualClock) {
    super();
    this.#clock = clock;
    this.#model = new ProcessorModel(cores);
  }

  /** Calls `done` once `workMs` core-milliseconds are done in `group`; answers the job's number. */
  work(group: string, quota: number, workMs: number, done: () => void): number {
    const id = ++this.#lastId;
    this.#done.set(id, done);
    this.#model.add({ id, group, quota, workMs }, this.#clock.nowMs());
    this.#arm();
    return id;
  }

  /** Ends a job before it is done; one that is done is left alone. */
  stop(id: number): void {
    if (!this.#done.delete(id)) return;
    this.#model.remove(id, this.#clock.nowMs());
    this.#arm();
  }

  /** Core-milliseconds that a group has used. */
  usedMs(group: string): number {
    return this.#model.usedMs(group, this.#clock.nowMs());
  }

  forget(group: string): void {
    this.#model.forget(group);
  }

  override fire(): void {
    // What is done is told to nobody but over the network, which wakes whoever waits.
    this.#clock.quiet();
    for (const id of this.#model.advance(this.#clock.nowMs())) {
      const done = this.#done.get(id);
      this.#done.delete(id);
      done?.();
    }
    this.#arm();
  }

  #arm(): void {
    const nextMs = this.#model.nextDoneMs();
    if (nextMs === Infinity) this.#clock.cancel(this);
    else this.#clock.schedule(this, Math.max(nextMs, this.#clock.nowMs()));
  }
}
