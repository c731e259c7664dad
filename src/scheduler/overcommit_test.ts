/** How far nodes are overcommitted: by the scheduler's setting, and never further than their agents admit. */
import { assertEquals } from "@std/assert";
import { MIB } from "../base/mod.ts";
import { onDemand, type Policy } from "../policy/mod.ts";
import { spec, TestCluster, watch, withScheduler } from "./testing.ts";

const plain = onDemand({ containerIdleMs: 10_000, nodeIdleMs: 20_000, containersMin: 0, nodesMin: 0 });
/** Of a function of 128 MiB it wants a quarter. */
const thrifty: Policy = { ...plain, name: "test", chargeKiB: () => 32 * 1_024 };
/** It chooses nodes by itself as well. */
const choosy: Policy = { ...thrifty, placeOn: () => 0 };

/** One node of 256 MiB whose agent admits so many times that. */
function clusterOf(overcommit: number | undefined, nodes = 1): TestCluster {
  const cluster = new TestCluster({ nodes, memoryMib: 256 });
  for (const node of cluster.nodes) node.overcommit = overcommit;
  return cluster;
}

for (const [how, policy] of [["by the index", thrifty], ["by the policy", choosy]] as const) {
  Deno.test(`placed ${how}, a node takes as many as both its agent and the setting allow`, async () => {
    for (const [admitted, overcommitMax, containers] of [[undefined, 4, 2], [2, 4, 4], [4, 2, 4], [8, 8, 8]] as const) {
      const cluster = clusterOf(admitted);
      await withScheduler(async ({ scheduler, clock }) => {
        for (let i = 0; i < 10; i++) watch(scheduler.acquire({ requestId: `r${i}`, function: spec() }, {}));
        await clock.advance(4_000);
        const what = `agent ${admitted}, setting ${overcommitMax}`;
        assertEquals(cluster.containers().length, containers, what);
        const [{ admittedBytes, memoryBytes }] = await scheduler.listNodes();
        assertEquals(admittedBytes, memoryBytes * Math.min(admitted ?? 1, overcommitMax), what);
        const listed = await scheduler.listContainers({});
        assertEquals(listed[0].memoryBytes, 128 * MIB);
        assertEquals(listed[0].chargedBytes, 256 * MIB / containers);
      }, { policy, cluster, options: { overcommitMax } });
    }
  });

  Deno.test(`placed ${how}, agents that tell nothing and agents that admit more serve side by side`, async () => {
    const cluster = clusterOf(undefined, 2);
    cluster.nodes[1].overcommit = 4;
    await withScheduler(async ({ scheduler, clock }) => {
      for (let i = 0; i < 20; i++) watch(scheduler.acquire({ requestId: `r${i}`, function: spec() }, {}));
      await clock.advance(8_000);
      assertEquals(cluster.nodes.map(({ containers }) => containers.size), [2, 8]);
    }, { policy, cluster, options: { overcommitMax: 4 } });
  });
}

Deno.test("room is made for what a node charges, though it would be less elsewhere", async () => {
  const cluster = clusterOf(undefined);
  await withScheduler(async ({ scheduler, clock }) => {
    for (const id of ["a", "b"]) {
      const call = watch(scheduler.acquire({ requestId: id, function: spec(id) }, {}));
      await clock.advance(1_000);
      const { containerId } = call.value!;
      const end = { durationNanos: 1, maxMemoryBytes: 1, errorCode: "", errorMessage: "" };
      await scheduler.release({ ...end, requestId: id, containerId });
    }
    const large = watch(scheduler.acquire({ requestId: "c", function: spec("c", { memoryBytes: 200 * MIB }) }, {}));
    await clock.advance(2_000);
    assertEquals(large.value?.coldStart?.createMs, 500, "both had to go");
  }, { policy: thrifty, cluster, options: { overcommitMax: 4 } });
});

Deno.test("a restarted scheduler takes over all that an overcommitted node runs, and books what its policy wants", async () => {
  const cluster = clusterOf(4);
  const [node] = cluster.nodes;
  cluster.hold(node);
  for (let i = 0; i < 6; i++) node.addUnknown(`old-${i}`, { spec: spec("f") });
  await withScheduler(async ({ scheduler, clock }) => {
    assertEquals((await scheduler.listContainers({})).length, 6);
    await clock.advance(300);
    const charged = async () => (await scheduler.listContainers({})).map(({ chargedBytes }) => chargedBytes / MIB);
    assertEquals(await charged(), [32, 32, 32, 32, 32, 32], "for none is there all that on-demand wants");
    for (const { containerId } of await scheduler.listContainers({ functionName: "f" })) {
      if (["old-0", "old-1", "old-2"].includes(containerId)) node.containers.delete(containerId);
    }
    await clock.advance(2_000);
    assertEquals(await charged(), [128, 32, 32], "what goes leaves room for the others");
  }, { policy: plain, cluster, options: { overcommitMax: 1 } });
});
