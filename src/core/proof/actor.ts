/**
 * What the threads of a case do: the steps of an ingress thread's acquire, wait, cancel and release over the tables, as
 * the scheduler's dispatcher takes them. Everything in here is a call of core's own code.
 */
import { assert } from "../../base/mod.ts";
import type { Capacity } from "../layout.ts";
import type { Tables } from "../tables.ts";
import { enterLoop, remembersIn, stopHere, turn, watchCalls } from "./hooks.ts";
import type { Core } from "./load.ts";

/** The one function of every case. */
export const FN = 0;
/** What a thread answers that holds nothing at its end. */
export const NOTHING = -1;

export class Actor {
  readonly tables: Tables;
  private readonly deliver = (ticket: number) => this.tables.mailboxes.send(this.tables.workerOf(ticket), ticket);

  constructor(core: Core, capacity: Capacity, buffer: SharedArrayBuffer, private readonly worker: number) {
    this.tables = new core.Tables(capacity, { buffer, worker });
    remembersIn(Object.values(this.tables).filter((table) => typeof table === "object"));
  }

  /** The ticket that this worker takes first. */
  get firstTicket(): number {
    const { tickets, workers = 1 } = this.tables.capacity;
    return this.worker * Math.floor(tickets / workers);
  }

  /** Gets a permit, sleeping if need be; answers its container. */
  acquire(): number {
    const slot = this.tryAcquire();
    return slot >= 0 ? slot : this.awaitGrant(this.enqueue());
  }

  /** Gets a permit if nobody waits and there is one; answers its container, or {@linkcode NOTHING}. */
  tryAcquire(): number {
    return this.tables.queue.claim(FN, 0, this.deliver);
  }

  /** Waits in the function's queue, without sleeping yet; answers its ticket. */
  enqueue(): number {
    const { tickets, queue } = this.tables;
    const ticket = tickets.take(FN);
    assert(ticket >= 0 && queue.push(FN, ticket), "the case has too few tickets");
    this.match();
    return ticket;
  }

  /** Sleeps until the ticket is delivered; answers the container it was granted. */
  awaitGrant(ticket: number): number {
    const { mailboxes, tickets } = this.tables;
    for (const loop = enterLoop(); turn(loop);) {
      const seen = mailboxes.bell(this.worker);
      const letter = mailboxes.take(this.worker);
      if (letter >= 0) {
        assert(letter === ticket, `ticket ${letter} was delivered, not ${ticket}`);
        break;
      }
      mailboxes.awaitBell(this.worker, seen).catch(() => {});
      stopHere();
    }
    const slot = tickets.grantedContainer(ticket);
    assert(slot >= 0, `ticket ${ticket} was delivered without a container`);
    tickets.give(ticket);
    return slot;
  }

  /** Ends the wait of a ticket; false where a grant was faster: then that is on its way. */
  cancelled(ticket: number): boolean {
    const { tickets, functions } = this.tables;
    if (!tickets.cancel(ticket)) return false;
    tickets.give(ticket);
    functions.addWaiting(FN, -1);
    return true;
  }

  /** Ends the wait of a ticket; where a grant was faster, gives that back. */
  cancel(ticket: number): void {
    if (!this.cancelled(ticket)) this.release(this.awaitGrant(ticket));
  }

  release(slot: number): number {
    const { queue, functions } = this.tables;
    queue.putBack(FN, slot, 0);
    if (functions.waiting(FN) > 0) this.match();
    return NOTHING;
  }

  match(): void {
    this.tables.queue.match(FN, 0, this.deliver);
  }
}

watchCalls(Actor.prototype);
