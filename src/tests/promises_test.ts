/** The check that runs after every integration test: on snapshots with one fault each, and on a running platform. */
import { assertEquals, assertRejects } from "@std/assert";
import { callJson, withPlatform } from "./program.ts";
import { assertPromises, overcommitted, type Snapshot, unsettled } from "./promises.ts";

const KEPT = {
  leases: 0,
  waiting: 0,
  nodes: [{ nodeId: "n1", memoryBytes: 1_000, freeBytes: 400 }],
  containers: [
    { containerId: "a", nodeId: "n1", memoryBytes: 200, chargedBytes: 200, inFlight: 0 },
    { containerId: "b", nodeId: "n1", memoryBytes: 800, chargedBytes: 400, inFlight: 0 },
  ],
  agents: new Map([["n1", { admittedBytes: 2_000, freeBytes: 0, containers: ["b", "a"], running: 0 }]]),
} satisfies Snapshot;

const faultsOf = (snapshot: Snapshot, orphans = 0) => [...overcommitted(snapshot), ...unsettled(snapshot, orphans)];
const [a, b] = KEPT.containers, [n1] = KEPT.nodes;
const agent = (word: Partial<typeof KEPT.agents extends Map<string, infer Word> ? Word : never>) => {
  return new Map([["n1", { ...KEPT.agents.get("n1")!, ...word }]]);
};

Deno.test("a platform at rest that keeps its promises has no faults", () => assertEquals(faultsOf(KEPT), []));

const BROKEN: readonly (readonly [string, Snapshot, ...string[]])[] = [
  [
    "memory handed out twice",
    { ...KEPT, nodes: [{ ...n1, memoryBytes: 500, freeBytes: -100 }] },
    "node n1 has 500 bytes, its 2 containers take 600",
    "node n1 has -100 bytes free",
  ],
  [
    "a node overcommitted further than it may be",
    { ...KEPT, agents: agent({ admittedBytes: 999 }) },
    "node n1 admits 999 bytes, its containers may use 1000",
  ],
  ["an acquire that nobody answers", { ...KEPT, waiting: 1 }, "1 acquires still wait"],
  [
    "a lease that does not end",
    { ...KEPT, leases: 1, containers: [{ ...a, inFlight: 1 }, b] },
    "1 leases are left, 0 of callers that were killed",
  ],
  [
    "a permit that is lost",
    { ...KEPT, containers: [{ ...a, inFlight: 1 }, b] },
    "1 invocations are in flight, there are 0 leases",
  ],
  [
    "memory that is lost",
    { ...KEPT, nodes: [{ ...n1, freeBytes: 300 }] },
    "node n1: 300 bytes free + 600 of containers are not 1000",
  ],
  [
    "a container on a node that is gone",
    { ...KEPT, containers: [a, b, { containerId: "c", nodeId: "n2", memoryBytes: 1, chargedBytes: 1, inFlight: 0 }] },
    "container c: no node n2",
  ],
  [
    "a node that keeps other accounts",
    { ...KEPT, agents: agent({ freeBytes: 100, containers: ["a", "b", "z"] }) },
    "node n1: its containers leave 0 bytes, by its own account 100",
    'node n1 should run "a b", it runs "a b z"',
  ],
  [
    "an invocation that runs without a lease",
    { ...KEPT, agents: agent({ running: 1 }) },
    "node n1 runs 1 invocations, 0 have a lease",
  ],
  [
    "a node that says nothing",
    { ...KEPT, agents: new Map([["n1", "refused"]]) },
    "node n1 gives no stats: refused",
  ],
];

for (const [what, snapshot, ...faults] of BROKEN) {
  Deno.test(`told: ${what}`, () => assertEquals(faultsOf(snapshot), faults));
}

Deno.test("a lease whose caller was killed may be left, and runs on a node or not", () => {
  const left: Snapshot = { ...KEPT, leases: 1, containers: [{ ...a, inFlight: 1 }, b] };
  assertEquals(faultsOf(left, 1), []);
  assertEquals(faultsOf({ ...left, agents: agent({ running: 1 }) }, 1), []);
});

Deno.test("of a running platform: a container that is not given back is told, until it is", async () => {
  await withPlatform([], async ({ scheduler }) => {
    const { containerId } = await callJson(scheduler, "schedulerproto.Scheduler/AcquireContainer", {
      requestId: "kept",
      accountId: "default",
      functionName: "hello",
      functionConfig: { memoryInBytes: 128 * 2 ** 20, timeoutInMs: 60_000 },
    });
    const kept = () => assertPromises({ scheduler, patienceMs: 500 });
    await assertRejects(kept, Error, "promises are broken:\n  1 leases are left, 0 of callers that were killed");
    await callJson(scheduler, "schedulerproto.Scheduler/ReturnContainer", { requestId: "kept", containerId });
  });
});
