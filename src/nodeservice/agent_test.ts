import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { ManualClock, MIB, PlatformError, silentLog } from "../base/mod.ts";
import { NodeAgent } from "./agent.ts";
import type { CodeSource } from "./code_cache.ts";
import type { ContainerRuntime } from "./runtime.ts";
import { createSimulatedRuntime } from "./runtimes/simulated/mod.ts";
import { bytesOf, readReply, testFunction } from "./testing.ts";

const OWNER = "scheduler-1";

function setUp(options: { memoryMiB?: number; overcommit?: number; code?: CodeSource } = {}) {
  const clock = new ManualClock();
  const runtime = createSimulatedRuntime({ clock });
  const code = options.code ?? { get: () => Promise.resolve({ code: bytesOf("{}"), hash: "" }) };
  const { overcommit } = options;
  const memoryBytes = (options.memoryMiB ?? 1_024) * MIB;
  const agent = new NodeAgent({ runtime, code, memoryBytes, overcommit, clock, log: silentLog(clock) });
  const create = (requestId: string, changes = {}, ownerId = "") =>
    agent.createContainer({ requestId, ownerId, function: testFunction(changes) });
  const event = (containerId: string, program = {}) =>
    agent.invoke(
      { kind: "event", requestId: "r1", containerId, timeoutMs: 10_000, event: bytesOf(JSON.stringify(program)) },
      new AbortController().signal,
    );
  const started = async (requestId: string, changes = {}) => {
    const creating = create(requestId, changes);
    await clock.advance(2_000);
    return (await creating).containerId;
  };
  return { agent, clock, create, event, started };
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  return (await assertRejects(() => promise, PlatformError)).code;
}

Deno.test("a start takes half a second and 0.4 core-seconds; starts crowd one another on two processors", async () => {
  const { agent, clock, create } = setUp();
  const alone = create("1");
  await clock.advance(2_000);
  assertEquals((await alone).bootMs, 900);
  const crowd = Promise.all(["2", "3", "4", "5"].map((id) => create(id)));
  await clock.advance(3_000);
  assertEquals((await crowd).map(({ bootMs }) => bootMs), [1_300, 1_300, 1_300, 1_300]);
  await agent.close();
});

Deno.test("the same request id is the same container, while it starts and after", async () => {
  const { agent, clock, create } = setUp();
  const [first, second] = [create("a"), create("a")];
  await clock.advance(2_000);
  const third = await create("a");
  assertEquals((await first).containerId, (await second).containerId);
  assertEquals((await first).containerId, third.containerId);
  assertEquals(agent.reservedBytes, 128 * MIB);
  assertEquals(await codeOf(create("a", { functionName: "other" })), "already_exists");
  await agent.close();
});

Deno.test("a caller that leaves does not end the start: its next try finds the container", async () => {
  const { agent, clock, create } = setUp();
  const caller = new AbortController();
  const request = { requestId: "a", ownerId: "", function: testFunction() };
  const left = agent.createContainer(request, caller.signal);
  caller.abort(new PlatformError("deadline_exceeded", "too late"));
  assertEquals(await codeOf(left), "deadline_exceeded");
  const again = create("a");
  await clock.advance(2_000);
  assert((await again).containerId.length > 0);
  await agent.close();
});

Deno.test("memory is never handed out twice", async () => {
  const { agent, clock, create, started } = setUp({ memoryMiB: 300 });
  const [a, b, c] = [create("a"), create("b"), create("c")];
  const error = await assertRejects(() => c, PlatformError, `function "f": needs 128 MiB, this node has 44 MiB free`);
  assertEquals(error.code, "resource_exhausted");
  await clock.advance(3_000);
  await agent.removeContainer({ containerId: (await a).containerId, ownerId: "" });
  assertEquals(agent.reservedBytes, 128 * MIB);
  await started("d");
  assertEquals((await agent.stats()).availableMemoryBytes, 44 * MIB);
  await b;
  await agent.close();
  assertEquals(agent.reservedBytes, 0);
});

Deno.test("a start that fails leaves nothing, and the same request may try again", async () => {
  let code = `{"failure":"import"}`;
  const { agent, clock, create } = setUp({ code: { get: () => Promise.resolve({ code: bytesOf(code), hash: "" }) } });
  const failing = create("a");
  failing.catch(() => {});
  await clock.advance(2_000);
  assertEquals(await codeOf(failing), "failed_precondition");
  assertEquals(agent.reservedBytes, 0);
  code = "{}";
  const again = create("a");
  await clock.advance(2_000);
  assert((await again).containerId.length > 0);
  await agent.close();
});

Deno.test("only the present owner creates and removes", async () => {
  const { agent, clock, create } = setUp();
  agent.reserve({ accountId: "acc", ownerId: OWNER, ownerEpoch: 7 });
  assertEquals(await codeOf(create("a")), "failed_precondition");
  assertEquals(await codeOf(create("a", {}, "stale")), "failed_precondition");
  const creating = create("a", {}, OWNER);
  await clock.advance(2_000);
  const { containerId } = await creating;
  assertEquals(await codeOf(agent.removeContainer({ containerId, ownerId: "stale" })), "failed_precondition");
  // A new scheduler takes over; what the old one says no longer counts.
  agent.reserve({ accountId: "acc", ownerId: "scheduler-2", ownerEpoch: 8 });
  const again = assertThrows(() => agent.reserve({ accountId: "acc", ownerId: OWNER, ownerEpoch: 7 }), PlatformError);
  assertEquals(again.code, "failed_precondition");
  assertEquals(again.message, "owner_epoch is 7, but the scheduler that holds this node has 8");
  assertEquals(await codeOf(agent.removeContainer({ containerId, ownerId: OWNER })), "failed_precondition");
  await agent.removeContainer({ containerId, ownerId: "scheduler-2" });
  await agent.removeContainer({ containerId, ownerId: "scheduler-2" });
  const { accountId, ownerId, ownerEpoch, containers } = await agent.stats();
  assertEquals([accountId, ownerId, ownerEpoch, containers], ["acc", "scheduler-2", 8, []]);
  // One of the field does not tell how new it is.
  agent.reserve({ accountId: "acc", ownerId: "", ownerEpoch: 0 });
  assertEquals((await agent.stats()).ownerId, "");
  await agent.close();
});

Deno.test("invoking finds the container; one that is unknown or broken is told apart", async () => {
  const { agent, clock, event, started } = setUp();
  const containerId = await started("a");
  assertEquals(JSON.parse((await readReply(await event(containerId, { answer: 7 }))).body), 7);
  assertEquals(await codeOf(event("nowhere")), "not_found");
  const crash = await readReply(await event(containerId, { failure: "crash" }));
  assertEquals(crash.failure?.kind, "crash");
  assertEquals(await codeOf(event(containerId)), "unavailable");
  assertEquals((await agent.stats()).containers[0].usable, false);
  await clock.advance(0);
  await agent.close();
});

Deno.test("stats tell what runs and what it uses", async () => {
  const { agent, clock, event, started } = setUp();
  const containerId = await started("a", { memoryBytes: 512 * MIB });
  const running = event(containerId, { cpuMs: 1_000, memoryMiB: 100 });
  await agent.stats();
  await clock.advance(1_000);
  const { containers, ...node } = await agent.stats();
  const { function: spec, cpuUsagePct, cpuMs, ...container } = containers[0];
  assertEquals(spec.functionName, "f");
  assertEquals([Math.round(cpuUsagePct * 10), Math.round(cpuMs)], [335, 335]);
  assertEquals(Math.round(node.cpuUsagePct * 100), 1675, "of two processors");
  assertEquals(container, {
    containerId,
    memoryUsageBytes: 120 * MIB,
    requestIds: ["r1"],
    usable: true,
    starting: false,
  });
  assertEquals([node.totalMemoryBytes, node.memoryUsageBytes], [1_024 * MIB, 120 * MIB]);
  assert(node.disk.totalBytes > 0 && node.disk.totalInodes > 0);
  await clock.advance(10_000);
  assertEquals((await readReply(await running)).failure, undefined);
  assertEquals((await agent.stats()).containers[0].requestIds, []);
  await agent.close();
});

Deno.test("a reset removes all, forgets the owner and changes the live id; a start under way is given up", async () => {
  const { agent, create, started } = setUp();
  await started("a");
  agent.reserve({ accountId: "acc", ownerId: OWNER, ownerEpoch: 0 });
  const starting = create("b", {}, OWNER);
  starting.catch(() => {});
  const before = agent.liveId;
  const after = await agent.reset();
  assert(after !== before && agent.liveId === after);
  assertEquals(await codeOf(starting), "cancelled");
  const { ownerId, containers } = await agent.stats();
  assertEquals([ownerId, containers, agent.reservedBytes], ["", [], 0]);
  await agent.close();
  assertEquals(await codeOf(create("c")), "unavailable");
});

Deno.test("a reset waits for code that never comes no longer than needed", async () => {
  const { agent, create } = setUp({ code: { get: () => new Promise(() => {}) } });
  const starting = create("a");
  starting.catch(() => {});
  await agent.reset();
  assertEquals(await codeOf(starting), "cancelled");
  await agent.close();
});

Deno.test("one that is stopped for its node's memory may take its time to end: no second one goes meanwhile", async () => {
  const clock = new ManualClock();
  const held = [90, 80, 20].map((mib) => ({ memoryBytes: mib * MIB, usable: true }));
  let created = 0;
  const footer = Promise.withResolvers<never>();
  const runtime: ContainerRuntime = {
    name: "process",
    enforcement: [],
    processors: 1,
    memoryBytes: () => held.reduce((sum, { memoryBytes }) => sum + memoryBytes, 0),
    close: () => Promise.resolve(),
    create({ containerId }) {
      const own = held[created++];
      return Promise.resolve({
        containerId,
        times: { bootMs: 0, importMs: 0 },
        get usable() {
          return own.usable;
        },
        invoke: () => Promise.resolve({ body: nothing(), footer: footer.promise }),
        usage: () => ({ memoryBytes: own.memoryBytes, cpuMs: 0 }),
        stop: () => void (own.usable = false),
        remove: () => Promise.resolve(),
      });
    },
  };
  const code = { get: () => Promise.resolve({ code: bytesOf(""), hash: "" }) };
  const agent = new NodeAgent({
    ...{ runtime, code, clock, memoryBytes: 128 * MIB, overcommit: 3, log: silentLog(clock) },
  });
  for (const requestId of ["a", "b", "c"]) {
    const { containerId } = await agent.createContainer({ requestId, ownerId: "", function: testFunction() });
    const call = { kind: "event" as const, requestId, containerId, timeoutMs: 1, event: bytesOf("") };
    await agent.invoke(call, new AbortController().signal);
  }
  await clock.advance(1_000);
  assertEquals(held.map(({ usable }) => usable), [false, true, true]);
  held[0].memoryBytes = 0;
  held[1].memoryBytes = 120 * MIB;
  await clock.advance(1_000);
  assertEquals(held.map(({ usable }) => usable), [false, false, true], "it is gone, and there is too little again");
  await agent.close();
});

async function* nothing(): AsyncGenerator<never> {}

Deno.test("an overcommitted node admits more, tells how much, and ends idle containers before it runs full", async () => {
  const { agent, clock, create, event, started } = setUp({ memoryMiB: 256, overcommit: 2 });
  const ids = [await started("a"), await started("b"), await started("c"), await started("d")];
  assertEquals(await codeOf(create("e")), "resource_exhausted");
  const { admittedMemoryBytes, availableMemoryBytes, totalMemoryBytes } = await agent.stats();
  assertEquals([admittedMemoryBytes, availableMemoryBytes, totalMemoryBytes], [512 * MIB, 0, 256 * MIB]);
  // Each holds 20 MiB, and these 90 more: 260 of 256.
  const runs = ids.slice(0, 2).map((id) => event(id, { sleepMs: 1_000, memoryMiB: 90 }));
  await clock.advance(2_000);
  for (const run of runs) assertEquals((await readReply(await run)).failure, undefined);
  const usable = (await agent.stats()).containers.map((one) => one.usable);
  assertEquals(usable.slice(0, 2), [true, true], "what ran is there");
  assert(usable.includes(false), "of the idle ones at least one had to go");
  await agent.close();
  assertEquals(clock.pending, 0);
});

Deno.test("where all that runs is more than a node has, the largest container is out of memory", async () => {
  const { agent, clock, event, started } = setUp({ memoryMiB: 128, overcommit: 2 });
  const [a, b] = [await started("a"), await started("b")];
  const runs = [event(a, { sleepMs: 1_000, memoryMiB: 40 }), event(b, { sleepMs: 1_000, memoryMiB: 80 })];
  await clock.advance(2_000);
  const failures = await Promise.all(runs.map(async (run) => (await readReply(await run)).failure));
  assertEquals(failures.map((failure) => failure?.kind), [undefined, "out_of_memory"]);
  assert(failures[1]?.message.includes("its node had no memory left"), failures[1]?.message);
  await agent.close();
});
