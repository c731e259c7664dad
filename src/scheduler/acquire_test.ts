import { assertEquals, assertRejects } from "@std/assert";
import { assert, MIB, PlatformError } from "../base/mod.ts";
import { returned, spec, watch, withScheduler } from "./testing.ts";

Deno.test("the first acquire waits for node and container and tells the cold start; a warm one is answered at once", () =>
  withScheduler(async ({ scheduler, clock, cluster }) => {
    const cold = watch(scheduler.acquire({ requestId: "a", function: spec() }, {}));
    await clock.advance(1_000);
    assertEquals(cold.value?.coldStart, { reserveNodeMs: 22, createMs: 500, bootMs: 10, importMs: 5 });
    assertEquals([cold.value?.queuedMs, cold.value?.nodeId], [522, "node-1"]);
    await scheduler.release(returned("a", cold.value!.containerId));

    const warm = scheduler.acquireNow({ requestId: "b", function: spec() }, {});
    assert(!(warm instanceof Promise), "it waits");
    assertEquals([warm.containerId, warm.queuedMs, warm.coldStart], [cold.value!.containerId, 0, undefined]);
    assertEquals(cluster.containersMade, 1);
    assertEquals((await scheduler.summary()).coldStarts, 1);
  }));

Deno.test("a cold start on a node that was there already has waited for no node", () =>
  withScheduler(async ({ scheduler, clock }) => {
    watch(scheduler.acquire({ requestId: "a", function: spec() }, {}));
    await clock.advance(1_000);
    const second = watch(scheduler.acquire({ requestId: "b", function: spec() }, {}));
    await clock.advance(1_000);
    assertEquals(second.value?.coldStart?.reserveNodeMs, 0);
  }));

Deno.test("an acquire repeated gets the same container while it runs, and `aborted` while it waits", () =>
  withScheduler(async ({ scheduler, clock }) => {
    const request = { requestId: "a", function: spec() };
    const first = watch(scheduler.acquire(request, {}));
    const busy = await assertRejects(() => scheduler.acquire(request, {}), PlatformError, "being acquired already");
    assertEquals(busy.code, "aborted");
    assert(busy.retryAfterMs! > 0, "no delay");
    await clock.advance(1_000);
    const again = await scheduler.acquire(request, {});
    assertEquals(again.containerId, first.value?.containerId);
    assertEquals((await scheduler.summary()).leases, 1);
  }));

Deno.test("a return ends the lease; a second one, an unknown one or one of another container changes nothing", () =>
  withScheduler(async ({ scheduler, clock }) => {
    const grant = watch(scheduler.acquire({ requestId: "a", function: spec() }, {}));
    await clock.advance(1_000);
    const { containerId } = grant.value!;
    await scheduler.release(returned("a", "container-99"));
    assertEquals((await scheduler.summary()).leases, 1);
    await scheduler.release(returned("a", containerId));
    await scheduler.release(returned("a", containerId));
    await scheduler.release(returned("never", containerId));
    const { leases, releases, unknownReturns } = await scheduler.summary();
    assertEquals({ leases, releases, unknownReturns }, { leases: 0, releases: 1, unknownReturns: 3 });
  }));

Deno.test("a lease that nobody returns ends by itself, some grace after its function's timeout", () =>
  withScheduler(async ({ scheduler, clock }) => {
    watch(scheduler.acquire({ requestId: "a", function: spec() }, {}));
    await clock.advance(600);
    assertEquals((await scheduler.summary()).leases, 1);
    await clock.advance(10_000);
    assertEquals((await scheduler.summary()).leases, 1);
    await clock.advance(3_000);
    const { leases, expiredLeases } = await scheduler.summary();
    assertEquals({ leases, expiredLeases }, { leases: 0, expiredLeases: 1 });
  }));

Deno.test("a container that broke is never granted again and is removed; an exception in the function breaks nothing", () =>
  withScheduler(async ({ scheduler, clock, cluster }) => {
    for (const [requestId, errorCode] of [["a", "exception"], ["b", "crash"], ["c", ""]]) {
      const grant = watch(scheduler.acquire({ requestId, function: spec() }, {}));
      await clock.advance(1_000);
      assertEquals(grant.value?.containerId, requestId === "c" ? "container-2" : "container-1");
      await scheduler.release(returned(requestId, grant.value!.containerId, errorCode));
      scheduler.checkInvariants();
    }
    await clock.advance(100);
    assertEquals(cluster.containers().map((c) => c.containerId), ["container-2"]);
  }));

Deno.test("a container takes as many invocations at once as its function's concurrency", () =>
  withScheduler(async ({ scheduler, clock, cluster }) => {
    const grants = ["a", "b", "c", "d"].map((requestId) =>
      watch(scheduler.acquire({ requestId, function: spec("many", { concurrency: 3 }) }, {}))
    );
    await clock.advance(1_000);
    assertEquals(cluster.containersMade, 2);
    const containers = new Set(grants.map((g) => g.value?.containerId));
    assertEquals(containers.size, 2);
    assertEquals(grants.filter((g) => g.value?.coldStart).length, 2, "one cold start a container");
  }));

Deno.test("more memory than any node has is refused, at once where the largest node is known", () =>
  withScheduler(async ({ scheduler, clock }) => {
    const request = (requestId: string) => ({ requestId, function: spec("big", { memoryBytes: 2_048 * MIB }) });
    const first = watch(scheduler.acquire(request("a"), {}));
    await clock.advance(1_000);
    assertEquals(first.error?.code, "invalid_argument");
    const error = await assertRejects(() => scheduler.acquire(request("b"), {}), PlatformError, "memory_in_bytes");
    assert(error.message.includes("1024 MiB"), error.message);
  }));

Deno.test("a new version drains the old containers; a late request of the old version gets the new one", () =>
  withScheduler(async ({ scheduler, clock }) => {
    const old = watch(scheduler.acquire({ requestId: "a", function: spec() }, {}));
    await clock.advance(1_000);
    const fresh = watch(scheduler.acquire({ requestId: "b", function: spec("hello", { version: 2 }) }, {}));
    await clock.advance(1_000);
    assert(old.value?.containerId !== fresh.value?.containerId, "the old one");
    assertEquals((await scheduler.listContainers({})).map((c) => c.phase).sort(), ["draining", "warm"]);
    await scheduler.release(returned("a", old.value!.containerId));
    await scheduler.release(returned("b", fresh.value!.containerId));
    await clock.advance(100);
    const late = scheduler.acquireNow({ requestId: "c", function: spec() }, {});
    assert(!(late instanceof Promise), "it waits");
    assertEquals(late.containerId, fresh.value?.containerId);
    assertEquals((await scheduler.listContainers({})).map((c) => c.version), [2]);
  }));
