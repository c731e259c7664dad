/**
 * Canaries: a second account of who holds what, kept by the threads beside the tables, with nothing in common with
 * them but the numbers of slots. Whoever is given something enters it here afterwards, whoever gives it back strikes it
 * out before; so what stands here is never more than what the tables have given, and a table that gives twice is told.
 */
import type { Capacity } from "../../core/mod.ts";

/** Something that must never happen has happened. */
export class Violation extends Error {
  override name = "Violation";
}

export const TicketShadow = { free: 0, waiting: 1, granted: 2, cancelled: 3 } as const;

const CONTAINER_WORDS = 16, NODE_WORDS = 16, LEASE_WORDS = 4, TICKET_WORDS = 8;
const IN_FLIGHT = 0, LIFE = 1, LIMIT = 2, FUNCTION_LIFE = 3;
const USED = 0, NODE_CAPACITY = 1;
const ID = 0, OWNER = 1, CONTAINER = 2;
const STATE = 0, PUSH_BEGAN = 1, PUSHED = 2, POP_BEGAN = 3, GRANTED = 4;
/** Reservations a worker may have at once. */
export const RESERVATIONS = 8;

/** When a granted ticket was queued and taken out, by the clock of all threads. */
export interface Wait {
  readonly pushBegan: number;
  /** 0 where it was granted before its push came back. */
  readonly pushed: number;
  readonly popBegan: number;
  readonly granted: number;
}

export class Shadow {
  readonly buffer: SharedArrayBuffer;
  private readonly words: Int32Array;
  private readonly nodes: number;
  private readonly leases: number;
  private readonly tickets: number;
  private readonly holders: number;
  private readonly reservations: number;

  constructor(readonly capacity: Capacity, readonly ids: number, buffer?: SharedArrayBuffer) {
    let words = 0;
    const take = (count: number) => {
      words += count;
      return words - count;
    };
    take(capacity.containers * CONTAINER_WORDS);
    this.nodes = take(capacity.nodes * NODE_WORDS);
    this.leases = take(capacity.leases * LEASE_WORDS);
    this.tickets = take(capacity.tickets * TICKET_WORDS);
    this.holders = take(ids);
    this.reservations = take((capacity.workers ?? 1) * RESERVATIONS * 2);
    this.buffer = buffer ?? new SharedArrayBuffer(words * 4);
    this.words = new Int32Array(this.buffer);
  }

  expect(condition: boolean, message: () => string): void {
    if (!condition) throw new Violation(message());
  }

  // Containers.

  /** Before it is published. */
  openContainer(slot: number, generation: number, limit: number, functionLife: number): void {
    const at = slot * CONTAINER_WORDS;
    Atomics.store(this.words, at + LIMIT, limit);
    Atomics.store(this.words, at + FUNCTION_LIFE, functionLife);
    Atomics.store(this.words, at + LIFE, generation);
  }
  /** Before its limit is changed. A lower one is not noted: what came in under the old one may enter yet. */
  allow(slot: number, limit: number): void {
    const at = slot * CONTAINER_WORDS + LIMIT;
    Atomics.store(this.words, at, Math.max(limit, Atomics.load(this.words, at)));
  }
  /** After it can be granted no more and has nothing in flight. */
  closeContainer(slot: number): void {
    const inFlight = Atomics.load(this.words, slot * CONTAINER_WORDS + IN_FLIGHT);
    if (inFlight !== 0) throw new Violation(`container slot ${slot} was retired with ${inFlight} in flight`);
    Atomics.store(this.words, slot * CONTAINER_WORDS + LIFE, 0);
  }
  /** After a permit of it was granted. */
  enter(slot: number, generation: number, functionLife: number): void {
    const at = slot * CONTAINER_WORDS;
    const inFlight = Atomics.add(this.words, at + IN_FLIGHT, 1) + 1;
    const limit = Atomics.load(this.words, at + LIMIT);
    if (inFlight > limit) {
      throw new Violation(`container slot ${slot} has ${inFlight} in flight, its limit is ${limit}`);
    }
    const life = Atomics.load(this.words, at + LIFE);
    if (life === 0) throw new Violation(`container slot ${slot} was granted after it was retired`);
    if (life !== generation) throw new Violation(`container slot ${slot} changed its generation under a grant`);
    const wanted = Atomics.load(this.words, at + FUNCTION_LIFE);
    if (wanted !== functionLife) {
      throw new Violation(`container slot ${slot} was granted to another function's acquire`);
    }
  }
  /** Before its permit is given back. */
  leave(slot: number): void {
    const inFlight = Atomics.sub(this.words, slot * CONTAINER_WORDS + IN_FLIGHT, 1) - 1;
    if (inFlight < 0) throw new Violation(`container slot ${slot} was left more often than entered`);
  }
  inFlight(slot: number): number {
    return Atomics.load(this.words, slot * CONTAINER_WORDS + IN_FLIGHT);
  }

  // Nodes.

  /** Before it is opened or grown, after it has shrunk; 0 before it is recycled. */
  setNode(node: number, capacityKiB: number): void {
    const at = this.nodes + node * NODE_WORDS;
    const used = Atomics.load(this.words, at + USED);
    if (used > capacityKiB) throw new Violation(`node slot ${node} has ${capacityKiB} KiB left and ${used} in use`);
    Atomics.store(this.words, at + NODE_CAPACITY, capacityKiB);
  }
  /** After memory of it was reserved. */
  takeMemory(node: number, kib: number): void {
    const at = this.nodes + node * NODE_WORDS;
    const used = Atomics.add(this.words, at + USED, kib) + kib;
    const capacity = Atomics.load(this.words, at + NODE_CAPACITY);
    if (used > capacity) throw new Violation(`node slot ${node} gave ${used} KiB away and has ${capacity}`);
  }
  /** Before it is released. */
  giveMemory(node: number, kib: number): void {
    const used = Atomics.sub(this.words, this.nodes + node * NODE_WORDS + USED, kib) - kib;
    if (used < 0) throw new Violation(`node slot ${node} got back more than it gave`);
  }
  usedKiB(node: number): number {
    return Atomics.load(this.words, this.nodes + node * NODE_WORDS + USED);
  }

  /** Notes a worker's reservation that belongs to no container, so that it can be given back where the worker is gone. */
  noteReservation(worker: number, index: number, node: number, kib: number): void {
    const at = this.reservations + (worker * RESERVATIONS + index) * 2;
    Atomics.store(this.words, at + 1, kib);
    Atomics.store(this.words, at, node + 1);
  }
  reservation(worker: number, index: number): { node: number; kib: number } | undefined {
    const at = this.reservations + (worker * RESERVATIONS + index) * 2;
    const node = Atomics.load(this.words, at) - 1;
    return node < 0 ? undefined : { node, kib: Atomics.load(this.words, at + 1) };
  }
  dropReservation(worker: number, index: number): void {
    Atomics.store(this.words, this.reservations + (worker * RESERVATIONS + index) * 2, 0);
  }

  // Leases.

  /** After an insertion was won. */
  hold(lease: number, id: number, worker: number): void {
    const before = Atomics.compareExchange(this.words, this.holders + id, 0, worker + 1);
    if (before !== 0) {
      throw new Violation(`request ${id} was given to worker ${worker} while worker ${before - 1} had it`);
    }
    const at = this.leases + lease * LEASE_WORDS;
    Atomics.store(this.words, at + ID, id);
    Atomics.store(this.words, at + CONTAINER, 0);
    Atomics.store(this.words, at + OWNER, worker + 1);
  }
  /** Before it is made live. */
  bind(lease: number, container: number): void {
    Atomics.store(this.words, this.leases + lease * LEASE_WORDS + CONTAINER, container + 1);
  }
  /** After its end was won, or before it is abandoned; answers its id. */
  drop(lease: number, container: number): number {
    const at = this.leases + lease * LEASE_WORDS;
    const bound = Atomics.load(this.words, at + CONTAINER) - 1;
    if (bound !== container) throw new Violation(`lease ${lease} names container ${container}, it was given ${bound}`);
    const id = Atomics.load(this.words, at + ID);
    if (Atomics.exchange(this.words, at + OWNER, 0) === 0) throw new Violation(`lease ${lease} ended twice`);
    const holder = Atomics.exchange(this.words, this.holders + id, 0);
    if (holder === 0) throw new Violation(`request ${id} ended twice`);
    return id;
  }
  /** The worker that holds the lease's entry, or −1. */
  ownerOf(lease: number): number {
    return Atomics.load(this.words, this.leases + lease * LEASE_WORDS + OWNER) - 1;
  }
  /** The worker that this id was given to, or −1. */
  holderOf(id: number): number {
    return Atomics.load(this.words, this.holders + id) - 1;
  }

  // Tickets.

  /** Before the ticket is queued. */
  queueTicket(ticket: number, tick: number): void {
    const at = this.tickets + ticket * TICKET_WORDS;
    Atomics.store(this.words, at + PUSH_BEGAN, tick);
    Atomics.store(this.words, at + PUSHED, 0);
    const before = Atomics.exchange(this.words, at + STATE, TicketShadow.waiting);
    if (before !== TicketShadow.free) throw new Violation(`ticket ${ticket} was taken twice`);
  }
  queuedTicket(ticket: number, tick: number): void {
    Atomics.store(this.words, this.tickets + ticket * TICKET_WORDS + PUSHED, tick);
  }
  /** Who has ended the ticket says how: once only. */
  endTicket(ticket: number, how: number, popBegan = 0, tick = 0): void {
    const at = this.tickets + ticket * TICKET_WORDS;
    const before = Atomics.compareExchange(this.words, at + STATE, TicketShadow.waiting, how);
    if (before !== TicketShadow.waiting) throw new Violation(`ticket ${ticket} ended twice, or had not begun`);
    Atomics.store(this.words, at + POP_BEGAN, popBegan);
    Atomics.store(this.words, at + GRANTED, tick);
  }
  /** Before the ticket is given back. */
  freeTicket(ticket: number, how: number): void {
    const at = this.tickets + ticket * TICKET_WORDS + STATE;
    const before = Atomics.exchange(this.words, at, TicketShadow.free);
    if (before !== how) throw new Violation(`ticket ${ticket} ended as ${before}, its owner was told ${how}`);
  }
  ticketState(ticket: number): number {
    return Atomics.load(this.words, this.tickets + ticket * TICKET_WORDS + STATE);
  }
  waitOf(ticket: number): Wait {
    const at = this.tickets + ticket * TICKET_WORDS;
    return {
      pushBegan: Atomics.load(this.words, at + PUSH_BEGAN),
      pushed: Atomics.load(this.words, at + PUSHED),
      popBegan: Atomics.load(this.words, at + POP_BEGAN),
      granted: Atomics.load(this.words, at + GRANTED),
    };
  }
}
