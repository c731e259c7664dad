import { assert } from "../../base/mod.ts";

/** Something that happens at a moment of virtual time. The fields are the queue's own. */
export abstract class SimEvent {
  /** When it happens, in milliseconds; what was put in first of all at one moment happens first. */
  atMs = 0;
  order = 0;
  /** Index in the queue's heap, −1 while it is not in it. */
  place = -1;

  abstract fire(): void;
}

/** Events by their moment, in a binary heap that knows where each stands, so that one can be moved or taken out. */
export class EventQueue {
  readonly #heap: SimEvent[] = [];
  #order = 0;

  get size(): number {
    return this.#heap.length;
  }

  /** The next event, or undefined. */
  peek(): SimEvent | undefined {
    return this.#heap[0];
  }

  /** Puts an event in, or moves one that is in already; it comes after all that are in for the same moment. */
  put(event: SimEvent, atMs: number): void {
    event.order = ++this.#order;
    const before = event.atMs;
    event.atMs = atMs;
    if (event.place < 0) {
      event.place = this.#heap.length;
      this.#heap.push(event);
      this.#rise(event);
    } else if (atMs < before) this.#rise(event);
    else this.#sink(event);
  }

  /** Takes an event out; one that is not in is left alone. */
  remove(event: SimEvent): void {
    const at = event.place;
    if (at < 0) return;
    event.place = -1;
    const last = this.#heap.pop()!;
    if (last === event) return;
    this.#heap[at] = last;
    last.place = at;
    this.#rise(last);
    this.#sink(last);
  }

  /** Takes the next event out. */
  pop(): SimEvent {
    const event = this.#heap[0];
    assert(event !== undefined, "an empty queue has no next event");
    this.remove(event);
    return event;
  }

  #rise(event: SimEvent): void {
    const heap = this.#heap;
    let at = event.place;
    while (at > 0) {
      const up = (at - 1) >> 1;
      const above = heap[up];
      if (!isBefore(event, above)) break;
      heap[at] = above;
      above.place = at;
      at = up;
    }
    heap[at] = event;
    event.place = at;
  }

  #sink(event: SimEvent): void {
    const heap = this.#heap;
    let at = event.place;
    for (;;) {
      let down = at * 2 + 1;
      if (down >= heap.length) break;
      if (down + 1 < heap.length && isBefore(heap[down + 1], heap[down])) down++;
      const below = heap[down];
      if (!isBefore(below, event)) break;
      heap[at] = below;
      below.place = at;
      at = down;
    }
    heap[at] = event;
    event.place = at;
  }
}

function isBefore(a: SimEvent, b: SimEvent): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
