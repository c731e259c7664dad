import { setImmediate } from "node:timers";
import { assert, type Clock } from "../../base/mod.ts";
import { EventQueue, SimEvent } from "./event_queue.ts";

/** Events in a row without letting the process look at its signals and its output. */
const EVENTS_AT_ONCE_MAX = 1 << 16;

/**
 * Time that jumps from event to event. What runs on it is production code with promises, so before time moves on every
 * continuation that could run has to have run. That takes a turn of the process's event loop, about a microsecond: it
 * is only made after events that may have woken somebody, which are all but those that say otherwise.
 */
export class VirtualClock implements Clock {
  /** Events that have happened. */
  events = 0;
  readonly #queue = new EventQueue();
  #nowMs: number;
  #wallAtZeroMs: number;
  #isStirred = true;
  #isQuiet = false;

  /** `nowMs` begins at `startMs`; the wall clock shows `wallAtZeroMs` when it is 0. */
  constructor(startMs = 0, wallAtZeroMs = 1_600_000_000_000) {
    this.#nowMs = startMs;
    this.#wallAtZeroMs = wallAtZeroMs;
  }

  wallMs(): number {
    return this.#wallAtZeroMs + Math.floor(this.#nowMs);
  }

  nowMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, run: () => void): () => void {
    const timer = new Timer(run);
    this.schedule(timer, this.#nowMs + Math.max(0, delayMs));
    return () => this.#queue.remove(timer);
  }

  soon(run: () => void): void {
    this.#isStirred = true;
    queueMicrotask(run);
  }

  /** Events to come, timers included. */
  get pending(): number {
    return this.#queue.size;
  }

  /** Lets `event` happen at `atMs`, not before now; one that was to happen at another time is moved. */
  schedule(event: SimEvent, atMs: number): void {
    assert(atMs >= this.#nowMs, `an event was put ${this.#nowMs - atMs} ms into the past`);
    this.#queue.put(event, atMs);
  }

  /** The event does not happen. */
  cancel(event: SimEvent): void {
    this.#queue.remove(event);
  }

  /** Said by an event while it happens: it has resolved no promise that somebody waits for. */
  quiet(): void {
    this.#isQuiet = true;
  }

  /** The wall clock is set, forward or back; `nowMs` goes on evenly. */
  jumpWall(byMs: number): void {
    this.#wallAtZeroMs += byMs;
  }

  /**
   * Lets events happen until `isOver` says so, which is asked before each, or there are none; answers whether it is
   * over. Events after `untilMs` stay where they are, and then the time is `untilMs`.
   */
  async run(isOver: () => boolean = () => false, untilMs = Infinity): Promise<boolean> {
    const queue = this.#queue;
    let atOnce = 0;
    for (;;) {
      if (this.#isStirred || ++atOnce > EVENTS_AT_ONCE_MAX) {
        this.#isStirred = false;
        atOnce = 0;
        await settled();
        // What ran meanwhile may have asked for a turn of its own.
        continue;
      }
      if (isOver()) return true;
      const next = queue.peek();
      if (next === undefined || next.atMs > untilMs) {
        if (untilMs < Infinity) this.#nowMs = Math.max(this.#nowMs, untilMs);
        return false;
      }
      queue.remove(next);
      this.#nowMs = next.atMs;
      this.events++;
      this.#isQuiet = false;
      next.fire();
      if (!this.#isQuiet) this.#isStirred = true;
    }
  }
}

class Timer extends SimEvent {
  constructor(readonly run: () => void) {
    super();
  }

  override fire(): void {
    this.run();
  }
}

/** Resolves when all that is resolved now has run its continuations, and theirs. */
function settled(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
