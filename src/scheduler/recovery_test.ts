import { assertEquals } from "@std/assert";
import { assert, type PlatformError } from "../base/mod.ts";
import { returned, spec, TestCluster, watch, withScheduler } from "./testing.ts";

const PREDECESSOR = { ownerId: "scheduler-0", ownerEpoch: 1 };

/** A cluster as a scheduler left it: one node held, these containers on it. */
function left(...containers: { id: string; version?: number; running?: string[]; function?: string }[]): TestCluster {
  const cluster = new TestCluster();
  const node = cluster.nodes[0];
  cluster.hold(node);
  node.owner = PREDECESSOR;
  for (const { id, version = 1, running = [], function: name = "hello" } of containers) {
    node.addUnknown(id, { spec: spec(name, { version }), requestIds: running });
  }
  return cluster;
}

Deno.test("nodes, containers and running invocations are taken over; the return of a running one works", () => {
  const cluster = left({ id: "one", running: ["a"] }, { id: "two" });
  return withScheduler(async ({ scheduler }) => {
    const { nodes, containers, leases } = await scheduler.summary();
    assertEquals({ nodes, containers, leases }, { nodes: 1, containers: 2, leases: 1 });
    assertEquals(cluster.nodes[0].owner.ownerId, "scheduler-1");
    const warm = scheduler.acquireNow({ requestId: "b", function: spec() }, {});
    assert(!(warm instanceof Promise) && warm.containerId === "two", "the free one serves");
    await scheduler.release(returned("a", "one"));
    const { releases, unknownReturns } = await scheduler.summary();
    assertEquals({ releases, unknownReturns }, { releases: 1, unknownReturns: 0 });
  }, { cluster });
});

Deno.test("a node stays with the successor when a claim of its predecessor comes late", () => {
  const cluster = left();
  return withScheduler(async ({ clock }) => {
    const port = cluster.nodes[0].port();
    const late = watch(port.reserve({ requestId: "x", accountId: "default", ...PREDECESSOR }, { timeoutMs: 1_000 }));
    await clock.advance(3_000);
    assertEquals((late.error as PlatformError).code, "failed_precondition");
    assertEquals([cluster.nodes[0].owner.ownerId, cluster.held.size], ["scheduler-1", 1]);
    port.close();
  }, { cluster });
});

Deno.test("where the clock went back, the successor still takes over", () => {
  const cluster = left({ id: "one" });
  cluster.nodes[0].owner = { ownerId: "scheduler-0", ownerEpoch: cluster.clock.wallMs() + 3_600_000 };
  return withScheduler(async ({ scheduler }) => {
    assertEquals((await scheduler.summary()).containers, 1);
    assertEquals(cluster.nodes[0].owner.ownerId, "scheduler-1");
  }, { cluster });
});

Deno.test("an invocation that had ended unseen frees its container after two stats without it", () => {
  const cluster = left({ id: "one", running: ["a"] });
  return withScheduler(async ({ scheduler, clock }) => {
    await clock.advance(5_000);
    assertEquals((await scheduler.summary()).leases, 1, "it runs still");
    cluster.containers()[0].requestIds = [];
    await clock.advance(900);
    assertEquals((await scheduler.summary()).leases, 1, "one look is not enough");
    await clock.advance(1_400);
    assertEquals((await scheduler.summary()).leases, 0);
    scheduler.checkInvariants();
  }, { cluster });
});

Deno.test("a lease that reuses the entry of one taken over is not ended in its place", () => {
  const cluster = left({ id: "one", running: ["a"] });
  return withScheduler(async ({ scheduler, clock }) => {
    await scheduler.release(returned("a", "one"));
    cluster.containers()[0].requestIds = [];
    // The same id has the same entry, in the same container.
    scheduler.acquireNow({ requestId: "a", function: spec("hello", { timeoutMs: 60_000 }) }, {});
    const before = (await scheduler.summary()).leases;
    await clock.advance(5_000);
    assertEquals([before, (await scheduler.summary()).leases], [1, 1]);
  }, { cluster: leftWithTimeout(cluster) });

  function leftWithTimeout(cluster: TestCluster): TestCluster {
    for (const container of cluster.containers()) container.spec = spec("hello", { timeoutMs: 60_000 });
    return cluster;
  }
});

Deno.test("what cannot be identified is removed; what can is kept", () => {
  const cluster = left({ id: "one" });
  cluster.nodes[0].addUnknown("stranger");
  cluster.nodes[0].addUnknown("broken", { spec: spec(), usable: false });
  cluster.nodes[0].addUnknown("odd", { spec: spec("odd", { concurrency: 300 }) });
  return withScheduler(async ({ clock }) => {
    await clock.advance(100);
    assertEquals(cluster.containers().map((c) => c.containerId), ["one"]);
  }, { cluster });
});

Deno.test("of several versions the newest stays, in whatever order they are told; the others drain", async () => {
  for (const versions of [[1, 2, 3], [3, 1, 2], [2, 3, 1]]) {
    const cluster = left(...versions.map((version) => ({ id: `v${version}`, version, running: [`r${version}`] })));
    await withScheduler(async ({ scheduler, clock }) => {
      for (const version of versions) await scheduler.release(returned(`r${version}`, `v${version}`));
      await clock.advance(200);
      assertEquals(cluster.containers().map((c) => c.containerId), ["v3"]);
    }, { cluster });
  }
});

Deno.test("a node held before that does not answer is given back", () => {
  const cluster = left({ id: "one" });
  cluster.nodes[0].up = false;
  const scheduler = cluster.scheduler();
  return (async () => {
    const started = scheduler.start();
    const early = watch(scheduler.acquire({ requestId: "a", function: spec() }, {}));
    await cluster.clock.advance(10_000);
    await started;
    assertEquals(early.error?.code, "unavailable");
    assertEquals([cluster.held.size, (await scheduler.summary()).nodes], [0, 0]);
    scheduler.close();
    assertEquals([cluster.clock.pending, cluster.nodes[0].openPorts], [0, 0]);
  })();
});

Deno.test("a start waits for the resource manager as long as it takes; a close ends the wait", async () => {
  const cluster = left();
  cluster.managerUp = false;
  const scheduler = cluster.scheduler();
  const started = watch(scheduler.start());
  await cluster.clock.advance(60_000);
  assertEquals(started, {});
  assert(scheduler.notReady() !== undefined, "it must not say it is ready");
  scheduler.close();
  await cluster.clock.advance(0);
  assertEquals([started.error?.code, cluster.clock.pending], ["cancelled", 0]);
});

Deno.test("a scheduler that waits for the resource manager says so", async () => {
  const cluster = new TestCluster();
  cluster.managerUp = false;
  const scheduler = cluster.scheduler();
  const started = scheduler.start();
  assertEquals(scheduler.notReady(), "the scheduler is rebuilding its state");
  await cluster.clock.advance(100);
  assertEquals(scheduler.notReady(), "the resource manager does not answer: the resource manager is down");
  cluster.managerUp = true;
  await cluster.clock.advance(1_000);
  await started;
  assertEquals(scheduler.notReady(), undefined);
  scheduler.close();
});
