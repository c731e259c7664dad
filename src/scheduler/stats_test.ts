import { assertEquals } from "@std/assert";
import { MIB } from "../base/mod.ts";
import { onDemand } from "../policy/mod.ts";
import { returned, spec, watch, withScheduler } from "./testing.ts";

Deno.test("a container that the node has lost is struck out with its lease, and the drift is counted", () =>
  withScheduler(async ({ scheduler, clock, cluster }) => {
    watch(scheduler.acquire({ requestId: "a", function: spec() }, {}));
    await clock.advance(1_000);
    cluster.nodes[0].containers.clear();
    await clock.advance(1_500);
    const { leases, containers, memoryCorrections } = await scheduler.summary();
    assertEquals({ leases, containers, memoryCorrections }, { leases: 0, containers: 0, memoryCorrections: 1 });
    assertEquals((await scheduler.listNodes())[0].freeBytes, 1_024 * MIB);
  }));

Deno.test("a container that the node calls unusable takes nothing more, and goes when it is empty", () =>
  withScheduler(async ({ scheduler, clock, cluster }) => {
    const grant = watch(scheduler.acquire({ requestId: "a", function: spec() }, {}));
    await clock.advance(1_000);
    cluster.containers()[0].usable = false;
    await clock.advance(1_500);
    assertEquals((await scheduler.listContainers({}))[0].phase, "draining");
    await scheduler.release(returned("a", grant.value!.containerId));
    await clock.advance(100);
    assertEquals(cluster.containers(), []);
  }));

Deno.test("a container that nobody here knows is removed", () =>
  withScheduler(async ({ scheduler, clock, cluster }) => {
    watch(scheduler.acquire({ requestId: "a", function: spec() }, {}));
    await clock.advance(1_000);
    cluster.nodes[0].addUnknown("stranger", { spec: spec("other") });
    await clock.advance(1_500);
    assertEquals(cluster.containers().map((c) => c.containerId), ["container-1"]);
    assertEquals((await scheduler.summary()).memoryCorrections, 1);
  }));

Deno.test("the node's own memory figure is taken over, once; below what runs there it shrinks as that goes", () =>
  withScheduler(async ({ scheduler, clock, cluster }) => {
    const grant = watch(scheduler.acquire({ requestId: "a", function: spec() }, {}));
    await clock.advance(1_000);
    cluster.nodes[0].tellsMemoryBytes = 64 * MIB;
    await clock.advance(5_000);
    const [node] = await scheduler.listNodes();
    assertEquals([node.memoryBytes, node.freeBytes], [128 * MIB, 0]);
    assertEquals((await scheduler.summary()).memoryCorrections, 1);
    await scheduler.release(returned("a", grant.value!.containerId, "crash"));
    await clock.advance(2_500);
    assertEquals((await scheduler.listNodes())[0].memoryBytes, 64 * MIB);
    cluster.nodes[0].tellsMemoryBytes = 2 ** 52;
    await clock.advance(2_500);
    assertEquals((await scheduler.listNodes())[0].memoryBytes, (2 ** 30 - 1) * 1024, "the most a node can have");
  }));

Deno.test("a node that did not answer once gets nothing new until it answers again", () =>
  withScheduler(async ({ scheduler, clock, cluster }) => {
    watch(scheduler.acquire({ requestId: "a", function: spec() }, {}));
    await clock.advance(1_000);
    cluster.nodes[0].up = false;
    await clock.advance(1_200);
    assertEquals((await scheduler.listNodes())[0].phase, "joining");
    cluster.nodes[0].up = true;
    await clock.advance(1_200);
    assertEquals((await scheduler.listNodes())[0].phase, "ready");
    assertEquals((await scheduler.summary()).leases, 1);
  }));

Deno.test("a policy is told of a container again when it has run something, with all that it used since", () => {
  const told: string[] = [];
  const policy = {
    ...onDemand({ containerIdleMs: 60_000, nodeIdleMs: 60_000, containersMin: 0, nodesMin: 0 }),
    measured: (_: unknown, { cpuPct, coversMs, inFlight }: { cpuPct: number; coversMs?: number; inFlight: number }) => {
      told.push(`${Math.round(cpuPct / 100 * coversMs!)} ms, ${inFlight} in flight`);
    },
  };
  return withScheduler(async ({ scheduler, clock, cluster }) => {
    const use = (cpuMs: number) => Object.assign(cluster.containers()[0], { cpuMs });
    const grant = watch(scheduler.acquire({ requestId: "a", function: spec() }, {}));
    await clock.advance(600);
    const { containerId } = grant.value!;
    use(30);
    await clock.advance(2_000);
    assertEquals(told.splice(0), ["30 ms, 1 in flight", "0 ms, 1 in flight"]);
    await scheduler.release(returned("a", containerId));
    use(50);
    await clock.advance(2_000);
    assertEquals(told.splice(0).slice(0, 1), ["20 ms, 0 in flight"]);
    use(51);
    await clock.advance(5_000);
    assertEquals(told.splice(0), [], "what it uses by itself is nothing to be told");
    await scheduler.acquire({ requestId: "b", function: spec() }, {});
    use(60);
    await clock.advance(1_000);
    assertEquals(told, ["10 ms, 1 in flight"]);
  }, { policy });
});
