import { assert, type Clock } from "../../base/mod.ts";

/** A deadline is told at most two of these late. Also how often the wheel turns while anything is in it: 100 times a second. */
export const DEADLINE_TICK_MS = 10;
/** Slots of the wheel: what is due in more than 5.12 s is looked at once a turn until its time has come. */
const SLOTS = 512;

/** Something with a deadline, and its place in the wheel. The wheel alone writes these fields. */
export abstract class Timed {
  /** @internal */ wheelTick = 0;
  /** @internal */ wheelPrevious: Timed | undefined = undefined;
  /** @internal */ wheelNext: Timed | undefined = undefined;

  /** Its time has come; it is no longer in the wheel and may be added again. */
  abstract onDeadline(): void;
}

/** The end of a slot's ring: an empty slot is a ring of this alone. */
class Head extends Timed {
  constructor() {
    super();
    this.wheelPrevious = this.wheelNext = this;
  }
  override onDeadline(): void {}
}

/**
 * The deadlines of all calls on one timer, since a timer for each costs more than the call (Varghese and Lauck, Hashed
 * and Hierarchical Timing Wheels, 1987, scheme 6). Adding and removing cost a few writes; the timer runs only while
 * something is in the wheel.
 */
export class Deadlines {
  readonly #clock: Clock;
  readonly #slots: Head[] = Array.from({ length: SLOTS }, () => new Head());
  #size = 0;
  /** The last tick whose slot was emptied. */
  #tick = 0;
  #running = false;
  #cancelTimer: () => void = () => {};

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#size;
  }

  /** Tells `entry` at `atMs` of the clock's `nowMs`, which is `nowMs` at present: never before, and two ticks later at most. */
  add(entry: Timed, atMs: number, nowMs: number): void {
    assert(entry.wheelNext === undefined, "an entry is added once");
    if (!this.#running) {
      this.#tick = Math.floor(nowMs / DEADLINE_TICK_MS);
      this.#running = true;
      this.#arm();
    }
    entry.wheelTick = Math.max(this.#tick + 1, Math.ceil(atMs / DEADLINE_TICK_MS));
    const head = this.#slots[entry.wheelTick % SLOTS];
    const last = head.wheelPrevious!;
    entry.wheelPrevious = last;
    entry.wheelNext = head;
    last.wheelNext = entry;
    head.wheelPrevious = entry;
    this.#size++;
  }

  /** Takes `entry` out, where it is in. */
  remove(entry: Timed): void {
    const { wheelPrevious, wheelNext } = entry;
    if (wheelPrevious === undefined || wheelNext === undefined) return;
    wheelPrevious.wheelNext = wheelNext;
    wheelNext.wheelPrevious = wheelPrevious;
    entry.wheelPrevious = entry.wheelNext = undefined;
    this.#size--;
  }

  /** Ends its timer before its time, for an owner that is closed: nothing in the wheel is told any more. */
  stop(): void {
    this.#cancelTimer();
  }

  #arm(): void {
    this.#cancelTimer = this.#clock.after(DEADLINE_TICK_MS, () => this.#turn());
  }

  #turn(): void {
    const now = Math.floor(this.#clock.nowMs() / DEADLINE_TICK_MS);
    // Where the process stood still for more than a turn, every slot is due once.
    const first = Math.max(this.#tick + 1, now - SLOTS + 1);
    this.#tick = now;
    for (let tick = first; tick <= now; tick++) this.#tell(this.#slots[tick % SLOTS], now);
    if (this.#size > 0) this.#arm();
    else this.#running = false;
  }

  #tell(head: Head, now: number): void {
    const due: Timed[] = [];
    for (let entry = head.wheelNext!; entry !== head; entry = entry.wheelNext!) {
      if (entry.wheelTick <= now) due.push(entry);
    }
    for (const entry of due) {
      // One that was told may have removed another.
      if (entry.wheelNext === undefined) continue;
      this.remove(entry);
      entry.onDeadline();
    }
  }
}
