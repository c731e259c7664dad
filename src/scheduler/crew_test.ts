/** Ingress threads without threads: their schedulers on the same tables, here on one, their mail delivered for real. */
import { assertEquals, assertRejects } from "@std/assert";
import { PlatformError } from "../base/mod.ts";
import { Tables } from "../core/mod.ts";
import type { ToController, ToWorker } from "./messages.ts";
import type { Scheduler } from "./scheduler.ts";
import { returned, spec, TestCluster, watch, withScheduler } from "./testing.ts";
import { WorkerScheduler } from "./worker_scheduler.ts";

interface Crewed {
  readonly cluster: TestCluster;
  readonly scheduler: Scheduler;
  readonly first: WorkerScheduler;
  readonly second: WorkerScheduler;
  /** Messages to the controller so far, by kind. */
  readonly told: ToController["kind"][];
  /** Lets time pass on the clock, and mail and messages arrive. */
  readonly pass: (ms: number) => Promise<void>;
}

/** A scheduler with two ingress threads in its crew. */
function withCrew(run: (crewed: Crewed) => Promise<void>, cluster = new TestCluster()): Promise<void> {
  return withScheduler(async ({ scheduler, clock }) => {
    const told: ToController["kind"][] = [];
    const enlist = (worker: number) => {
      const { capacity, buffer } = scheduler.shared;
      const tables = new Tables(capacity, { buffer, worker });
      const post = (message: ToController) => {
        told.push(message.kind);
        queueMicrotask(() => scheduler.crew.receive(worker, message));
      };
      const member = new WorkerScheduler(tables, clock, { post }, 60_000);
      scheduler.crew.join(worker, { post: (message: ToWorker) => queueMicrotask(() => member.receive(message)) });
      return member;
    };
    const first = enlist(1), second = enlist(2);
    const pass = async (ms: number) => {
      await clock.advance(ms);
      // Bells are rung through the real event loop.
      for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setTimeout(resolve));
      await clock.advance(0);
    };
    await pass(0);
    try {
      await run({ cluster, scheduler, first, second, told, pass });
    } finally {
      first.close();
      second.close();
      await pass(0);
    }
  }, { cluster, capacity: { workers: 3, tickets: 48 } });
}

const acquire = (on: WorkerScheduler | Scheduler, requestId: string, options = {}) =>
  watch(on.acquire({ requestId, function: spec() }, options));

Deno.test("a cold start asked for on one thread serves every thread, and warm acquires tell the controller nothing", () =>
  withCrew(async ({ scheduler, first, second, told, pass }) => {
    const cold = acquire(first, "a");
    await pass(1_000);
    assertEquals(cold.value?.coldStart !== undefined, true);
    await first.release(returned("a", cold.value!.containerId));
    await second.acquire({ requestId: "warm-up", function: spec() }, {});
    await second.release(returned("warm-up", ""));
    told.length = 0;
    for (const on of [first, second, first]) {
      const grant = await on.acquire({ requestId: "b", function: spec() }, {});
      assertEquals([grant.containerId, grant.nodeId, grant.queuedMs], [cold.value!.containerId, cold.value!.nodeId, 0]);
      await second.release(returned("b", grant.containerId));
    }
    assertEquals(told, []);
    const { acquires, releases, coldStarts, leases } = await scheduler.summary();
    assertEquals([acquires, releases, coldStarts, leases], [5, 5, 1, 0]);
  }));

Deno.test("a permit given back on one thread wakes the oldest waiter, wherever it waits", () =>
  withCrew(async ({ scheduler, first, second, pass }) => {
    const a = acquire(first, "a");
    await pass(1_000);
    const waiters: ReturnType<typeof acquire>[] = [];
    for (const [on, id] of [[second, "b"], [scheduler, "c"], [first, "d"]] as const) {
      waiters.push(acquire(on, id));
      await pass(1);
    }
    let holder: { on: WorkerScheduler | Scheduler; id: string } = { on: second, id: "a" };
    for (const [i, on] of [second, scheduler, first].entries()) {
      await holder.on.release(returned(holder.id, a.value!.containerId));
      await pass(10);
      assertEquals(waiters.map((w) => w.value !== undefined), waiters.map((_, n) => n <= i));
      holder = { on, id: ["b", "c", "d"][i] };
    }
    await second.release(returned("d", ""));
  }, new TestCluster({ nodes: 1, memoryMib: 128 })));

Deno.test("the same request id on two threads is one lease", () =>
  withCrew(async ({ scheduler, first, second, pass }) => {
    const a = acquire(first, "a");
    await pass(1_000);
    const again = await second.acquire({ requestId: "a", function: spec() }, {});
    assertEquals(again.containerId, a.value?.containerId);
    assertEquals((await scheduler.summary()).leases, 1);
    await second.release(returned("a", ""));
    await first.release(returned("a", ""));
    assertEquals((await scheduler.summary()).releases, 1);
  }));

Deno.test("a grant that crosses its waiter's leaving on the way is given to the next", () =>
  withCrew(async ({ scheduler, first, second, pass }) => {
    const a = acquire(first, "a");
    await pass(1_000);
    const leaving = new AbortController();
    const b = acquire(second, "b", { signal: leaving.signal });
    await pass(1);
    const c = acquire(first, "c");
    await pass(10);
    await first.release(returned("a", a.value!.containerId));
    leaving.abort();
    await pass(10);
    assertEquals([b.error?.code, c.value?.containerId], ["cancelled", a.value!.containerId]);
    await first.release(returned("c", ""));
    assertEquals((await scheduler.summary()).leases, 0);
  }, new TestCluster({ nodes: 1, memoryMib: 128 })));

Deno.test("a new version is seen by every thread at its next acquire, and the old containers go", () =>
  withCrew(async ({ scheduler, first, second, pass }) => {
    const old = acquire(first, "a");
    await pass(1_000);
    await first.release(returned("a", ""));
    const fresh = watch(second.acquire({ requestId: "b", function: spec("hello", { version: 2 }) }, {}));
    await pass(1_000);
    const late = watch(first.acquire({ requestId: "c", function: spec() }, {}));
    await second.release(returned("b", ""));
    await pass(1_000);
    assertEquals(fresh.value!.containerId === old.value!.containerId, false);
    assertEquals(late.value?.containerId, fresh.value?.containerId);
    assertEquals((await scheduler.listContainers({})).map(({ version }) => version), [2]);
    await first.release(returned("c", ""));
  }));

Deno.test("a container that broke on one thread is never granted on another", () =>
  withCrew(async ({ first, second, pass }) => {
    const a = acquire(first, "a");
    await pass(1_000);
    await first.release(returned("a", a.value!.containerId, "crash"));
    const b = acquire(second, "b");
    await pass(1_000);
    assertEquals(b.value!.containerId === a.value!.containerId, false);
    await second.release(returned("b", ""));
  }));

Deno.test("what a lost thread held goes on to others, and its place can be taken", () =>
  withCrew(async ({ scheduler, first, second, pass }) => {
    const a = acquire(scheduler, "a");
    await pass(1_000);
    acquire(second, "lost", { timeoutMs: 5_000 });
    const b = acquire(first, "b");
    await pass(10);
    while (!scheduler.crew.leave(2)) await pass(1);
    await scheduler.release(returned("a", ""));
    await pass(10);
    assertEquals(b.value?.containerId, a.value?.containerId);
    await first.release(returned("b", ""));
    assertEquals(await scheduler.summary().then(({ leases, waiting }) => [leases, waiting]), [0, 0]);
    const again = await first.acquire({ requestId: "lost", function: spec() }, {});
    await first.release(returned("lost", again.containerId));
    await pass(5_000);
  }, new TestCluster({ nodes: 1, memoryMib: 128 })));

Deno.test("code that cannot be loaded fails those who wait on every thread", () =>
  withCrew(async ({ cluster, first, second, pass }) => {
    const failure = () => new PlatformError("failed_precondition", "no handler", { failure: "import" });
    cluster.nodes[0].createErrors.push(failure(), failure());
    const waiting = [acquire(first, "a"), acquire(second, "b")];
    await pass(1_000);
    assertEquals(waiting.map(({ error }) => error?.failure), ["import", "import"]);
  }));

Deno.test("a thread whose heart is not heard for five listenings hangs", () =>
  withCrew(({ scheduler, first, second }) => {
    const heard: number[][] = [];
    for (let listening = 0; listening < 6; listening++) {
      first.beat();
      heard.push(scheduler.crew.listen());
    }
    assertEquals(heard, [[], [], [], [], [2], [2]]);
    second.beat();
    assertEquals(scheduler.crew.listen(), []);
    return Promise.resolve();
  }));

Deno.test("a thread refuses while the scheduler does not serve", () =>
  withCrew(async ({ scheduler, first, pass }) => {
    scheduler.close();
    await pass(0);
    await assertRejects(() => first.acquire({ requestId: "a", function: spec() }, {}), PlatformError, "closing");
  }));
