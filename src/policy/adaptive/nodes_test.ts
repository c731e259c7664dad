import { assertEquals } from "@std/assert";
import { rowOf } from "../../base/mod.ts";
import type { FunctionDemand, FunctionFacts, NodeFacts } from "../policy.ts";
import { Learnt, LEARNT_CELLS } from "./learnt.ts";
import { ContainerMemory } from "./memory_need.ts";
import { Growth, nodeToDrain } from "./nodes.ts";
import { DEFAULT_ADAPTIVE_OPTIONS } from "./options.ts";
import { placeOn } from "./placing.ts";

const MIB_KIB = 1_024;
const fn: FunctionFacts = { id: 0, memoryKiB: 256 * MIB_KIB, timeoutMs: 60_000, concurrencyMax: 255 };

function node(rest: Partial<NodeFacts> = {}): NodeFacts {
  const capacityKiB = 3_072 * MIB_KIB;
  const none = { containers: 0, starting: 0, ofFunction: 0, inFlight: 0, cpuPct: 0 };
  return { capacityKiB, freeKiB: capacityKiB, heldMs: 60_000, ...none, ...rest };
}

/** A function whose runs take `durationMs(n)` with n of them in a container; unknown without it. */
function learnt(durationMs?: (inFlight: number) => number): Learnt {
  const state = new Learnt(fn, rowOf(LEARNT_CELLS), DEFAULT_ADAPTIVE_OPTIONS, new ContainerMemory());
  for (let round = 0; durationMs && round < 20; round++) {
    const calls = round < 5 ? 1 : 4;
    for (let inFlight = calls; inFlight > 0; inFlight--) {
      const run = { durationMs: durationMs(calls), memoryKiB: MIB_KIB, inFlight, container: 1 };
      state.ended({ atMs: round * 10_000, ...run });
    }
  }
  return state;
}
const computing = learnt((inFlight) => 150 * inFlight), sleeping = learnt(() => 200), unknown = learnt();

const none = { waiting: 0, inFlight: 0, warm: 0, leaving: 0, starting: 0 };
const demand: FunctionDemand = { function: fn, nowMs: 0, concurrency: 1, chargeKiB: fn.memoryKiB, ...none };

function placed(state: Learnt, waiting: number, nodes: NodeFacts[], held = { count: nodes.length, mayReserve: true }) {
  return placeOn(state, { ...demand, waiting }, nodes, held, DEFAULT_ADAPTIVE_OPTIONS);
}

Deno.test("placing: what computes goes where least of it is, what sleeps on the fullest node", () => {
  const nodes = [node({ freeKiB: 500 * MIB_KIB, ofFunction: 3 }), node({ ofFunction: 1 })];
  assertEquals([placed(computing, 1, nodes), placed(sleeping, 1, nodes)], [1, 0]);
});

Deno.test("placing: for those who wait, where fewest are being started", () => {
  assertEquals(placed(sleeping, 1, [node({ freeKiB: 500 * MIB_KIB, starting: 1 }), node()]), 1);
});

Deno.test("placing: what nobody waits for crowds nobody, and goes where nodes are to stay", () => {
  const crowded = node({ starting: 2 }), young = node({ heldMs: 1_000 });
  assertEquals(placed(sleeping, 0, [crowded]), "none");
  assertEquals(placed(sleeping, 1, [crowded]), 0);
  assertEquals(placed(sleeping, 0, [young, node({ starting: 1 })]), 1);
});

Deno.test("placing: the first burst of an unknown function gets nodes of its own rather than a crowd", () => {
  const crowded = [node({ starting: 2 }), node({ starting: 2 })];
  assertEquals(placed(unknown, 9, crowded), "another");
  assertEquals(placed(unknown, 9, [...crowded, node({ starting: 1 })]), 2);
  assertEquals(placed(unknown, 9, crowded, { count: 6, mayReserve: true }), 0, "as many nodes as a burst may have");
  assertEquals(placed(unknown, 9, crowded, { count: 2, mayReserve: false }), 0, "no node is to be had");
  unknown.looked({ ...demand, warm: 4 }, 0);
  assertEquals(placed(unknown, 9, crowded, { count: 6, mayReserve: true }), "none", "a few are enough in a crowd");
  assertEquals(placed(computing, 9, crowded), 0, "a known one needs none");
});

const used = (mib: number, rest: Partial<NodeFacts> = {}) => node({ freeKiB: (3_072 - mib) * MIB_KIB, ...rest });

Deno.test("a node is drained when the others have room for what is on it, and to spare", () => {
  const options = { drainFactor: 1.3, drainSpareKiB: 512 * MIB_KIB, nodeHeldMsMin: 5_000 };
  const drained = (nodes: NodeFacts[], leavingKiB = 0) => nodeToDrain({ nowMs: 0, nodes, leavingKiB }, options);
  assertEquals(drained([used(2_000), used(300)]), 1);
  assertEquals(drained([used(2_000), used(300)], 500 * MIB_KIB), -1, "the room is for what leaves another node");
  assertEquals(drained([used(2_000), used(300, { heldMs: 1 })]), -1, "it came a moment ago");
  assertEquals(drained([used(300), used(0, { heldMs: 1 })]), -1, "what came a moment ago may go again");
  assertEquals(drained([used(2_400), used(300)]), -1, "no room to spare");
  assertEquals(drained([used(300)]), -1, "the last one goes when it is empty");
  assertEquals(drained([used(300), used(300)]), 1, "of two alike the younger");
});

Deno.test("a node is reserved ahead of what grows steadily, not of what was taken at once", () => {
  const wanted = (mibAt: (second: number) => number) => {
    const growth = new Growth(500);
    let most = 0;
    for (let tick = 0; tick < 100; tick++) {
      const nodes = [used(Math.min(3_000, mibAt(tick / 10)))];
      most = Math.max(most, growth.nodesWanted({ nowMs: tick * 100, nodes, leavingKiB: 0 }));
    }
    return most;
  };
  assertEquals(wanted((second) => 300 * second), 2);
  assertEquals(wanted((second) => second < 1 ? 0 : 1_500), 0);
  assertEquals(wanted(() => 3_000), 0, "full and still");
});
