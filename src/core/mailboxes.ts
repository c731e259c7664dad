/**
 * A mailbox for each thread: granted tickets on their way to the worker that waits for them, and a doorbell to wake it.
 *
 * | word     | what                                            | written by            | read by       |
 * |----------|-------------------------------------------------|-----------------------|---------------|
 * | 0        | tail: cells ever taken, wraps                   | any sender, add       | senders       |
 * | 1        | doorbell: counts up with every letter           | any sender, add       | its owner     |
 * | 2        | heartbeat: counts up while the owner is alive   | its owner             | controller    |
 * | 3        | head: letters ever taken, wraps                 | its owner             | its owner     |
 * | 16 …     | ring: ticket + 1, 0 = empty                     | sender; owner empties | its owner     |
 *
 * The ring holds as many letters as the owner has tickets, and a ticket is on its way at most once, so a cell taken by
 * adding to the tail is always empty: no sender ever waits. Publication: the store of the cell publishes the ticket's
 * grant; the bell is rung after it, so an owner that saw the bell unchanged and found nothing can sleep on that value.
 * The head stands here and not on the owner's heap so that another can take over where an owner is gone.
 */
import { assert } from "../base/mod.ts";

export const MAILBOX_HEADER_WORDS = 16;
const TAIL = 0, DOORBELL = 1, HEARTBEAT = 2, HEAD = 3;

export class Mailboxes {
  private readonly words: Int32Array<SharedArrayBuffer>;
  private readonly mask: number;

  /** `cells` is a power of two, at least the tickets of one worker. */
  constructor(words: Int32Array<SharedArrayBuffer>, private readonly base: number, private readonly cells: number) {
    this.words = words;
    this.mask = cells - 1;
  }

  /** Puts a granted ticket into a worker's box and rings. Any thread. */
  send(worker: number, ticket: number): void {
    const at = this.at(worker);
    const cell = at + MAILBOX_HEADER_WORDS + (Atomics.add(this.words, at + TAIL, 1) & this.mask);
    const before = Atomics.exchange(this.words, cell, ticket + 1);
    assert(before === 0, `the mailbox of worker ${worker} is full`);
    this.ring(worker);
  }

  /** Wakes a worker, letter or not. Any thread. */
  ring(worker: number): void {
    const bell = this.at(worker) + DOORBELL;
    Atomics.add(this.words, bell, 1);
    Atomics.notify(this.words, bell);
  }

  /** Takes the oldest letter out, or answers −1. The owner only, or the controller for a worker that is gone. */
  take(worker: number): number {
    const at = this.at(worker);
    const taken = this.words[at + HEAD];
    const cell = at + MAILBOX_HEADER_WORDS + (taken & this.mask);
    const letter = Atomics.load(this.words, cell);
    if (letter === 0) return -1;
    this.words[at + HEAD] = (taken + 1) | 0;
    Atomics.store(this.words, cell, 0);
    return letter - 1;
  }

  /** The bell's count, to be read before looking into the box, and slept on when that was empty. */
  bell(worker: number): number {
    return Atomics.load(this.words, this.at(worker) + DOORBELL);
  }

  /** Resolves when the bell no longer says `seen`; at once where it does not by now. */
  async awaitBell(worker: number, seen: number): Promise<void> {
    const wait = Atomics.waitAsync(this.words, this.at(worker) + DOORBELL, seen);
    if (wait.async) await wait.value;
  }

  beat(worker: number): void {
    Atomics.add(this.words, this.at(worker) + HEARTBEAT, 1);
  }
  heartbeat(worker: number): number {
    return Atomics.load(this.words, this.at(worker) + HEARTBEAT);
  }

  private at(worker: number): number {
    return this.base + worker * (MAILBOX_HEADER_WORDS + this.cells);
  }
}
