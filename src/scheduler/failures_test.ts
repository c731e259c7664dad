import { assertEquals } from "@std/assert";
import { assert, PlatformError } from "../base/mod.ts";
import { returned, spec, TestCluster, watch, withScheduler } from "./testing.ts";

const importFailure = () => new PlatformError("failed_precondition", "no such handler", { failure: "import" });

Deno.test("code that cannot be loaded fails all who wait for it, and the next start waits a while", () =>
  withScheduler(async ({ scheduler, clock, cluster }) => {
    cluster.nodes[0].createErrors.push(...Array.from({ length: 4 }, importFailure));
    const waiters = ["a", "b", "c"].map((id) => watch(scheduler.acquire({ requestId: id, function: spec() }, {})));
    await clock.advance(600);
    for (const { error } of waiters) assertEquals([error?.failure, error?.message], ["import", "no such handler"]);
    const soon = watch(scheduler.acquire({ requestId: "d", function: spec() }, {}));
    await clock.advance(0);
    assert((soon.error?.retryAfterMs ?? 0) > 0, "it is told when to come again");
    cluster.nodes[0].createErrors.length = 0;
    await clock.advance(5_000);
    const later = watch(scheduler.acquire({ requestId: "e", function: spec() }, {}));
    await clock.advance(1_000);
    assert(later.value !== undefined, "the pause is over");
  }));

Deno.test("one start that fails while others of the function run well fails nobody", () =>
  withScheduler(async ({ scheduler, clock, cluster }) => {
    const first = watch(scheduler.acquire({ requestId: "a", function: spec() }, {}));
    await clock.advance(1_000);
    cluster.nodes[0].createErrors.push(new PlatformError("internal", "it died", { failure: "crash" }));
    const second = watch(scheduler.acquire({ requestId: "b", function: spec() }, {}));
    await clock.advance(510);
    assertEquals(second, {});
    await scheduler.release(returned("a", first.value!.containerId));
    await clock.advance(0);
    assertEquals(second.value?.containerId, first.value?.containerId);
  }));

Deno.test("the old version's failure to start is none of the new version's waiters", () =>
  withScheduler(async ({ scheduler, clock, cluster }) => {
    cluster.nodes[0].createErrors.push(importFailure());
    watch(scheduler.acquire({ requestId: "a", function: spec() }, {}));
    await clock.advance(300);
    const waiter = watch(scheduler.acquire({ requestId: "b", function: spec("hello", { version: 2 }) }, {}));
    await clock.advance(2_000);
    assertEquals(waiter.error, undefined);
    assert(waiter.value !== undefined, "it was not served");
  }));

Deno.test("a node that dies takes its leases with it; who waits is served elsewhere", () =>
  withScheduler(async ({ scheduler, clock, cluster }) => {
    const grant = watch(scheduler.acquire({ requestId: "a", function: spec() }, {}));
    await clock.advance(1_000);
    cluster.nodes[0].up = false;
    const waiter = watch(scheduler.acquire({ requestId: "b", function: spec() }, {}));
    await clock.advance(9_000);
    assertEquals(waiter.value?.nodeId, "node-2");
    const { leases, nodesLost } = await scheduler.summary();
    assertEquals({ leases, nodesLost }, { leases: 1, nodesLost: 1 });
    await scheduler.release(returned("a", grant.value!.containerId));
    assertEquals((await scheduler.summary()).unknownReturns, 1);
    assertEquals([...cluster.held.keys()], ["node-2"], "the dead one was given back");
  }));

Deno.test("an agent that was started anew has none of its containers: they are written off", () =>
  withScheduler(async ({ scheduler, clock, cluster }) => {
    watch(scheduler.acquire({ requestId: "a", function: spec() }, {}));
    await clock.advance(1_000);
    cluster.nodes[0].restart();
    await clock.advance(1_500);
    const { leases, containers, nodesLost } = await scheduler.summary();
    assertEquals({ leases, containers, nodesLost }, { leases: 0, containers: 0, nodesLost: 1 });
  }));

Deno.test("a node that another scheduler took over is left alone, and not given back in its name", () =>
  withScheduler(async ({ scheduler, clock, cluster }) => {
    watch(scheduler.acquire({ requestId: "a", function: spec() }, {}));
    await clock.advance(600);
    cluster.nodes[0].owner = { ownerId: "scheduler-2", ownerEpoch: clock.wallMs() };
    const waiter = watch(scheduler.acquire({ requestId: "b", function: spec() }, {}));
    await clock.advance(3_000);
    assertEquals(waiter.value?.nodeId, "node-2");
    assertEquals([...cluster.held.keys()], ["node-1", "node-2"]);
    assertEquals(cluster.nodes[0].containers.size, 1, "it is not ours to remove");
  }));

Deno.test("an agent that was started anew and then claimed by the predecessor, late, is given back", () =>
  withScheduler(async ({ scheduler, clock, cluster }) => {
    watch(scheduler.acquire({ requestId: "a", function: spec() }, {}));
    await clock.advance(600);
    cluster.nodes[0].restart();
    cluster.nodes[0].owner = { ownerId: "scheduler-0", ownerEpoch: 1 };
    await clock.advance(3_000);
    assertEquals([...cluster.held.keys()], []);
  }));

Deno.test("a container whose start was not answered is not leaked: the node's stats tell", () =>
  withScheduler(async ({ scheduler, clock, cluster }) => {
    cluster.nodes[0].createRepliesLost = 1;
    const waiter = watch(scheduler.acquire({ requestId: "a", function: spec() }, {}));
    await clock.advance(6_000);
    assertEquals(waiter.value?.containerId, "container-2");
    assertEquals(cluster.containers().map((c) => c.containerId), ["container-2"]);
    scheduler.checkInvariants();
  }, { cluster: new TestCluster({ nodes: 1 }) }));

Deno.test("a node that fails starts for its own fault is avoided until it answers again", () =>
  withScheduler(async ({ scheduler, clock, cluster }) => {
    cluster.nodes[0].createErrors.push(new PlatformError("resource_exhausted", "out of processes"));
    const waiter = watch(scheduler.acquire({ requestId: "a", function: spec() }, {}));
    await clock.advance(5_000);
    assert(waiter.value !== undefined, "it was not served");
    assertEquals(waiter.error, undefined);
  }));

Deno.test("a function forgotten for another's sake starts nothing in that one's slot", () =>
  withScheduler(async ({ scheduler, clock, cluster }) => {
    const leaving = new AbortController();
    watch(scheduler.acquire({ requestId: "a", function: spec("old") }, { signal: leaving.signal }));
    leaving.abort();
    const waiter = watch(scheduler.acquire({ requestId: "b", function: spec("new") }, {}));
    await clock.advance(2_000);
    assertEquals(cluster.containers().map((c) => c.spec?.functionName), ["new"]);
    assert(waiter.value !== undefined, "it was not served");
  }, { capacity: { functions: 1 } }));
