/**
 * Builds that are broken on purpose: one step of a protocol is left out, or a CAS replaced by check-then-store. Where a
 * moment lies between check and store it is widened by some hundred or thousand empty rounds: on few cores two threads
 * meet in a moment of nanoseconds once in minutes, and what is to be shown is that they are found out when they meet.
 */
import { ContainerPhase, hasRoom, inFlightOf, LeaseState, phaseOf, type Tables } from "../../core/mod.ts";

/** What may be broken, and what that is. */
export const BROKEN_BUILDS = {
  "node-reserve": "a node's room is checked, then stored",
  claim: "a container's permit is checked, then stored",
  grant: "a ticket that waits is checked, then stored as granted",
  recheck: "after a permit was given back for want of waiters nobody looks again whether one came",
  retire: "a container with nothing in flight is checked, then stored as removing",
  "lease-rivals": "an insertion does not look for another one of the same id",
  "lease-end": "a live lease is checked, then stored as ending",
  "ring-lap": "a pop does not look whether the head is still where it was",
} as const;
export type BrokenBuild = keyof typeof BROKEN_BUILDS;

const WINDOW_SPINS = 400;
/** Where the two must be of certain kinds to be in one another's way. */
const WIDE_SPINS = 4_000;

const sink = new Int32Array(new SharedArrayBuffer(4));
/** Does nothing, so many times; about 10 ns each, because no compiler leaves an atomic look out. */
export function spin(times: number): void {
  for (let i = 0; i < times; i++) Atomics.load(sink, 0);
}

/** `words[at]`, but the store that follows a look comes later, and over whatever came in between. */
function store(words: Int32Array, at: number, value: number, spins = WINDOW_SPINS): void {
  spin(spins);
  Atomics.store(words, at, value);
}

/** Breaks one thread's view of the tables. */
export function breakTables(tables: Tables, build: BrokenBuild): void {
  const { nodes, containers, tickets, queue, functions, leases } = tables;
  const words = nodes["words"];
  switch (build) {
    case "node-reserve":
      nodes.reserve = (slot, kib) => {
        const at = nodes["at"](slot);
        const room = Atomics.load(words, at);
        if ((room & 1) === 0 || (room >>> 1) < kib) return false;
        store(words, at, room - (kib << 1));
        tables.placement.file(slot, (room >>> 1) - kib);
        return true;
      };
      break;
    case "claim":
      containers.claim = (slot, functionSlot) => {
        const at = containers["at"](slot);
        const claim = Atomics.load(words, at);
        if (!hasRoom(claim) || containers.functionSlot(slot) !== functionSlot) return -1;
        store(words, at, claim + 1);
        return claim + 1;
      };
      break;
    case "retire":
      containers.retire = (slot) => {
        const at = containers["at"](slot);
        const claim = Atomics.load(words, at);
        if (phaseOf(claim) !== ContainerPhase.warm || inFlightOf(claim) !== 0) return false;
        store(words, at, claim & ~(7 << 16) | ContainerPhase.removing << 16, WIDE_SPINS);
        return true;
      };
      break;
    case "grant":
      tickets.grant = (cell, functionSlot, containerSlot) => {
        if (!tickets.waits(cell, functionSlot)) return false;
        const at = tickets["at"](cell & 0xfffff);
        store(words, at, 2 | cell >>> 20 << 3, WIDE_SPINS);
        Atomics.store(words, at + 2, containerSlot);
        return true;
      };
      break;
    case "recheck":
      widenQueueing(tables);
      queue.match = (functionSlot, nowMs, deliver) => {
        while (functions.waiting(functionSlot) > 0) {
          const container = functions.claim(functionSlot);
          if (container < 0) return;
          const ticket = queue["grantOldest"](functionSlot, container);
          if (ticket >= 0) {
            deliver(ticket);
            continue;
          }
          spin(WIDE_SPINS);
          queue.putBack(functionSlot, container, nowMs);
          return;
        }
      };
      break;
    case "ring-lap": {
      const at = functions.wordsAt.bind(functions);
      queue.pop = (functionSlot) => {
        for (;;) {
          const head = Atomics.load(words, at(functionSlot) + 17);
          const where = queue["cellAt"](functionSlot, head);
          spin(WINDOW_SPINS);
          const found = Atomics.load(words, where);
          const next = -queue["nextLap"](head >>> queue["shift"]) - 1;
          if (found >= 0) {
            if (Atomics.compareExchange(words, where, found, next) !== found) continue;
            queue["helpHead"](at(functionSlot), head);
            return found;
          }
          if (found !== next) return -1;
          queue["helpHead"](at(functionSlot), head);
        }
      };
      break;
    }
    case "lease-rivals": {
      const judge = leases["judge"].bind(leases);
      leases["judge"] = (hash, index) => {
        const meaning = judge(hash, index);
        spin(WINDOW_SPINS);
        return meaning === "live" ? meaning : "none";
      };
      break;
    }
    case "lease-end":
      leases.beginEnd = (index, life = leases.generation(index)) => {
        const at = leases["stateAt"](index);
        if (Atomics.load(words, at) !== (life << 3 | LeaseState.live)) return false;
        store(words, at, life << 3 | LeaseState.ending);
        return true;
      };
  }
}

/** Widens the moment between an acquire's being counted as waiting and its being in the ring. */
function widenQueueing({ functions }: Tables): void {
  const addWaiting = functions.addWaiting.bind(functions);
  functions.addWaiting = (slot, by) => {
    addWaiting(slot, by);
    if (by > 0) spin(WIDE_SPINS / 2);
  };
}
