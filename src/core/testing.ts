/** Small tables for the tests of this room and of the scheduler: few enough of everything that tables fill up. */
import { type Capacity, layoutOf } from "./layout.ts";
import { RING_HEAD, RING_TAIL } from "./functions.ts";
import { Tables } from "./tables.ts";

export const SMALL_CAPACITY: Capacity = {
  nodes: 40,
  containers: 16,
  functions: 3,
  leases: 16,
  tickets: 8,
  ringDepth: 4,
};

/** Tables with functions 0 and 1 defined and node 0 open with a TiB nearly. */
export function smallTables(capacity: Partial<Capacity> = {}): Tables {
  const tables = new Tables({ ...SMALL_CAPACITY, ...capacity });
  for (const slot of [0, 1]) {
    tables.functions.define(slot);
    tables.queue.reset(slot);
  }
  tables.nodes.join(0, 2 ** 30 - 1, 0);
  tables.nodes.open(0);
  return tables;
}

/** Turns an empty ring on, as if `position` acquires had waited already. */
export function windRing(tables: Tables, functionSlot: number, position: number): void {
  const { ringDepth } = tables.capacity;
  const words = new Int32Array(tables.buffer);
  const at = tables.functions.wordsAt(functionSlot);
  words[at + RING_HEAD] = words[at + RING_TAIL] = position | 0;
  const ring = layoutOf(tables.capacity).rings + functionSlot * ringDepth;
  const laps = 2 ** 32 / ringDepth;
  for (let i = 0; i < ringDepth; i++) {
    const passed = i < (position & (ringDepth - 1)) ? 1 : 0;
    words[ring + i] = -((Math.floor((position >>> 0) / ringDepth) + passed) % laps) - 1;
  }
}

/** A warm container of the function in this slot, with its memory reserved on node 0. */
export function warmContainer(tables: Tables, slot: number, functionSlot: number, limit = 1): number {
  tables.nodes.adopt(0, 100);
  tables.containers.begin(slot, functionSlot, 0, 100);
  const rank = tables.functions.addRank(functionSlot, slot);
  tables.containers.publish(slot, rank, limit, 0, { fresh: true, inFlight: 0 });
  tables.functions.offer(functionSlot, rank);
  return rank;
}

/** Strikes a container out that takes no invocations any more. */
export function dropContainer(tables: Tables, slot: number): void {
  const rank = tables.containers.rank(slot);
  if (rank >= 0) tables.functions.removeRank(tables.containers.functionSlot(slot), rank);
  tables.containers.end(slot);
  tables.nodes.release(0, 100);
}
