import { assert, assertEquals } from "@std/assert";
import { type FunctionSpec, MIB, PlatformError, seededRandom } from "../../base/mod.ts";
import { VirtualClock } from "../engine/virtual_clock.ts";
import { Cluster } from "./cluster.ts";
import { Run } from "./container.ts";
import { type ClusterOptions, DEFAULT_CLUSTER } from "./options.ts";

const CALL = { timeoutMs: 60_000 };
const OWNER = "scheduler-1";

function spec(memoryMiB = 256): FunctionSpec {
  return {
    accountId: "default",
    functionName: "f",
    handler: "",
    memoryBytes: memoryMiB * MIB,
    timeoutMs: 1_000,
    codeHash: "",
    version: 1,
    concurrency: 255,
    allowNet: [],
  };
}

class TestRun extends Run {
  override readonly timeoutMs = 10_000;
  outcome: { failure?: string; memoryMiB: number; tookMs: number } | undefined;

  constructor(
    private readonly clock: VirtualClock,
    override readonly requestId: string,
    override readonly peakBytes: number,
    override readonly sleepMs: number,
    override readonly cpuMs = 0,
  ) {
    super();
  }

  override fire(): void {
    this.container!.node.due(this);
  }

  override ended(failure: string | undefined, memoryToldBytes: number): void {
    this.outcome = { failure, memoryMiB: memoryToldBytes / MIB, tookMs: this.clock.nowMs() - this.beganMs };
  }
}

function clusterOf(options: Partial<ClusterOptions> = {}) {
  const clock = new VirtualClock();
  const cluster = new Cluster({
    clock,
    random: seededRandom(1),
    options: { ...DEFAULT_CLUSTER, ...options },
    functionIndex: () => 0,
  });
  /** What a promise comes to as time goes on. */
  const get = async <T>(promise: Promise<T>): Promise<T> => {
    let isSettled = false;
    promise.then(() => isSettled = true, () => isSettled = true);
    await clock.run(() => isSettled);
    return await promise;
  };
  const fails = async (promise: Promise<unknown>): Promise<PlatformError> =>
    await get(promise.then(() => new PlatformError("unknown", "it did not fail"), (error) => error));
  let requests = 0;
  const reserve = () => cluster.resourceManager.reserveNode({ requestId: `n${requests++}`, accountId: "a" }, CALL);
  /** A reserved node with a connection to it. */
  const node = async () => {
    const { nodeId } = await get(reserve());
    const port = cluster.dial({ nodeId });
    await get(port.reserve({ requestId: "r", accountId: "a", ownerId: OWNER, ownerEpoch: 1 }, CALL));
    const create = (memoryMiB?: number, requestId = `c${requests++}`) =>
      port.createContainer({ requestId, name: "f", ownerId: OWNER, function: spec(memoryMiB) }, CALL);
    const begin = (containerId: string, peakMiB: number, sleepMs: number, cpuMs = 0) => {
      const run = new TestRun(clock, `r${requests++}`, peakMiB * MIB, sleepMs, cpuMs);
      assert(cluster.nodes.get(nodeId)!.begin(run, containerId), "it was not begun");
      return run;
    };
    return { nodeId, port, create, begin };
  };
  return { clock, cluster, get, fails, reserve, node };
}

Deno.test("ten nodes are ready; each reservation is made up for 30 s later, up to twenty in all", async () => {
  const { clock, get, fails, reserve } = clusterOf();
  for (let i = 0; i < 10; i++) await get(reserve());
  assertEquals((await fails(reserve())).code, "resource_exhausted");
  await clock.run(() => false, 29_000);
  assertEquals((await fails(reserve())).code, "resource_exhausted");
  await clock.run(() => false, 31_000);
  for (let i = 0; i < 10; i++) await get(reserve());
  await clock.run(() => false, 90_000);
  assertEquals((await fails(reserve())).code, "resource_exhausted");
});

Deno.test("a node is held from its reservation to its release, and comes back as another one", async () => {
  const { clock, cluster, get, fails, node } = clusterOf({ nodesWarm: 1, nodesMax: 1 });
  const { nodeId, port } = await node();
  assertEquals(cluster.held(), [nodeId]);
  await clock.run(() => false, 5_000);
  await get(cluster.resourceManager.releaseNode({ requestId: "x", nodeId }, CALL));
  await clock.run(() => false, 40_000);
  const again = await node();
  assert(again.nodeId !== nodeId);
  const { nodes } = cluster.timeline.close(50_000);
  assertEquals(
    nodes.map(({ reservedMs, releasedMs }) => [Math.round(reservedMs / 1e3), Math.round(releasedMs / 1e3)]),
    [
      [0, 5],
      [40, 50],
    ],
  );
  assertEquals((await fails(port.getStats({ requestId: "x" }, CALL))).code, "unavailable");
});

Deno.test("a creation asked for twice is one container; one that asks as another owner gets none", async () => {
  const { cluster, get, fails, node } = clusterOf();
  const { nodeId, port, create } = await node();
  const [a, b] = await get(Promise.all([create(128, "same"), create(128, "same")]));
  assertEquals([a.containerId, cluster.nodes.get(nodeId)!.containers.size], [b.containerId, 1]);
  const foreign = { requestId: "x", name: "f", ownerId: "scheduler-2", function: spec() };
  assertEquals((await fails(port.createContainer(foreign, CALL))).code, "failed_precondition");
});

Deno.test("an agent refuses more than its memory, times the overcommit that it allows", async () => {
  for (const [overcommitMax, fit] of [[1, 2], [2, 4]]) {
    const { get, fails, node } = clusterOf({ nodeMemoryBytes: 512 * MIB, overcommitMax });
    const { create } = await node();
    await get(Promise.all(Array.from({ length: fit }, () => create())));
    assertEquals((await fails(create())).code, "resource_exhausted");
  }
});

Deno.test("when containers hold more than their node has, the largest is killed with all that runs in it", async () => {
  const { clock, cluster, get, node } = clusterOf({ nodeMemoryBytes: 512 * MIB, overcommitMax: 2 });
  const { nodeId, port, create, begin } = await node();
  const small = await get(create()), large = await get(create(512));
  const runs = [
    begin(small.containerId, 200, 1_000),
    begin(large.containerId, 100, 1_000),
    begin(large.containerId, 150, 1_000),
  ];
  assertEquals(runs.map((run) => run.outcome?.failure), [undefined, undefined, undefined]);
  runs.push(begin(large.containerId, 60, 1_000));
  assertEquals(runs.map((run) => run.outcome?.failure), [undefined, ...Array(3).fill("out_of_memory")]);
  assertEquals(cluster.nodes.get(nodeId)!.usedBytes, 220 * MIB);
  const report = await get(port.getStats({ requestId: "x" }, CALL));
  assertEquals(report.containers.map(({ usable, memoryUsageBytes }) => [usable, memoryUsageBytes / MIB]), [
    [true, 220],
    [false, 0],
  ]);
  await clock.run();
  assertEquals(runs[0].outcome?.failure, undefined);
});

Deno.test("what a run's end tells as memory is its own, or what its container held at most meanwhile", async () => {
  for (const [peakTold, memoryMiB] of [["call", 30], ["container", 90]] as const) {
    const { clock, get, node } = clusterOf({ peakTold });
    const { create, begin } = await node();
    const { containerId } = await get(create());
    const run = begin(containerId, 30, 1_000);
    begin(containerId, 40, 100);
    await clock.run(() => run.outcome !== undefined);
    assertEquals(run.outcome?.memoryMiB, memoryMiB);
  }
});

Deno.test("stats tell how much of the processors was used since the last ones", async () => {
  const { clock, get, node } = clusterOf();
  const { port, create, begin } = await node();
  const { containerId } = await get(create(1_024));
  await get(port.getStats({ requestId: "x" }, CALL));
  const fromMs = clock.nowMs();
  const run = begin(containerId, 1, 0, 670);
  await clock.run(() => run.outcome !== undefined);
  assert(Math.abs(run.outcome!.tookMs - 1_000) < 1, "0.67 of a processor is its quota");
  await clock.run(() => false, fromMs + 2_000);
  const report = await get(port.getStats({ requestId: "x" }, CALL));
  assert(Math.abs(report.containers[0].cpuUsagePct - 33.5) < 0.5, `${report.containers[0].cpuUsagePct}`);
  assert(Math.abs(report.cpuUsagePct - 16.75) < 0.25, `${report.cpuUsagePct}`);
});

Deno.test("a node that crashes, and an agent that starts anew, end all that runs there", async () => {
  for (const how of ["crash", "restart"]) {
    const { cluster, get, fails, node } = clusterOf();
    const { nodeId, port, create, begin } = await node();
    const { containerId } = await get(create());
    const run = begin(containerId, 1, 5_000);
    const there = cluster.nodes.get(nodeId)!;
    const before = there.liveId;
    if (how === "crash") cluster.crash(there);
    else there.restart();
    assertEquals(run.outcome?.failure, "unavailable");
    if (how === "crash") assertEquals((await fails(port.getStats({ requestId: "x" }, CALL))).code, "unavailable");
    else {
      const { liveId, ownerId, containers } = await get(port.getStats({ requestId: "x" }, CALL));
      assertEquals([liveId !== before, ownerId, containers.length], [true, "", 0]);
    }
  }
});
