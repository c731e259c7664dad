/**
 * The ticket table: one ticket per waiting acquire. Words of a ticket:
 *
 * | word | what                                       | written by           | read by              |
 * |------|--------------------------------------------|----------------------|----------------------|
 * | 0    | state, bits 0–2; generation, bits 3–13     | anyone, by CAS       | anyone               |
 * | 1    | function slot                              | its worker           | anyone while waiting |
 * | 2    | granted container slot                     | who grants           | its worker           |
 *
 * A ticket that is `bound` waits for one container that is being started for it: it is out of its ring and not counted
 * as waiting any more.
 *
 * A ticket ends exactly once: one CAS from `waiting` or `bound` decides between granted and cancelled. The granter holds the
 * permit before it tries; should the CAS be lost, the permit is still its own. Only the winner writes word 2, after the
 * CAS (before it, a late loser could overwrite the grant of the ticket's next life), and then delivers the ticket to
 * its worker, which alone reads that word and frees the ticket.
 */
import { assert } from "../base/mod.ts";
import { TICKET_WORDS } from "./layout.ts";

export const TicketState = { free: 0, waiting: 1, granted: 2, cancelled: 3, bound: 4 } as const;
export type TicketState = (typeof TicketState)[keyof typeof TicketState];

const STATE = 0, FUNCTION = 1, GRANT = 2;
/** Bits of a ticket's index and of its generation in a ring cell. */
const INDEX_BITS = 20;
const GENERATION_MASK = 0x7ff;

export class TicketTable {
  /** Free tickets of this worker's range. */
  private readonly free: number[] = [];

  constructor(
    private readonly words: Int32Array,
    private readonly base: number,
    private readonly from: number,
    private readonly to: number,
    readonly size: number = to,
  ) {
    assert(to <= 1 << INDEX_BITS, `${to} tickets do not fit a ring cell`);
    for (let ticket = to - 1; ticket >= from; ticket--) this.free.push(ticket);
  }

  /** Takes a ticket into state `waiting`; −1 where none is left. Its worker only. */
  take(functionSlot: number): number {
    const ticket = this.free.pop();
    if (ticket === undefined) return -1;
    const at = this.at(ticket);
    const generation = ((this.words[at + STATE] >>> 3) + 1) & GENERATION_MASK;
    Atomics.store(this.words, at + FUNCTION, functionSlot);
    Atomics.store(this.words, at + GRANT, -1);
    Atomics.store(this.words, at + STATE, TicketState.waiting | generation << 3);
    return ticket;
  }

  /** Frees a ticket that has ended. Its worker only, or the controller for a worker that is gone. */
  give(ticket: number): void {
    const at = this.at(ticket) + STATE;
    const word = this.words[at];
    assert(
      (word & 7) === TicketState.granted || (word & 7) === TicketState.cancelled,
      `ticket ${ticket} has not ended`,
    );
    Atomics.store(this.words, at, word & ~7);
    if (ticket >= this.from && ticket < this.to) this.free.push(ticket);
  }

  /**
   * Ends the tickets from `from` to `to`, of a worker that is gone: calls `cancelled` with each that still waited and
   * its function slot, and answers how many have been granted and not been taken out of the mailbox yet. Controller
   * only.
   */
  sweep(from: number, to: number, cancelled: (ticket: number, functionSlot: number) => void): number {
    let granted = 0;
    for (let ticket = from; ticket < to; ticket++) {
      if (this.cancel(ticket)) cancelled(ticket, this.functionSlot(ticket));
      else this.cancelBound(ticket);
      const state = Atomics.load(this.words, this.at(ticket) + STATE) & 7;
      if (state === TicketState.cancelled) this.give(ticket);
      if (state === TicketState.granted) granted++;
    }
    return granted;
  }

  /** What stands for this ticket in its ring: index and generation. */
  cell(ticket: number): number {
    return ticket | this.words[this.at(ticket) + STATE] >>> 3 << INDEX_BITS;
  }

  /**
   * Grants the ticket of a ring cell of this function; false where it has ended already or is another one by now. Any
   * thread. The generation in a cell comes round after 2,048 lives of its ticket, which a dead cell may outlast behind
   * an oldest waiter that waits long: hence the look at the function, which no life of a ticket changes.
   */
  grant(cell: number, functionSlot: number, containerSlot: number): boolean {
    const ticket = ticketOfCell(cell);
    const at = this.at(ticket);
    if (Atomics.load(this.words, at + FUNCTION) !== functionSlot) return false;
    const waiting = TicketState.waiting | cell >>> INDEX_BITS << 3;
    const granted = TicketState.granted | cell >>> INDEX_BITS << 3;
    if (Atomics.compareExchange(this.words, at + STATE, waiting, granted) !== waiting) return false;
    Atomics.store(this.words, at + GRANT, containerSlot);
    return true;
  }

  /**
   * Lets the ticket of a ring cell of this function, which has been popped, wait for one container; false where it has
   * ended. Whoever does it counts it as not waiting any more. Controller only.
   */
  bind(cell: number, functionSlot: number): boolean {
    const at = this.at(ticketOfCell(cell));
    if (Atomics.load(this.words, at + FUNCTION) !== functionSlot) return false;
    return this.turn(at + STATE, cell, TicketState.waiting, TicketState.bound);
  }

  /** Grants a bound ticket its container; false where it has been cancelled. Controller only. */
  grantBound(cell: number, containerSlot: number): boolean {
    const at = this.at(ticketOfCell(cell));
    if (!this.turn(at + STATE, cell, TicketState.bound, TicketState.granted)) return false;
    Atomics.store(this.words, at + GRANT, containerSlot);
    return true;
  }

  /** Whether the ticket of a cell is bound and has not ended. */
  isBound(cell: number): boolean {
    const word = Atomics.load(this.words, this.at(ticketOfCell(cell)) + STATE);
    return word === (TicketState.bound | cell >>> INDEX_BITS << 3);
  }

  /** bound → cancelled; false where it is not bound. As `cancel`, but it was not counted as waiting. */
  cancelBound(ticket: number): boolean {
    const at = this.at(ticket) + STATE;
    const word = Atomics.load(this.words, at);
    if ((word & 7) !== TicketState.bound) return false;
    return Atomics.compareExchange(this.words, at, word, (word & ~7) | TicketState.cancelled) === word;
  }

  /** waiting → cancelled; false where it was granted first: then it will be delivered. Its worker only. */
  cancel(ticket: number): boolean {
    const at = this.at(ticket) + STATE;
    const word = Atomics.load(this.words, at);
    if ((word & 7) !== TicketState.waiting) return false;
    return Atomics.compareExchange(this.words, at, word, (word & ~7) | TicketState.cancelled) === word;
  }

  /** Whether the ticket of a ring cell of this function still waits. Any thread. */
  waits(cell: number, functionSlot: number): boolean {
    const at = this.at(ticketOfCell(cell));
    if (Atomics.load(this.words, at + FUNCTION) !== functionSlot) return false;
    return Atomics.load(this.words, at + STATE) === (TicketState.waiting | cell >>> INDEX_BITS << 3);
  }

  /** Adds one to `counts[function slot]` for every waiting ticket. Walks the whole table: for checks. */
  countWaiting(counts: Int32Array): void {
    for (let ticket = 0; ticket < this.size; ticket++) {
      const word = Atomics.load(this.words, this.at(ticket) + STATE);
      if ((word & 7) === TicketState.waiting) counts[this.functionSlot(ticket)]++;
    }
  }

  /** Adds one to `counts[container slot]` for every ticket that is granted and on its way. For checks. */
  countGranted(counts: Int32Array): void {
    for (let ticket = 0; ticket < this.size; ticket++) {
      const word = Atomics.load(this.words, this.at(ticket) + STATE);
      if ((word & 7) === TicketState.granted) counts[this.grantedContainer(ticket)]++;
    }
  }

  functionSlot(ticket: number): number {
    return Atomics.load(this.words, this.at(ticket) + FUNCTION);
  }
  grantedContainer(ticket: number): number {
    return Atomics.load(this.words, this.at(ticket) + GRANT);
  }

  private turn(at: number, cell: number, from: TicketState, to: TicketState): boolean {
    const generation = cell >>> INDEX_BITS << 3;
    return Atomics.compareExchange(this.words, at, from | generation, to | generation) === (from | generation);
  }

  private at(ticket: number): number {
    return this.base + ticket * TICKET_WORDS;
  }
}

/** Index of the ticket that a ring cell stands for. */
export const ticketOfCell = (cell: number): number => cell & ((1 << INDEX_BITS) - 1);
