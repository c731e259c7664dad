import { assert, assertEquals } from "@std/assert";
import type { PlatformError } from "../base/mod.ts";
import { returned, spec, TestCluster, watch, withScheduler } from "./testing.ts";

const small = () => new TestCluster({ nodes: 1, memoryMib: 128 });

Deno.test("who waits is served in the order of coming", () =>
  withScheduler(async ({ scheduler, clock }) => {
    const waiters = ["a", "b", "c"].map((requestId) => watch(scheduler.acquire({ requestId, function: spec() }, {})));
    await clock.advance(1_000);
    for (const [i, requestId] of ["a", "b", "c"].entries()) {
      assertEquals(waiters.map((w) => w.value !== undefined), [true, i >= 1, i >= 2]);
      await scheduler.release(returned(requestId, waiters[i].value!.containerId));
      await clock.advance(0);
    }
  }, { cluster: small() }));

Deno.test("an acquire without room fails by its deadline and says what there is", () =>
  withScheduler(async ({ scheduler, clock }) => {
    watch(scheduler.acquire({ requestId: "a", function: spec() }, {}));
    await clock.advance(1_000);
    const late = watch(scheduler.acquire({ requestId: "b", function: spec() }, { timeoutMs: 700 }));
    await clock.advance(699);
    assertEquals(late, {});
    await clock.advance(1);
    assertEquals(late.error?.code, "deadline_exceeded");
    assertEquals(
      late.error?.message,
      'no container of function "hello" was free within 700 ms: it has 1 containers (0 starting) on 1 nodes',
    );
    assertEquals((await scheduler.summary()).waiting, 0);
  }, { cluster: small() }));

Deno.test("a full queue refuses at once and says when to come again", () =>
  withScheduler(async ({ scheduler }) => {
    const waiters = Array.from(
      { length: 6 },
      (_, i) => watch(scheduler.acquire({ requestId: `r${i}`, function: spec() }, {})),
    );
    await Promise.resolve();
    await Promise.resolve();
    assertEquals(waiters.map((w) => w.error?.code), [
      ...Array(4).fill(undefined),
      ...Array(2).fill("resource_exhausted"),
    ]);
    assert(waiters[5].error!.retryAfterMs! > 0);
    assertEquals((await scheduler.summary()).waiting, 4);
    scheduler.checkInvariants();
  }, { cluster: small(), capacity: { ringDepth: 4 } }));

Deno.test("a caller that leaves is out of the queue at once; one that left before it came gets nothing", () =>
  withScheduler(async ({ scheduler, clock }) => {
    const leaving = new AbortController();
    const options = { signal: leaving.signal };
    const first = watch(scheduler.acquire({ requestId: "a", function: spec() }, options));
    leaving.abort();
    await clock.advance(0);
    assertEquals([first.error?.code, (await scheduler.summary()).waiting], ["cancelled", 0]);
    const second = watch(scheduler.acquire({ requestId: "b", function: spec() }, options));
    await clock.advance(0);
    assertEquals(second.error?.code, "cancelled");
    scheduler.checkInvariants();
  }, { cluster: small() }));

Deno.test("a caller that leaves just after its grant holds a lease, which its return ends", () =>
  withScheduler(async ({ scheduler, clock }) => {
    const leaving = new AbortController();
    const holder = watch(scheduler.acquire({ requestId: "a", function: spec() }, {}));
    await clock.advance(1_000);
    const waiter = watch(scheduler.acquire({ requestId: "b", function: spec() }, { signal: leaving.signal }));
    scheduler.release(returned("a", holder.value!.containerId));
    leaving.abort(); // The grant is decided, its promise not yet seen.
    await clock.advance(0);
    assertEquals(waiter.value?.containerId, holder.value?.containerId);
    await scheduler.release(returned("b", waiter.value!.containerId));
    assertEquals((await scheduler.summary()).leases, 0);
  }, { cluster: small() }));

Deno.test("2,500 acquires at once over 100 permits are all served, in order", () =>
  withScheduler(async ({ scheduler, clock }) => {
    const order: number[] = [];
    const failed: PlatformError[] = [];
    const busy = spec("busy", { concurrency: 10, memoryBytes: 128 * 2 ** 20 });
    for (let i = 0; i < 2_500; i++) {
      scheduler.acquire({ requestId: `r${i}`, function: busy }, {}).then(({ containerId }) => {
        order.push(i);
        clock.after(50, () => void scheduler.release(returned(`r${i}`, containerId)));
      }, (error) => failed.push(error));
    }
    await clock.advance(20_000);
    assertEquals([order.length, failed.length], [2_500, 0]);
    assertEquals(order, order.toSorted((a, b) => a - b));
    const { leases, waiting } = await scheduler.summary();
    assertEquals({ leases, waiting }, { leases: 0, waiting: 0 });
  }, { cluster: new TestCluster({ nodes: 2, memoryMib: 640 }) }));

Deno.test("a close fails who waits, and a later acquire", async () => {
  let waiter: { error?: PlatformError } = {};
  await withScheduler(async ({ scheduler, clock }) => {
    waiter = watch(scheduler.acquire({ requestId: "a", function: spec() }, {}));
    await clock.advance(100);
    scheduler.close();
    const later = watch(scheduler.acquire({ requestId: "b", function: spec() }, {}));
    await clock.advance(0);
    assertEquals([waiter.error?.code, later.error?.code], ["unavailable", "unavailable"]);
  });
});

Deno.test("starts are shared out: a function with one waiter does not stand behind another's hundred", () =>
  withScheduler(async ({ scheduler, clock }) => {
    const many = Array.from(
      { length: 12 },
      (_, i) => watch(scheduler.acquire({ requestId: `many${i}`, function: spec("many") }, {})),
    );
    const one = watch(scheduler.acquire({ requestId: "one", function: spec("one") }, {}));
    await clock.advance(1_800);
    assert(one.value !== undefined, "it still stands behind them");
    assertEquals(many.filter((w) => w.value).length, 2);
  }, { cluster: new TestCluster({ nodes: 1, memoryMib: 4_096 }), options: { startsPerNodeMax: 1 } }));

Deno.test("a function has 1,024 containers at most; none is started that could not be used", () => {
  const cluster = new TestCluster({ nodes: 1, memoryMib: 200 * 1_024 });
  return withScheduler(async ({ scheduler, clock }) => {
    const waiters = Array.from(
      { length: 1_030 },
      (_, i) => watch(scheduler.acquire({ requestId: `r${i}`, function: spec() }, { timeoutMs: 4_000 })),
    );
    await clock.advance(3_000);
    assertEquals([waiters.filter((w) => w.value).length, cluster.containersMade], [1_024, 1_024]);
    await clock.advance(1_000);
    assertEquals(waiters.filter((w) => w.error?.code === "deadline_exceeded").length, 6);
  }, { cluster, options: { startsPerNodeMax: 2_000 }, capacity: { containers: 1_100 } });
});
