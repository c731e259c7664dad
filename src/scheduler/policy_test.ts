/** That the scheduler tells its policy what happens, and does what it says. */
import { assert, assertEquals } from "@std/assert";
import { MIB, PlatformError } from "../base/mod.ts";
import { baseline, onDemand, type Policy } from "../policy/mod.ts";
import { returned, spec, TestCluster, watch, withScheduler } from "./testing.ts";

const plain = onDemand({ containerIdleMs: 10_000, nodeIdleMs: 20_000, containersMin: 0, nodesMin: 0 });
const withPolicy = (rest: Partial<Policy>): Policy => ({ ...plain, name: "test", ...rest });

Deno.test("a policy is told of arrivals, starts, runs and stats, and never of a name", () => {
  const told: string[] = [];
  const policy = withPolicy({
    arrived: ({ id }, { waitedMs, isCold }) => told.push(`${id} arrived ${isCold} ${Math.round(waitedMs)}`),
    started: ({ id }, startMs) => told.push(`${id} started ${startMs}`),
    ended: ({ id }, { durationMs, memoryKiB, failure, inFlight }) =>
      told.push(`${id} ended ${durationMs} ${memoryKiB} ${failure} ${inFlight}`),
    measured: ({ id }, { memoryKiB, inFlight }) => told.push(`${id} measured ${memoryKiB} ${inFlight}`),
  });
  return withScheduler(async ({ scheduler, clock }) => {
    const first = watch(scheduler.acquire({ requestId: "a", function: spec() }, {}));
    await clock.advance(700);
    const { containerId } = first.value!;
    const end = { durationNanos: 5_000_000, maxMemoryBytes: 3 * MIB, errorMessage: "" };
    await scheduler.release({ ...end, requestId: "a", containerId, errorCode: "exception" });
    await clock.advance(100);
    await scheduler.acquire({ requestId: "b", function: spec() }, {});
    await clock.advance(500);
    assertEquals(told, [
      "0 started 500",
      "0 arrived true 522",
      "0 ended 5 3072 exception 1",
      "0 arrived false 0",
      "0 measured 1 1",
    ]);
  }, { policy });
});

Deno.test("a limit that the policy raises holds for containers that run: who waits is let in", () => {
  let limit = 1;
  const policy = withPolicy({ concurrency: () => limit, ended: () => {} });
  return withScheduler(async ({ scheduler, clock, cluster }) => {
    const hello = spec("hello", { concurrency: 10 });
    const calls = ["a", "b", "c"].map((requestId) => watch(scheduler.acquire({ requestId, function: hello }, {})));
    await clock.advance(1_000);
    assertEquals(calls.map(({ value }) => value?.containerId), ["container-1", undefined, undefined]);
    limit = 2;
    await clock.advance(200);
    assertEquals(calls.map(({ value }) => value?.containerId), ["container-1", "container-1", undefined]);
    limit = 1;
    await clock.advance(200);
    await scheduler.release(returned("a", "container-1"));
    await clock.advance(200);
    assertEquals(calls[2].value, undefined);
    await scheduler.release(returned("b", "container-1"));
    assertEquals(cluster.containersMade, 1);
    await clock.advance(0);
    assertEquals(calls[2].value?.containerId, "container-1");
  }, { policy, cluster: new TestCluster({ nodes: 1, memoryMib: 128 }) });
});

Deno.test("a charge below what containers may use packs more of them, as far as the setting allows", async () => {
  for (const [overcommitMax, containers] of [[1, 2], [1.6, 3], [8, 4]]) {
    const policy = withPolicy({ chargeKiB: () => 64 * 1_024 });
    const cluster = new TestCluster({ nodes: 1, memoryMib: 256 });
    cluster.nodes[0].overcommit = 8;
    await withScheduler(async ({ scheduler, clock }) => {
      for (let i = 0; i < 6; i++) watch(scheduler.acquire({ requestId: `r${i}`, function: spec() }, {}));
      await clock.advance(3_000);
      assertEquals(cluster.containers().length, containers);
    }, { policy, cluster, options: { overcommitMax } });
  }
});

Deno.test("another charge is booked for containers that run, as far as their node has room", () => {
  let chargeKiB = 64 * 1_024;
  const policy = withPolicy({ chargeKiB: () => chargeKiB, ended: () => {} });
  const cluster = new TestCluster({ nodes: 1, memoryMib: 256 });
  cluster.nodes[0].overcommit = 2;
  return withScheduler(async ({ scheduler, clock }) => {
    const calls = [1, 2, 3].map((i) => watch(scheduler.acquire({ requestId: `r${i}`, function: spec() }, {})));
    await clock.advance(2_000);
    const freeMiB = async () => (await scheduler.listNodes())[0].freeBytes / MIB;
    assertEquals(await freeMiB(), 64);
    chargeKiB = 128 * 1_024;
    await scheduler.release(returned("r1", calls[0].value!.containerId));
    await clock.advance(200);
    assertEquals(await freeMiB(), 0, "one of three got more, for two there was no room");
    await scheduler.release(returned("r2", calls[1].value!.containerId, "crash"));
    await clock.advance(200);
    assertEquals(await freeMiB(), 0, "the room of the one that went is another one's");
  }, { policy, cluster, options: { overcommitMax: 2 } });
});

Deno.test("a policy reserves ahead, and drains: the node takes nothing new, and goes when its last run has ended", () => {
  let wanted = 2, drained = -1;
  const policy = withPolicy({
    nodesWanted: () => wanted,
    nodeToDrain: () => drained,
    keepNode: () => true,
    placeOn: (_, nodes) => nodes.length - 1,
  });
  return withScheduler(async ({ scheduler, clock, cluster }) => {
    await clock.advance(300);
    assertEquals(cluster.held.size, 2);
    const first = watch(scheduler.acquire({ requestId: "a", function: spec() }, {}));
    await clock.advance(1_000);
    assertEquals(first.value?.nodeId, "node-2", "the policy has chosen it");
    wanted = 0;
    drained = 1;
    await clock.advance(500);
    assertEquals(
      (await scheduler.listNodes()).map(({ phase }) => phase),
      ["ready", "ready"],
      "one was wanted just now",
    );
    await clock.advance(1_000);
    drained = -1;
    const second = watch(scheduler.acquire({ requestId: "b", function: spec() }, {}));
    await clock.advance(1_000);
    assertEquals(second.value?.nodeId, "node-1");
    assertEquals(cluster.held.size, 2, "something runs on it");
    await scheduler.release(returned("a", first.value!.containerId));
    await clock.advance(200);
    assertEquals([...cluster.held.keys()], ["node-1"]);
  }, { policy });
});

/** Keeps one container of every function, and drains whatever node it is told to. */
function drainingPolicy() {
  const told = { drained: -1, on: 0, wanted: 2 };
  const policy = withPolicy({
    containersToStart: ({ waiting, starting, warm, leaving }) =>
      Math.max(waiting - starting, Math.min(1, warm + starting + leaving + waiting) - warm - starting, 0),
    // Of two: it would name the same one again and again.
    nodeToDrain: ({ nodes }) => nodes.length === 2 ? told.drained : -1,
    keepNode: () => true,
    nodesWanted: () => told.wanted,
    placeOn: (_, nodes) => Math.min(told.on, nodes.length - 1),
  });
  return { told, policy };
}

Deno.test("a node that is drained serves on until what is wanted of it has been started elsewhere", () => {
  const { told, policy } = drainingPolicy();
  return withScheduler(async ({ scheduler, clock, cluster }) => {
    await clock.advance(300);
    const first = watch(scheduler.acquire({ requestId: "a", function: spec() }, {}));
    await clock.advance(1_000);
    await scheduler.release(returned("a", first.value!.containerId));
    assertEquals([first.value?.nodeId, cluster.containersMade], ["node-1", 1]);
    told.wanted = told.drained = 0;
    await clock.advance(200);
    assertEquals(cluster.containersMade, 1, "the other one is being started");
    const meanwhile = watch(scheduler.acquire({ requestId: "b", function: spec() }, {}));
    await clock.advance(10);
    assertEquals(meanwhile.value?.nodeId, "node-1", "nobody waits because it goes");
    await scheduler.release(returned("b", meanwhile.value!.containerId));
    await clock.advance(2_000);
    assertEquals([...cluster.held.keys()].includes("node-1"), false);
    const after = watch(scheduler.acquire({ requestId: "c", function: spec() }, {}));
    await clock.advance(10);
    assertEquals(after.value?.nodeId, "node-2");
    assertEquals(cluster.containersMade, 2);
  }, { policy });
});

Deno.test("a node is kept where there is no room elsewhere for what is on it; no other is reserved, none drained soon", () => {
  const { told, policy } = drainingPolicy();
  const big = (name: string) => spec(name, { memoryBytes: 700 * MIB });
  const cluster = new TestCluster({ nodes: 4 });
  return withScheduler(async ({ scheduler, clock }) => {
    await clock.advance(300);
    for (const [on, name] of ["x", "y"].entries()) {
      told.on = on;
      const one = watch(scheduler.acquire({ requestId: name, function: big(name) }, {}));
      await clock.advance(1_000);
      await scheduler.release(returned(name, one.value!.containerId));
    }
    assertEquals(cluster.held.size, 2);
    told.wanted = told.drained = 0;
    await clock.advance(5_000);
    const phases = async () => (await scheduler.listNodes()).map(({ phase }) => phase).sort();
    assertEquals(await phases(), ["draining", "ready"]);
    await clock.advance(12_000);
    assertEquals(await phases(), ["ready", "ready"], "it takes containers again");
    await clock.advance(30_000);
    assertEquals([await phases(), cluster.held.size, cluster.containersMade], [["ready", "ready"], 2, 2]);
  }, { policy: { ...policy, keepContainer: () => true }, cluster });
});

Deno.test("while a function fails to start elsewhere, those who wait are served by what a draining node has", () => {
  const { told, policy } = drainingPolicy();
  return withScheduler(async ({ scheduler, clock, cluster }) => {
    await clock.advance(300);
    const first = watch(scheduler.acquire({ requestId: "a", function: spec() }, {}));
    await clock.advance(1_000);
    const broken = new PlatformError("failed_precondition", "it cannot be loaded", { failure: "import" });
    for (const node of cluster.nodes) node.createErrors.push(broken, broken, broken, broken);
    told.wanted = told.drained = 0;
    await clock.advance(700);
    const second = watch(scheduler.acquire({ requestId: "b", function: spec() }, {}));
    await clock.advance(300);
    await scheduler.release(returned("a", first.value!.containerId));
    await clock.advance(10);
    assertEquals([second.value?.nodeId, second.error], ["node-1", undefined]);
  }, { policy: { ...policy, keepContainer: () => true } });
});

Deno.test("containers can be started before anybody asks for them", () => {
  let due: number[] = [];
  const policy = withPolicy({
    functionsToServe: () => due,
    containersToStart: ({ waiting, starting, warm }) => due.length > 0 ? 3 - starting - warm : waiting - starting,
  });
  return withScheduler(async ({ scheduler, clock, cluster }) => {
    watch(scheduler.acquire({ requestId: "a", function: spec() }, {}));
    await clock.advance(1_000);
    assertEquals(cluster.containersMade, 1);
    due = [0, 99];
    await clock.advance(1_000);
    assertEquals(cluster.containersMade, 3);
  }, { policy });
});

Deno.test("bound early, an acquire waits for the container that is started for it, whatever else comes free", () =>
  withScheduler(async ({ scheduler, clock, cluster }) => {
    const first = watch(scheduler.acquire({ requestId: "a", function: spec() }, {}));
    await clock.advance(1_000);
    const second = watch(scheduler.acquire({ requestId: "b", function: spec() }, {}));
    await clock.advance(100);
    await scheduler.release(returned("a", first.value!.containerId));
    await clock.advance(100);
    assertEquals(second.value, undefined);
    const third = watch(scheduler.acquire({ requestId: "c", function: spec() }, {}));
    await clock.advance(0);
    assertEquals(third.value?.containerId, "container-1", "who comes later finds the idle one");
    await clock.advance(1_000);
    assertEquals([second.value?.containerId, cluster.containersMade], ["container-2", 2]);
    assert(second.value?.coldStart);
  }, { policy: baseline() }));

Deno.test("bound early, those for whom none can be started take what comes free, in order", () =>
  withScheduler(async ({ scheduler, clock }) => {
    const calls = ["a", "b", "c"].map((requestId) => watch(scheduler.acquire({ requestId, function: spec() }, {})));
    await clock.advance(1_000);
    assertEquals(calls.map(({ value }) => value !== undefined), [true, false, false]);
    await scheduler.release(returned("a", calls[0].value!.containerId));
    await clock.advance(0);
    assertEquals(calls.map(({ value }) => value !== undefined), [true, true, false]);
  }, { policy: baseline(), cluster: new TestCluster({ nodes: 1, memoryMib: 128 }) }));

Deno.test("bound early, a start that failed is made up for by another, and who leaves leaves its container to others", () => {
  const cluster = new TestCluster({ nodes: 1, memoryMib: 256 });
  return withScheduler(async ({ scheduler, clock }) => {
    cluster.nodes[0].createRepliesLost = 1;
    const leaving = new AbortController();
    const first = watch(scheduler.acquire({ requestId: "a", function: spec() }, { signal: leaving.signal }));
    const second = watch(scheduler.acquire({ requestId: "b", function: spec() }, {}));
    await clock.advance(700);
    assertEquals([first.value, second.value?.containerId], [undefined, "container-2"]);
    await clock.advance(1_500);
    assertEquals(first.value?.containerId, "container-3");
    const third = watch(scheduler.acquire({ requestId: "c", function: spec() }, { signal: leaving.signal }));
    await clock.advance(100);
    leaving.abort();
    await clock.advance(100);
    assertEquals(third.error?.code, "cancelled");
    scheduler.checkInvariants();
  }, { policy: baseline(), cluster });
});

Deno.test("who cannot wait as long as is expected is told at once, and when to come again; but not for ever", () => {
  let wait = { waitMs: 500, eachMs: 1_000 };
  const policy = withPolicy({ expectedWait: () => wait });
  return withScheduler(async ({ scheduler, clock }) => {
    const acquire = (requestId: string, timeoutMs: number) =>
      watch(scheduler.acquire({ requestId, function: spec() }, { timeoutMs }));
    acquire("a", 9_000);
    await clock.advance(1_000);
    const [patient, hasty] = [acquire("b", 900), acquire("c", 900)];
    await clock.advance(0);
    assertEquals([patient, hasty.error?.code, hasty.error?.retryAfterMs], [{}, "resource_exhausted", 600]);
    assertEquals(
      hasty.error?.message,
      'function "hello" has no container free for about 1500 ms, and this acquire waits 900 ms at most',
    );
    wait = { waitMs: 0, eachMs: 0 };
    await clock.advance(200);
    const later = acquire("d", 300);
    await clock.advance(299);
    assertEquals(later, {}, "it waits");
    await clock.advance(1);
    assertEquals(later.error?.code, "deadline_exceeded");
  }, { policy, cluster: new TestCluster({ nodes: 1, memoryMib: 128 }) });
});
