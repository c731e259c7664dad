/** Carries a worker's operations out on the tables, as the scheduler's threads do, with the canaries beside. */
import { LeaseState } from "../../core/mod.ts";
import { spin } from "./broken.ts";
import { DUEL_IDS, type Stage } from "./scene.ts";
import { OPERATIONS, type Operations } from "./operations.ts";
import { RESERVATIONS, TicketShadow } from "./shadow.ts";

/** Thrown between two operations: the worker fails, and what it has is left as it is. */
export class WorkerFailure extends Error {}

interface Waiting {
  readonly id: number;
  readonly lease: number;
  readonly functionSlot: number;
  readonly functionLife: number;
}

/** Ids that a worker remembers to release; what is beyond ends by its deadline. */
const HELD_MAX = 64;
const DEADLINE_MS_MAX = 80;
const KIB_MAX = 700;

export class Actor {
  private readonly waiting = new Map<number, Waiting>();
  private held: number[] = [];
  private last = 0;
  /** Which functions there are, as this worker saw it last: the next look may be long after. */
  private readonly functionLives: number[] = [];

  constructor(private readonly stage: Stage, private readonly worker: number) {
    this.look();
  }

  /** One operation. True where the worker wants to sleep until its bell rings. */
  perform(operation: Operations): boolean {
    const { a, b, c } = operation;
    const { ids, capacity } = this.stage.scene;
    switch (OPERATIONS[operation.what]) {
      case "acquire":
        this.acquire(a % ids, b % capacity.functions, c);
        break;
      case "duel":
        this.acquire(a % DUEL_IDS, b % capacity.functions, c);
        break;
      case "release":
        this.release(this.held.length === 0 ? this.last : this.held.splice(a % this.held.length, 1)[0]);
        break;
      case "releaseAny":
        this.release(a % (b % 2 === 0 ? DUEL_IDS : ids));
        break;
      case "releaseAgain":
        this.release(this.last);
        break;
      case "cancel":
        if (this.waiting.size > 0) this.cancel([...this.waiting.keys()][a % this.waiting.size]);
        break;
      case "letters":
        this.letters();
        break;
      case "reserve":
        this.reserve(1 + a % KIB_MAX, b % RESERVATIONS);
        break;
      case "unreserve":
        this.unreserve(a % RESERVATIONS);
        break;
      case "look":
        this.look();
        break;
      case "linger":
        spin(a % 200);
        break;
      case "sleep":
        return true;
      case "exit":
        throw new WorkerFailure();
    }
    return false;
  }

  /** Takes its letters out; answers whether there were any. */
  letters(): boolean {
    const { tables } = this.stage;
    let ticket = tables.mailboxes.take(this.worker);
    const any = ticket >= 0;
    for (; ticket >= 0; ticket = tables.mailboxes.take(this.worker)) this.receive(ticket);
    return any;
  }

  /** Ends everything it has, at the end of a run. */
  settle(): void {
    for (const ticket of [...this.waiting.keys()]) this.cancel(ticket);
    // What could not be cancelled has been granted: its letter is in the box, or on its way by a thread that is at it.
    while (this.waiting.size > 0) {
      if (!this.letters()) this.stage.control.rest();
    }
    for (const id of this.held) this.release(id);
    this.held = [];
    for (let index = 0; index < RESERVATIONS; index++) this.unreserve(index);
  }

  private acquire(id: number, functionSlot: number, random: number): void {
    const { tables, shadow, control, hashes, deliver } = this.stage;
    const { leases, queue } = tables;
    const functionLife = this.functionLives[functionSlot];
    if (functionLife < 0) return;
    const found = leases.insert(hashes[id]);
    if (found === "live") return this.join(leases.found, leases.foundLife);
    if (found !== "inserted") return;
    const lease = leases.found;
    shadow.hold(lease, id, this.worker);
    const waiting = { id, lease, functionSlot, functionLife };
    const slot = queue.claim(functionSlot, control.nowMs, deliver);
    if (slot >= 0) this.grant(waiting, slot, random % DEADLINE_MS_MAX);
    else this.wait(waiting);
  }

  private wait(waiting: Waiting): void {
    const { tables, shadow, control } = this.stage;
    const { tickets, queue, functions } = tables;
    const { functionSlot, functionLife } = waiting;
    const ticket = tickets.take(functionSlot);
    if (ticket < 0) return this.abandon(waiting);
    shadow.queueTicket(ticket, control.tick());
    if (!queue.push(functionSlot, ticket)) {
      const cancelled = tickets.cancel(ticket);
      shadow.expect(cancelled, () => `ticket ${ticket} was granted without having been queued`);
      shadow.endTicket(ticket, TicketShadow.cancelled);
      shadow.freeTicket(ticket, TicketShadow.cancelled);
      tickets.give(ticket);
      return this.abandon(waiting);
    }
    shadow.queuedTicket(ticket, control.tick());
    this.waiting.set(ticket, waiting);
    if (functions.isStill(functionSlot, functionLife)) this.stage.match(functionSlot);
    else this.cancel(ticket);
  }

  private receive(ticket: number): void {
    const { tables, shadow, order } = this.stage;
    const waiting = this.waiting.get(ticket)!;
    shadow.expect(waiting !== undefined, () => `worker ${this.worker} was sent ticket ${ticket}, which it has not`);
    this.waiting.delete(ticket);
    const slot = tables.tickets.grantedContainer(ticket);
    order.note(this.worker, waiting.functionSlot, ticket, shadow.waitOf(ticket));
    shadow.freeTicket(ticket, TicketShadow.granted);
    tables.tickets.give(ticket);
    this.grant(waiting, slot, slot % DEADLINE_MS_MAX);
  }

  private cancel(ticket: number): void {
    const { tables, shadow } = this.stage;
    if (!tables.tickets.cancel(ticket)) return;
    shadow.endTicket(ticket, TicketShadow.cancelled);
    shadow.freeTicket(ticket, TicketShadow.cancelled);
    tables.tickets.give(ticket);
    const waiting = this.waiting.get(ticket)!;
    this.waiting.delete(ticket);
    tables.functions.addWaiting(waiting.functionSlot, -1);
    this.abandon(waiting);
  }

  private grant(waiting: Waiting, slot: number, lastsMs: number): void {
    const { tables, shadow, control } = this.stage;
    const { leases, containers, functions } = tables;
    const { id, lease, functionSlot, functionLife } = waiting;
    if (!functions.isStill(functionSlot, functionLife)) {
      // The slot was given to another function since this worker looked.
      this.abandon(waiting);
      return this.stage.putBack(functionSlot, slot);
    }
    const generation = containers.generation(slot);
    shadow.enter(slot, generation, functionLife);
    shadow.bind(lease, slot);
    leases.publish(lease, slot, generation, control.nowMs + lastsMs);
    containers.takeFresh(slot);
    this.held.push(id);
    if (this.held.length > HELD_MAX) this.held.shift();
  }

  private abandon({ lease }: Waiting): void {
    this.stage.shadow.drop(lease, -1);
    this.stage.tables.leases.abandon(lease);
  }

  /** The second acquire of a live id is told the container of the first; if that has not ended meanwhile. */
  private join(lease: number, life: number): void {
    const { leases, containers } = this.stage.tables;
    const slot = leases.containerSlot(lease), generation = leases.containerGeneration(lease);
    const now = containers.generation(slot);
    // Still in this life after it was seen live in between: it was live all the time that the container was looked at.
    if (leases.state(lease) !== LeaseState.live || leases.generation(lease) !== life) return;
    this.stage.shadow.expect(now === generation, () => `lease ${lease} is live and names a container that is gone`);
  }

  private release(id: number): void {
    const { tables, hashes } = this.stage;
    this.last = id;
    const lease = tables.leases.find(hashes[id]);
    if (lease >= 0) this.stage.endLease(lease, tables.leases.foundLife, id);
  }

  private reserve(kib: number, index: number): void {
    const { tables, shadow } = this.stage;
    if (shadow.reservation(this.worker, index)) return this.unreserve(index);
    const node = tables.placement.find(kib);
    if (node < 0 || !tables.nodes.reserve(node, kib)) return;
    shadow.takeMemory(node, kib);
    shadow.noteReservation(this.worker, index, node, kib);
  }

  private unreserve(index: number): void {
    this.stage.unreserve(this.worker, index);
  }

  private look(): void {
    const { functions } = this.stage.tables;
    for (let slot = 0; slot < functions.size; slot++) {
      this.functionLives[slot] = functions.inUse(slot) ? functions.generation(slot) : -1;
    }
  }
}
