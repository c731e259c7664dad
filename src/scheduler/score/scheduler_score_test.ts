/** That a scheduler counts what happens to it, and tells an observer. */
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { MIB, seededRandom, silentLog } from "../../base/mod.ts";
import { onDemand } from "../../policy/mod.ts";
import { Scheduler } from "../scheduler.ts";
import { spec, TEST_CAPACITY, TestCluster, watch, withScheduler } from "../testing.ts";
import { CALL_NUMBERS, type Observations, type ObservedCall, readCall } from "./observer.ts";

const IDLE = { containerIdleMs: 60_000, nodeIdleMs: 60_000, containersMin: 0, nodesMin: 0 };
const ended = { durationNanos: 2e9, maxMemoryBytes: 3 * MIB, errorCode: "", errorMessage: "" };

Deno.test("waits, runs, starts, idle warmth and node time of a function add up", () =>
  withScheduler(async ({ scheduler, clock }) => {
    const first = watch(scheduler.acquire({ requestId: "a", function: spec() }, {}));
    await clock.advance(1_000);
    const { containerId } = first.value!;
    await clock.advance(1_522);
    await scheduler.release({ ...ended, requestId: "a", containerId });
    await clock.advance(5_000);
    await scheduler.acquire({ requestId: "b", function: spec() }, {});
    await scheduler.release({ ...ended, durationNanos: 1e9, requestId: "b", containerId, errorCode: "exception" });
    const one = await scheduler.score();
    assertEquals(one.functions.map(({ accountId, functionName }) => [accountId, functionName]), [["default", "hello"]]);
    const { calls, coldStarts, wait, run, create, boot, failures, containers, nodeSeconds } = one.functions[0];
    assertEquals({ calls, coldStarts, failures }, { calls: 2, coldStarts: 1, failures: { exception: 1 } });
    assertEquals([wait.count, Math.round(wait.sumMs), run.sumMs], [2, 522, 3_000]);
    assertEquals([create.sumMs, boot.sumMs, one.reserve.count], [500, 10, 1]);
    // From its reservation, which takes 22 ms, to now.
    assertEquals(Math.round(one.nodeSeconds * 1_000), 7_500);
    // A container of an eighth of its node, there as long as the node is.
    assertAlmostEquals(nodeSeconds, one.nodeSeconds / 8, 1e-3);
    assertAlmostEquals(one.unassignedNodeSeconds, one.nodeSeconds * 7 / 8, 1e-3);
    assertAlmostEquals(containers.starting.seconds, 0.5, 0.1);
    assertAlmostEquals(containers.busy.seconds, 2, 0.1);
    assertAlmostEquals(containers.idle.gibSeconds, 5 / 8, 0.02);
  }));

Deno.test("with many nodes held containers are read off with their nodes' stats, some seconds late", () =>
  withScheduler(async ({ scheduler, clock, cluster }) => {
    await clock.advance(10_000);
    assertEquals(cluster.held.size, 40);
    const grant = watch(scheduler.acquire({ requestId: "a", function: spec("hello", { timeoutMs: 60_000 }) }, {}));
    await clock.advance(40_500);
    await scheduler.release({ ...ended, requestId: "a", containerId: grant.value!.containerId });
    const { containers: { starting, busy, idle } } = (await scheduler.score()).all;
    assertAlmostEquals(starting.seconds + busy.seconds + idle.seconds, 40.5, 0.1);
    assert(busy.seconds > 28, `busy for ${busy.seconds} of 40 s`);
  }, {
    cluster: new TestCluster({ nodes: 40 }),
    capacity: { nodes: 64 },
    policy: { ...onDemand(IDLE), nodesWanted: () => 40 },
  }));

Deno.test("an acquire that nobody waits for any more is counted with the time that it waited", () =>
  withScheduler(async ({ scheduler, clock }) => {
    const late = watch(scheduler.acquire({ requestId: "a", function: spec() }, { timeoutMs: 300 }));
    await clock.advance(400);
    assertEquals(late.error?.code, "deadline_exceeded");
    const { calls, cancelled, wait } = (await scheduler.score()).all;
    assertEquals([calls, cancelled, wait.sumMs], [0, 1, 300]);
  }));

Deno.test("what a function got stays in the sums when it is forgotten", () =>
  withScheduler(async ({ scheduler, clock }) => {
    for (const name of ["one", "two"]) {
      const grant = watch(scheduler.acquire({ requestId: name, function: spec(name) }, {}));
      await clock.advance(1_000);
      await scheduler.release({ ...ended, requestId: name, containerId: grant.value!.containerId });
      // Idle for so long that its container goes.
      await clock.advance(12_000);
    }
    const { all, forgotten, functions } = await scheduler.score();
    assertEquals(functions.map(({ functionName }) => functionName), ["two"]);
    assertEquals([all.calls, forgotten.calls, all.run.sumMs], [2, 1, 4_000]);
  }, { capacity: { functions: 1 } }));

/** A scheduler with an observer that keeps all it is told. */
async function observing(use: (test: { scheduler: Scheduler; cluster: TestCluster }) => Promise<void>) {
  const cluster = new TestCluster();
  const { clock, resourceManager } = cluster;
  const batches: Observations[] = [];
  let closed = 0;
  const observer = {
    observed: (batch: Observations) => batches.push(batch) > 0,
    view: () => {
      throw new Error("nobody asks");
    },
    close: () => void closed++,
  };
  const policy = onDemand({ containerIdleMs: 10_000, nodeIdleMs: 20_000, containersMin: 0, nodesMin: 0 });
  const dial = ({ nodeId }: { nodeId: string }) => cluster.nodes.find(({ lease }) => lease.nodeId === nodeId)!.port();
  const parts = { clock, resourceManager, random: seededRandom(1), log: silentLog(clock), policy, dial, observer };
  const scheduler = new Scheduler(parts, { ownerId: "one" }, TEST_CAPACITY);
  const started = scheduler.start();
  await clock.advance(100);
  await started;
  await use({ scheduler, cluster });
  scheduler.close();
  await clock.advance(0);
  assertEquals(closed, 1);
  const calls: ObservedCall[] = [];
  for (const { calls: numbers } of batches) {
    for (let at = 0; at < numbers.length; at += CALL_NUMBERS) calls.push(readCall(numbers, at));
  }
  return { calls, batches };
}

Deno.test("an observer is told of every call that is over: arrival, wait, run, and nodes as they come and go", async () => {
  const { calls, batches } = await observing(async ({ scheduler, cluster: { clock } }) => {
    const first = watch(scheduler.acquire({ requestId: "a", function: spec() }, {}));
    const late = watch(scheduler.acquire({ requestId: "b", function: spec("other") }, { timeoutMs: 100 }));
    await clock.advance(2_522);
    await scheduler.release({ ...ended, requestId: "a", containerId: first.value!.containerId });
    await clock.advance(1_000);
    assertEquals(late.error?.code, "deadline_exceeded");
  });
  const rounded = calls.map(({ slot, arrivedMs, waitedMs, durationMs, answered }) => {
    return { slot, arrivedMs: Math.round(arrivedMs), waitedMs: Math.round(waitedMs), durationMs, answered };
  });
  assertEquals(rounded, [
    { slot: 1, arrivedMs: 100, waitedMs: 100, durationMs: 0, answered: false },
    { slot: 0, arrivedMs: 100, waitedMs: 522, durationMs: 2_000, answered: true },
  ]);
  const functions = batches.flatMap(({ functions }) => functions).map(({ slot, spec }) => [slot, spec.functionName]);
  assertEquals(functions, [[1, "other"], [0, "hello"]]);
  assertEquals(batches.flatMap(({ nodes }) => nodes.map(([, count]) => count)), [1]);
  assertEquals([batches.at(-1)!.startMs, batches.at(-1)!.nodeBytes], [500, 1_024 * MIB]);
});
