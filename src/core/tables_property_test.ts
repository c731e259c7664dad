/** Functions, containers, queues and tickets together, against a model of plain arrays. */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { ContainerPhase } from "./claim.ts";
import { dropContainer, SMALL_CAPACITY, smallTables, warmContainer, windRing } from "./testing.ts";

type Held = { fn: number; slot: number };
type Cell = { ticket: number; dead: boolean };
type Container = { slot: number; fn: number; rank: number; limit: number; inFlight: number; phase: ContainerPhase };

class Model {
  readonly containers = new Map<number, Container>();
  /** Cells of each function's ring, the dead ones too: they take place until they are passed. */
  readonly rings: [Cell[], Cell[]] = [[], []];
  held: Held[] = [];

  waiting(fn: number): Cell[] {
    return this.rings[fn].filter((cell) => !cell.dead);
  }
  claim(fn: number): Container | undefined {
    const withRoom = [...this.containers.values()]
      .filter((c) => c.fn === fn && c.phase === ContainerPhase.warm && c.inFlight < c.limit)
      .sort((a, b) => a.rank - b.rank);
    if (withRoom[0]) withRoom[0].inFlight++;
    return withRoom[0];
  }
  freeRank(fn: number): number {
    const taken = new Set([...this.containers.values()].filter((c) => c.fn === fn).map((c) => c.rank));
    for (let rank = 0;; rank++) if (!taken.has(rank)) return rank;
  }
  /** Grants in order; answers ticket and container of each. */
  match(fn: number): [number, number][] {
    const grants: [number, number][] = [];
    while (this.waiting(fn).length > 0) {
      const container = this.claim(fn);
      if (!container) break;
      let cell = this.rings[fn].shift()!;
      while (cell.dead) cell = this.rings[fn].shift()!;
      grants.push([cell.ticket, container.slot]);
    }
    return grants;
  }
  full(fn: number): boolean {
    const ring = this.rings[fn];
    while (ring.length >= SMALL_CAPACITY.ringDepth && ring[0].dead) ring.shift();
    return ring.length >= SMALL_CAPACITY.ringDepth;
  }
}

const fn = fc.nat({ max: 1 });
const pick = fc.nat({ max: 1_000 });
const operation = fc.record({
  do: fc.constantFrom<"acquire" | "release" | "cancel" | "add" | "retire" | "drain" | "drop">(
    "acquire",
    "acquire",
    "acquire",
    "release",
    "release",
    "cancel",
    "add",
    "retire",
    "drain",
    "drop",
  ),
  fn,
  pick,
});
const start = fc.constantFrom(0, 5, 2 ** 31 - 6, 2 ** 32 - 6);

Deno.test("acquire, wait, cancel, release, publish, retire, drain and drop do as a plain model does", () => {
  fc.assert(
    fc.property(start, fc.array(operation, { maxLength: 150, size: "max" }), (position, operations) => {
      const tables = smallTables();
      for (const fn of [0, 1]) windRing(tables, fn, position);
      const { functions, containers, queue, tickets } = tables;
      const model = new Model();

      const match = (fn: number) => {
        const grants: [number, number][] = [];
        queue.match(fn, 0, (ticket) => {
          grants.push([ticket, tickets.grantedContainer(ticket)]);
          tickets.give(ticket);
        });
        assertEquals(grants, model.match(fn));
        for (const [, slot] of grants) model.held.push({ fn, slot });
      };
      const any = <T>(list: T[], pick: number): T | undefined => list[pick % Math.max(1, list.length)];

      for (const { do: what, fn, pick } of operations) {
        switch (what) {
          case "acquire": {
            const slot = functions.waiting(fn) === 0 ? functions.claim(fn) : -1;
            const wanted = model.waiting(fn).length === 0 ? model.claim(fn) : undefined;
            assertEquals(slot, wanted?.slot ?? -1);
            if (slot >= 0) {
              model.held.push({ fn, slot });
              break;
            }
            const ticket = tickets.take(fn);
            const all = model.waiting(0).length + model.waiting(1).length;
            assertEquals(ticket < 0, all === SMALL_CAPACITY.tickets);
            if (ticket < 0) break;
            const full = model.full(fn);
            assertEquals(queue.push(fn, ticket), !full);
            if (full) {
              tickets.cancel(ticket);
              tickets.give(ticket);
              break;
            }
            model.rings[fn].push({ ticket, dead: false });
            match(fn);
            break;
          }
          case "release": {
            const held = any(model.held, pick);
            if (!held) break;
            model.held = model.held.filter((one) => one !== held);
            model.containers.get(held.slot)!.inFlight--;
            queue.putBack(held.fn, held.slot, 0);
            match(held.fn);
            break;
          }
          case "cancel": {
            const cell = any(model.waiting(fn), pick);
            if (!cell) break;
            assert(tickets.cancel(cell.ticket));
            tickets.give(cell.ticket);
            functions.addWaiting(fn, -1);
            cell.dead = true;
            break;
          }
          case "add": {
            const slot = pick % SMALL_CAPACITY.containers;
            if (model.containers.has(slot)) break;
            const limit = 1 + pick % 3;
            const rank = warmContainer(tables, slot, fn, limit);
            assertEquals(rank, model.freeRank(fn));
            model.containers.set(slot, { slot, fn, rank, limit, inFlight: 0, phase: ContainerPhase.warm });
            match(fn);
            break;
          }
          case "retire": {
            const one = any([...model.containers.values()], pick);
            if (!one) break;
            const may = one.phase === ContainerPhase.warm && one.inFlight === 0;
            assertEquals(containers.retire(one.slot), may);
            if (may) one.phase = ContainerPhase.removing;
            break;
          }
          case "drain": {
            const one = any([...model.containers.values()], pick);
            if (!one) break;
            if (one.phase !== ContainerPhase.removing) {
              one.phase = one.inFlight === 0 ? ContainerPhase.removing : ContainerPhase.draining;
            }
            assertEquals(containers.drain(one.slot), one.phase);
            break;
          }
          case "drop":
            for (const one of [...model.containers.values()]) {
              if (one.phase !== ContainerPhase.removing) continue;
              dropContainer(tables, one.slot);
              model.containers.delete(one.slot);
            }
        }
        functions.checkInvariants();
        containers.checkInvariants();
        const waiting = new Int32Array(SMALL_CAPACITY.functions);
        tickets.countWaiting(waiting);
        for (const fn of [0, 1]) {
          assertEquals(functions.waiting(fn), model.waiting(fn).length);
          assertEquals(waiting[fn], model.waiting(fn).length);
        }
        for (let slot = 0; slot < SMALL_CAPACITY.containers; slot++) {
          const one = model.containers.get(slot);
          assertEquals(containers.phase(slot), one?.phase ?? ContainerPhase.free);
          if (one) assertEquals(containers.inFlight(slot), one.inFlight);
        }
      }
    }),
    { numRuns: 300 },
  );
});
