import { assertEquals } from "@std/assert";
import { MIB } from "../base/mod.ts";
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
