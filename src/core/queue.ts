/**
 * The ring of each function's waiting acquires, oldest first, and the match of permits with waiters.
 *
 * A cell is one word: negative means empty for lap −v−1, positive is a ticket's index and generation. Head and tail
 * stand in the function's slot, count up for ever and wrap at 2^32; position p is cell p mod depth in lap p / depth.
 *
 *     push:  tail and head are a whole ring apart: it is full, or the head lags (skip dead cells and help the head on,
 *            else answer `full`).
 *            v := cell of tail. Empty for this lap: CAS it to the ticket, then help the tail on. Taken: the tail lags
 *            (help it on).
 *     pop:   v := cell of head. A ticket, and the head is still there: CAS it to "empty for the next lap", then help
 *            the head on. Empty for this lap: nothing there. Empty for the next one: the head lags (help it on).
 *
 * Helping means CAS head or tail from the value read: whoever is late finds it done.
 *
 * A ticket in a cell does not tell its lap, so the orders of reading matter. `push` reads the head before the cell: the
 * cell's last ticket is gone then, and what it finds is empty or of this lap (read after it, the tail could be helped
 * over a cell that somebody has just emptied). And because of that nobody fills a cell before the head has passed its
 * last position: `pop`, which finds the head unmoved after reading the cell, has read a ticket of this very position
 * (else it could empty, for the wrong lap, a cell filled since). Both mistakes leave a hole that no ticket passes.
 */
import { assert } from "../base/mod.ts";
import { hasRoom } from "./claim.ts";
import type { ContainerTable } from "./containers.ts";
import { type FunctionTable, RING_HEAD, RING_TAIL } from "./functions.ts";
import { ticketOfCell, type TicketTable } from "./tickets.ts";

export class WaitQueue {
  private readonly shift: number;

  constructor(
    private readonly words: Int32Array,
    private readonly base: number,
    private readonly depth: number,
    private readonly functions: FunctionTable,
    private readonly containers: ContainerTable,
    private readonly tickets: TicketTable,
  ) {
    this.shift = 31 - Math.clz32(depth);
  }

  /**
   * Makes the ring of a slot that is defined for the first time ready. Controller only. Later functions of the slot go
   * on where the last one ended: nobody waits there, and somebody late may still be at work on the ring.
   */
  reset(functionSlot: number): void {
    if (this.functions.generation(functionSlot) > 1) return;
    const at = this.functions.wordsAt(functionSlot);
    Atomics.store(this.words, at + RING_HEAD, 0);
    Atomics.store(this.words, at + RING_TAIL, 0);
    this.words.fill(emptyFor(0), this.cellAt(functionSlot, 0), this.cellAt(functionSlot, 0) + this.depth);
  }

  /** Puts a waiting ticket at the end; false where the ring is full. Counts it as waiting. Any thread. */
  push(functionSlot: number, ticket: number): boolean {
    const at = this.functions.wordsAt(functionSlot);
    const cell = this.tickets.cell(ticket);
    this.functions.addWaiting(functionSlot, 1);
    for (;;) {
      const tail = Atomics.load(this.words, at + RING_TAIL);
      const head = Atomics.load(this.words, at + RING_HEAD);
      if (((tail - head) | 0) >= this.depth) {
        if (this.skipDead(functionSlot, head)) continue;
        this.functions.addWaiting(functionSlot, -1);
        return false;
      }
      const where = this.cellAt(functionSlot, tail);
      const empty = emptyFor(tail >>> this.shift);
      const taken = Atomics.compareExchange(this.words, where, empty, cell) !== empty;
      Atomics.compareExchange(this.words, at + RING_TAIL, tail, (tail + 1) | 0);
      if (!taken) return true;
    }
  }

  /** Takes the oldest cell out; −1 where there is none. It may be of a ticket that has ended. Any thread. */
  pop(functionSlot: number): number {
    const at = this.functions.wordsAt(functionSlot);
    for (;;) {
      const head = Atomics.load(this.words, at + RING_HEAD);
      const where = this.cellAt(functionSlot, head);
      const lap = head >>> this.shift;
      const found = Atomics.load(this.words, where);
      if (found >= 0) {
        if (Atomics.load(this.words, at + RING_HEAD) !== head) continue;
        if (Atomics.compareExchange(this.words, where, found, emptyFor(this.nextLap(lap))) !== found) continue;
        Atomics.compareExchange(this.words, at + RING_HEAD, head, (head + 1) | 0);
        return found;
      }
      if (found === emptyFor(lap)) {
        if (Atomics.load(this.words, at + RING_HEAD) === head) return -1;
        continue;
      }
      Atomics.compareExchange(this.words, at + RING_HEAD, head, (head + 1) | 0);
    }
  }

  /**
   * A permit at once, for who comes while nobody waits; the container's slot, or −1. Any thread.
   *
   *     somebody waits: none.  Claim a permit; a hint was withdrawn for it, and somebody waits now: match
   *
   * The second look is needed because `FunctionTable.claim` may hide a container's room for a moment (it clears the
   * hint, looks again and sets it again): an acquire that came in that moment found none and went to wait beside a
   * permit.
   */
  claim(functionSlot: number, nowMs: number, deliver: (ticket: number) => void): number {
    if (this.functions.seemsAwaited(functionSlot)) return -1;
    const container = this.functions.claim(functionSlot);
    if (!this.functions.withdrew || container < 0) return container;
    if (this.functions.waiting(functionSlot) > 0) this.match(functionSlot, nowMs, deliver);
    return container;
  }

  /**
   * Gives free permits of a function to its waiters, oldest first; `deliver` is told of every ticket granted. Any
   * thread.
   *
   *     loop: nobody waits: done.  Claim a permit; none: done.
   *           pop tickets until one is granted; then go on with the next permit.
   *           None left: give the permit back, and only then, if the ring is not empty, start over.
   *
   * The look after giving back is what keeps a waiter from being stranded: it may have queued while the permit was
   * held here, found none, and gone to sleep.
   */
  match(functionSlot: number, nowMs: number, deliver: (ticket: number) => void): void {
    while (this.functions.waiting(functionSlot) > 0) {
      const container = this.functions.claim(functionSlot);
      if (container < 0) return;
      const ticket = this.grantOldest(functionSlot, container);
      if (ticket >= 0) {
        deliver(ticket);
        continue;
      }
      this.putBack(functionSlot, container, nowMs);
      if (this.isEmpty(functionSlot)) return;
    }
  }

  /**
   * Gives a permit back to its container, offers it, and answers the claim word this left. Any thread that holds the
   * permit. Offers it only if the container was full before: its hint is set otherwise, or somebody is about to look
   * again, because a hint is withdrawn only from who is full, and looked at after that.
   */
  putBack(functionSlot: number, container: number, nowMs: number): number {
    const rank = this.containers.rank(container);
    const claim = this.containers.unclaim(container, nowMs);
    if (hasRoom(claim) && !hasRoom(claim + 1)) this.functions.offer(functionSlot, rank);
    return claim;
  }

  /** From head to tail there are tickets, the waiting ones once each; the rest is empty. While nobody is mid-operation. */
  checkInvariants(): void {
    for (let slot = 0; slot < this.functions.size; slot++) {
      if (this.functions.generation(slot) === 0) continue;
      const at = this.functions.wordsAt(slot);
      const head = Atomics.load(this.words, at + RING_HEAD);
      const length = Atomics.load(this.words, at + RING_TAIL) - head | 0;
      assert(length >= 0 && length <= this.depth, `function slot ${slot}: ${length} cells in a ring of ${this.depth}`);
      const waiting = new Set<number>();
      for (let i = 0; i < this.depth; i++) {
        const cell = Atomics.load(this.words, this.cellAt(slot, head + i | 0));
        const lap = (head + i | 0) >>> this.shift;
        if (i < length) assert(cell >= 0, `function slot ${slot}: a hole in its ring ${i} cells behind the head`);
        else assert(cell === emptyFor(lap), `function slot ${slot}: cell ${cell} behind the tail of its ring`);
        if (i >= length || !this.tickets.waits(cell, slot)) continue;
        assert(!waiting.has(cell), `function slot ${slot}: ticket ${ticketOfCell(cell)} is in its ring twice`);
        waiting.add(cell);
      }
      const counted = this.functions.waiting(slot);
      assert(waiting.size === counted, `function slot ${slot}: ${counted} waiting, ${waiting.size} in its ring`);
    }
  }

  private isEmpty(functionSlot: number): boolean {
    const head = Atomics.load(this.words, this.functions.wordsAt(functionSlot) + RING_HEAD);
    return Atomics.load(this.words, this.cellAt(functionSlot, head)) === emptyFor(head >>> this.shift);
  }

  private grantOldest(functionSlot: number, container: number): number {
    for (;;) {
      const cell = this.pop(functionSlot);
      if (cell < 0) return -1;
      if (!this.tickets.grant(cell, functionSlot, container)) continue;
      this.functions.addWaiting(functionSlot, -1);
      return ticketOfCell(cell);
    }
  }

  /** Pops the cell of an ended ticket from the head; false where the oldest still waits. */
  private skipDead(functionSlot: number, head: number): boolean {
    const at = this.functions.wordsAt(functionSlot);
    const where = this.cellAt(functionSlot, head);
    const found = Atomics.load(this.words, where);
    if (Atomics.load(this.words, at + RING_HEAD) !== head) return true;
    if (found < 0) {
      // Empty for this very lap: all was popped since the tail was read. The head must not pass the tail.
      if (found !== emptyFor(head >>> this.shift)) this.helpHead(at, head);
      return true;
    }
    if (this.tickets.waits(found, functionSlot)) return false;
    const next = emptyFor(this.nextLap(head >>> this.shift));
    if (Atomics.compareExchange(this.words, where, found, next) === found) this.helpHead(at, head);
    return true;
  }

  private helpHead(at: number, head: number): void {
    Atomics.compareExchange(this.words, at + RING_HEAD, head, (head + 1) | 0);
  }

  private nextLap(lap: number): number {
    return (lap + 1) & (0xffffffff >>> this.shift);
  }

  private cellAt(functionSlot: number, position: number): number {
    return this.base + functionSlot * this.depth + (position & (this.depth - 1));
  }
}

const emptyFor = (lap: number): number => -lap - 1;
