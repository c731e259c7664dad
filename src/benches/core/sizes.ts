/** The tables that the benches run on, and the functions that they call. */
import { seededRandom } from "../../base/mod.ts";
import type { Capacity } from "../../core/mod.ts";
import { Tables } from "../../core/tables.ts";

export interface Size {
  readonly name: string;
  readonly capacity: Capacity;
}

/** Threads that attach; the first of them is the controller's, as in the scheduler. */
export const THREADS_MAX = 2;
/** Invocations that a container takes at once. */
export const LIMIT = 4;
const NODE_KIB = 2 ** 24;
const CONTAINER_KIB = 2 ** 17;

/** A small installation and the largest one that is planned for. Short sizes fill in no time, for the tests. */
export function sizesOf(short: boolean): { small: Size; large: Size } {
  const size = (name: string, nodes: number, containers: number, functions: number, leases: number): Size => {
    const rest = { tickets: 65_536, ringDepth: 128, workers: THREADS_MAX };
    return { name, capacity: { nodes, containers, functions, leases, ...rest } };
  };
  const small = size("small", 20, 480, 15, 8_192);
  const large = short
    ? size("large", 1_000, 20_000, 2_500, 131_072)
    : size("large", 20_000, 400_000, 50_000, 1_048_576);
  return { small, large };
}

/** Tables of this size, every container warm and idle, spread evenly over nodes and functions. */
export function filled({ capacity }: Size): Tables {
  const tables = new Tables(capacity);
  for (let node = 0; node < capacity.nodes; node++) {
    tables.nodes.join(node, NODE_KIB, 0);
    tables.nodes.open(node);
  }
  for (let slot = 0; slot < capacity.functions; slot++) {
    tables.functions.define(slot);
    tables.queue.reset(slot);
  }
  for (let slot = 0; slot < capacity.containers; slot++) {
    const functionSlot = slot % capacity.functions, node = slot % capacity.nodes;
    tables.nodes.adopt(node, CONTAINER_KIB);
    tables.containers.begin(slot, functionSlot, node, CONTAINER_KIB);
    const rank = tables.functions.addRank(functionSlot, slot);
    tables.containers.publish(slot, rank, LIMIT, 0, { fresh: false, inFlight: 0 });
    tables.functions.offer(functionSlot, rank);
  }
  return tables;
}

/** Who is called: 15 functions, all there are, or a single one. With two threads, `few` and `all` are disjoint. */
export type Spread = "few" | "all" | "one";
export const FEW = 15;
/** Requests that a thread goes round: a power of two. */
export const REQUESTS = 1 << 16;

/** The functions that one of `threads` threads calls, in random order. */
export function functionsCalled(functions: number, spread: Spread, thread: number, threads: number): Int32Array {
  const random = seededRandom(thread + 1);
  const called = spread === "one" ? 1 : spread === "few" ? Math.min(FEW, functions) : functions;
  // Spread over the whole table: neighbours would share pages.
  const step = Math.floor(functions / called);
  const own = Math.max(1, Math.floor(called / threads));
  return Int32Array.from({ length: REQUESTS }, () => {
    return spread === "one" ? 0 : (random.below(own) * threads + thread) * step;
  });
}

/** Ids of a thread's requests, as long as a UUID, and decoded from bytes as those from the wire are. */
export function requestIds(thread: number): string[] {
  const random = seededRandom(1_000 + thread);
  const encoder = new TextEncoder(), decoder = new TextDecoder();
  const hex = () => random.uint32().toString(16).padStart(8, "0");
  return Array.from({ length: REQUESTS }, () => {
    return decoder.decode(encoder.encode(`${hex()}-${hex()}-${hex()}-${hex()}-`));
  });
}
