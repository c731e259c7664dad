import { assertEquals } from "@std/assert";
import type { FunctionFacts, NodeFacts, Policy } from "./policy.ts";
import { spreadAndClassify } from "./spread_and_classify.ts";

const fn: FunctionFacts = { id: 0, memoryKiB: 256 * 1_024, timeoutMs: 60_000, concurrencyMax: 255 };

const node = (ofFunction: number, freeMiB: number): NodeFacts => ({
  ...{
    capacityKiB: 3_072 * 1_024,
    freeKiB: freeMiB * 1_024,
    containers: 5,
    starting: 0,
    leaving: 0,
    inFlight: 0,
    cpuPct: 0,
    heldMs: 0,
  },
  ofFunction,
});

const demand = {
  function: fn,
  nowMs: 0,
  concurrency: 1,
  waiting: 0,
  chargeKiB: 1,
  starting: 0,
  leaving: 0,
  warm: 0,
  inFlight: 0,
};

function ask(policy: Policy, more: { waiting?: number; starting?: number; warm?: number; inFlight?: number }): number {
  return policy.containersToStart({ ...demand, ...more });
}

function ends(policy: Policy, memoryMiB: number, times = 40): void {
  for (let i = 0; i < times; i++) {
    const memoryKiB = memoryMiB * 1_024;
    policy.ended!(fn, { atMs: i, durationMs: 5, memoryKiB, inFlight: 1, container: 1 });
  }
}

Deno.test("spread-and-classify takes the node with fewest containers of the function, then most free memory", () => {
  const { placeOn } = spreadAndClassify();
  const held = { count: 11, mayReserve: true };
  assertEquals(placeOn!(demand, [node(1, 2_000), node(0, 500), node(0, 800), node(2, 3_000)], held), 2);
  const far = [...Array.from({ length: 10 }, () => node(1, 300)), node(0, 3_000)];
  assertEquals(placeOn!(demand, far, held), 0, "only the first ten nodes count");
});

Deno.test("spread-and-classify starts a spare when the last idle container goes out", () => {
  const policy = spreadAndClassify();
  policy.arrived!(fn, { atMs: 0, waitedMs: 0, waitingBefore: 0, isCold: false });
  assertEquals([...policy.functionsToServe!(0)], [0]);
  assertEquals(ask(policy, { warm: 2, inFlight: 2 }), 1);
  assertEquals([...policy.functionsToServe!(0)], [], "asked once for each time it was called");
  assertEquals(ask(policy, { warm: 2, inFlight: 1 }), 0);
  assertEquals(ask(policy, { warm: 2, inFlight: 2, starting: 1 }), 0);
});

Deno.test("spread-and-classify stops at twenty containers; then light functions share, heavy ones wait", () => {
  const light = spreadAndClassify();
  ends(light, 4);
  assertEquals([ask(light, { waiting: 50, warm: 15, inFlight: 15 }), light.concurrency!(fn)], [5, 1]);
  assertEquals([ask(light, { waiting: 50, warm: 20, inFlight: 20 }), light.concurrency!(fn)], [0, 10]);
  const unknown = spreadAndClassify();
  assertEquals([ask(unknown, { waiting: 50, warm: 20, inFlight: 20 }), unknown.concurrency!(fn)], [0, 1]);
  const heavy = spreadAndClassify();
  ends(heavy, 200);
  assertEquals([ask(heavy, { waiting: 50, warm: 20, inFlight: 20 }), heavy.concurrency!(fn)], [0, 1]);
  const computing = spreadAndClassify();
  for (let i = 0; i < 40; i++) {
    computing.measured!(fn, { memoryKiB: 1, cpuPct: 16, inFlight: 1, container: 1 }, i);
    computing.measured!(fn, { memoryKiB: 1, cpuPct: 0, inFlight: 0, container: 1 }, i);
  }
  assertEquals([ask(computing, { waiting: 50, warm: 20, inFlight: 20 }), computing.concurrency!(fn)], [0, 1]);
});

Deno.test("spread-and-classify keeps one container of each function, the others three to five minutes", () => {
  const keeps = (policy: Policy, minutes: number, warm: number) =>
    policy.keepContainer({ function: fn, nowMs: 1e9, idleMs: minutes * 60_000, warm, onNode: 1, nodes: 1 });
  const light = spreadAndClassify(), heavy = spreadAndClassify();
  ends(light, 4);
  ends(heavy, 200);
  assertEquals([keeps(light, 4.9, 2), keeps(light, 5, 2), keeps(light, 500, 1)], [true, false, true]);
  assertEquals([keeps(heavy, 2.9, 2), keeps(heavy, 3, 2)], [true, false]);
});

Deno.test("spread-and-classify holds as many nodes as a function is spread over, ten at most", () => {
  const policy = spreadAndClassify();
  const wanted = () => policy.nodesWanted!({ nowMs: 0, nodes: [], leavingKiB: 0 });
  assertEquals(wanted(), 0);
  ask(policy, { warm: 3, starting: 1 });
  assertEquals([wanted(), policy.keepNode({ idleMs: 1e6, nodes: 4 }), policy.keepNode({ idleMs: 1e6, nodes: 5 })], [
    ...[4, true, false],
  ]);
  ask(policy, { warm: 15 });
  assertEquals(wanted(), 10);
  assertEquals(policy.keepContainer({ function: fn, nowMs: 1e9, idleMs: 1e6, warm: 6, onNode: 1, nodes: 1 }), false);
  assertEquals(wanted(), 5, "it shrinks as containers go");
});
