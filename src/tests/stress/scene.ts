/** What all threads of a stress run share, and what each makes of it for itself. */
import { type Capacity, type Hash64, hashText, LeaseState, Tables } from "../../core/mod.ts";
import { breakTables, type BrokenBuild } from "./broken.ts";
import { Control } from "./control.ts";
import { mixSeed } from "./operations.ts";
import { OrderLog } from "./order.ts";
import { RESERVATIONS, Shadow, TicketShadow, Violation } from "./shadow.ts";

/** What a thread is told when it starts. */
export interface Scene {
  readonly capacity: Capacity;
  readonly seed: number;
  readonly ids: number;
  readonly broken?: BrokenBuild;
  readonly tables: SharedArrayBuffer;
  readonly control: SharedArrayBuffer;
  readonly shadow: SharedArrayBuffer;
  readonly order: SharedArrayBuffer;
}

const SWEEP_TRIES_MAX = 10_000;
/** Ids that the duels are about: the lowest ones. */
export const DUEL_IDS = 8;

/**
 * Tables so small that everything fills, wraps and collides; how small, the seed says. The builds that are broken on
 * purpose get the most crowded ones: with room for all, few wait, and what is broken in waiting takes long to show.
 */
export function capacityOf(seed: number, workers: number, broken?: BrokenBuild): Capacity {
  if (broken) {
    const tickets = 12 * (workers + 1);
    // A permit that one thread holds in vain must be the last one for another to miss it.
    const containers = broken === "recheck" ? 3 : 6;
    return { nodes: 3, containers, functions: 2, leases: 128, tickets, ringDepth: 2, workers: workers + 1 };
  }
  const one = <T>(n: number, values: readonly T[]): T => values[mixSeed(seed, 1_000 + n) % values.length];
  return {
    nodes: one(0, [3, 8, 40]),
    containers: one(1, [6, 20, 60]),
    functions: one(2, [2, 4, 8]),
    leases: one(3, [16, 32, 128]),
    tickets: one(4, [2, 5, 12]) * (workers + 1),
    ringDepth: one(5, [2, 4, 16]),
    workers: workers + 1,
    decisions: 16,
  };
}

/** One thread's view: the tables, the canaries beside them, and the moves that every thread makes with both. */
export class Stage {
  readonly tables: Tables;
  readonly control: Control;
  readonly shadow: Shadow;
  readonly order: OrderLog;
  readonly hashes: readonly Hash64[];
  /** When the ticket that is delivered next was looked for. */
  private popBegan = 0;
  readonly deliver = (ticket: number) => {
    this.shadow.endTicket(ticket, TicketShadow.granted, this.popBegan, this.control.tick());
    this.tables.mailboxes.send(this.tables.workerOf(ticket), ticket);
  };

  constructor(readonly scene: Scene, worker: number) {
    const { capacity, ids } = scene;
    this.tables = new Tables(capacity, { buffer: scene.tables, worker });
    this.control = new Control(capacity.workers!, scene.control);
    this.shadow = new Shadow(capacity, ids, scene.shadow);
    this.order = new OrderLog(capacity.workers!, scene.order);
    this.hashes = Array.from({ length: ids }, (_, id) => ({ ...hashText(`request-${id}`, { lo: 0, hi: 0 }) }));
    if (scene.broken) breakTables(this.tables, scene.broken);
    const { queue } = this.tables;
    const pop = queue.pop.bind(queue);
    queue.pop = (functionSlot: number) => {
      this.popBegan = this.control.tick();
      return pop(functionSlot);
    };
  }

  /** Ends a lease if it is still in this life; whoever wins gives the permit on. */
  endLease(lease: number, life: number, id?: number): boolean {
    const { leases, containers } = this.tables;
    if (!leases.beginEnd(lease, life)) return false;
    const slot = leases.containerSlot(lease);
    const was = this.shadow.drop(lease, slot);
    this.shadow.expect(id === undefined || was === id, () => `lease ${lease} of ${was} was found for ${id}`);
    const sameLife = containers.generation(slot) === leases.containerGeneration(lease);
    this.shadow.expect(sameLife, () => `lease ${lease} names a container that is gone`);
    this.shadow.leave(slot);
    this.putBack(containers.functionSlot(slot), slot);
    leases.end(lease);
    return true;
  }

  /** Gives a permit back, and on to who waits. */
  putBack(functionSlot: number, container: number): void {
    const { queue, functions } = this.tables;
    queue.putBack(functionSlot, container, this.control.nowMs);
    if (functions.waiting(functionSlot) > 0) this.match(functionSlot);
  }

  /** Gives a worker's reservation back, where there is one. */
  unreserve(worker: number, index: number): void {
    const reservation = this.shadow.reservation(worker, index);
    if (!reservation) return;
    this.shadow.giveMemory(reservation.node, reservation.kib);
    this.shadow.dropReservation(worker, index);
    this.tables.nodes.release(reservation.node, reservation.kib);
  }

  /** Takes over what a worker left that has said that it is gone. Controller only. */
  sweep(worker: number): void {
    const { tables, shadow, control, deliver } = this;
    for (let index = 0; index < RESERVATIONS; index++) this.unreserve(worker, index);
    for (let lease = 0; lease < tables.leases.size; lease++) {
      if (shadow.ownerOf(lease) === worker && tables.leases.state(lease) === LeaseState.acquiring) {
        shadow.drop(lease, -1);
      }
    }
    const lost = (ticket: number, container: number) => {
      const how = container < 0 ? TicketShadow.cancelled : TicketShadow.granted;
      if (container < 0) shadow.endTicket(ticket, how);
      shadow.freeTicket(ticket, how);
    };
    // Who is sending a letter to it just now may have to be waited for.
    for (let tries = 0; !tables.sweep(worker, control.nowMs, deliver, lost); tries++) {
      if (tries > SWEEP_TRIES_MAX) throw new Violation(`a ticket granted to worker ${worker} never arrives`);
      control.rest();
    }
  }

  match(functionSlot: number): void {
    this.tables.queue.match(functionSlot, this.control.nowMs, this.deliver);
  }
}
