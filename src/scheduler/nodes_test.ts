import { assertEquals } from "@std/assert";
import { assert, MIB, PlatformError } from "../base/mod.ts";
import { returned, spec, TestCluster, watch, withScheduler } from "./testing.ts";

Deno.test("nodes are reserved one at a time, however many wait", () =>
  withScheduler(async ({ scheduler, clock, cluster }) => {
    const big = spec("big", { memoryBytes: 1_024 * MIB });
    const waiters = [1, 2, 3].map((i) => watch(scheduler.acquire({ requestId: `r${i}`, function: big }, {})));
    await clock.advance(10);
    assertEquals(cluster.reserveCalls, 1);
    await clock.advance(2_000);
    assertEquals(new Set(waiters.map((w) => w.value?.nodeId)).size, 3);
    assertEquals([cluster.reserveCalls, cluster.held.size], [3, 3]);
  }));

Deno.test("a pool with nothing to hand out is asked again with growing pauses, and the waiters stay", () =>
  withScheduler(async ({ scheduler, clock, cluster }) => {
    for (let i = 0; i < 3; i++) cluster.reserveErrors.push(new PlatformError("resource_exhausted", "no node"));
    const waiter = watch(scheduler.acquire({ requestId: "a", function: spec() }, {}));
    await clock.advance(150);
    assertEquals(cluster.reserveCalls, 1);
    await clock.advance(1_000);
    assertEquals(cluster.reserveCalls, 3);
    await clock.advance(2_000);
    assert(waiter.value !== undefined, "it was not served");
  }));

Deno.test("idle containers make room for another function when no node is to be had", () =>
  withScheduler(async ({ scheduler, clock, cluster }) => {
    for (const requestId of ["a", "b"]) {
      const grant = watch(scheduler.acquire({ requestId, function: spec(requestId) }, {}));
      await clock.advance(1_000);
      await scheduler.release(returned(requestId, grant.value!.containerId));
    }
    const waiter = watch(scheduler.acquire({ requestId: "c", function: spec("c") }, {}));
    await clock.advance(2_000);
    assertEquals(waiter.value?.containerId, "container-3");
    assertEquals(cluster.containers().map((c) => c.spec?.functionName).sort(), ["b", "c"], "the longest idle went");
  }, { cluster: new TestCluster({ nodes: 1, memoryMib: 256 }) }));

Deno.test("idle containers go after their time, then the idle node; the configured minimum stays", async () => {
  for (const [containersMin, nodesMin] of [[0, 0], [1, 1]]) {
    await withScheduler(async ({ scheduler, clock, cluster }) => {
      const grants = ["a", "b"].map((id) => watch(scheduler.acquire({ requestId: id, function: spec() }, {})));
      await clock.advance(1_000);
      for (const [i, id] of ["a", "b"].entries()) await scheduler.release(returned(id, grants[i].value!.containerId));
      await clock.advance(9_000);
      assertEquals(cluster.containers().length, 2);
      await clock.advance(2_000);
      assertEquals(cluster.containers().length, containersMin);
      assertEquals(cluster.held.size, 1);
      await clock.advance(21_000);
      assertEquals(cluster.held.size, nodesMin);
      assertEquals((await scheduler.summary()).nodes, nodesMin);
    }, { policy: { containersMin, nodesMin } });
  }
});

Deno.test("a reservation whose reply was lost is settled with the same id, even when nobody waits any more", () =>
  withScheduler(async ({ scheduler, clock, cluster }) => {
    cluster.reserveRepliesLost = 2;
    watch(scheduler.acquire({ requestId: "a", function: spec() }, { timeoutMs: 15 }));
    await clock.advance(3_000);
    assertEquals([cluster.held.size, (await scheduler.summary()).nodes], [1, 1]);
    await clock.advance(25_000);
    assertEquals(cluster.held.size, 0, "it was idle and has gone back");
  }));

Deno.test("a release is told to the resource manager until it has heard it", () =>
  withScheduler(async ({ scheduler, clock, cluster }) => {
    const grant = watch(scheduler.acquire({ requestId: "a", function: spec() }, {}));
    await clock.advance(1_000);
    await scheduler.release(returned("a", grant.value!.containerId));
    cluster.managerUp = false;
    await clock.advance(120_000);
    assertEquals([cluster.held.size, (await scheduler.summary()).nodes], [1, 0]);
    cluster.managerUp = true;
    await clock.advance(10_000);
    assertEquals(cluster.held.size, 0);
  }));

Deno.test("a node that no table can take is given back, its connection closed", () =>
  withScheduler(async ({ scheduler, clock, cluster }) => {
    cluster.nodes[0].lease = { ...cluster.nodes[0].lease, memoryBytes: 0 };
    watch(scheduler.acquire({ requestId: "a", function: spec() }, { timeoutMs: 100 }));
    await clock.advance(1_000);
    assertEquals([cluster.held.size, cluster.nodes[0].openPorts], [0, 0]);
  }, { cluster: new TestCluster({ nodes: 1 }) }));

Deno.test("a held node that nobody uses is released; one that a newer scheduler has claimed is left to it", () =>
  withScheduler(async ({ clock, cluster }) => {
    // Given out for a scheduler that ended before it heard of it.
    cluster.hold(cluster.nodes[1]);
    cluster.hold(cluster.nodes[2]);
    cluster.nodes[2].owner = { ownerId: "scheduler-2", ownerEpoch: clock.wallMs() };
    // Its claim came when its successor had asked already which nodes are held.
    cluster.hold(cluster.nodes[3]);
    cluster.nodes[3].owner = { ownerId: "scheduler-0", ownerEpoch: 1 };
    await clock.advance(15_000);
    assertEquals([...cluster.held.keys()], ["node-2", "node-3", "node-4"], "it may be on its way to somebody");
    await clock.advance(30_000);
    assertEquals([...cluster.held.keys()], ["node-3"]);
  }, { cluster: new TestCluster({ nodes: 4 }) }));
