/** Real containers on a node whose memory is overcommitted, with control groups where they are writable, and without. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { MIB, newId, silentLog, systemClock } from "../base/mod.ts";
import { NodeAgent } from "./agent.ts";
import { createProcessRuntime } from "./runtimes/process/mod.ts";
import { bytesOf, readReply, testFunction, until } from "./testing.ts";

const NODE_MIB = 192;

/** Takes memory a MiB at a time, and gives nothing of it back when `keep` is said. */
const HOLDER = `
const kept = [];
export async function handler({ mib, sleepMs = 0, keep = false }) {
  const held = keep ? kept : [];
  for (let i = 0; i < mib; i++) {
    held.push(new Uint8Array(2 ** 20).fill(1));
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await new Promise((resolve) => setTimeout(resolve, sleepMs));
  return held.length;
}`;

for (const limits of ["auto", "poll"] as const) {
  const groupsTest = (name: string, body: (node: TestNode) => Promise<void>) =>
    Deno.test(`${name} (limits: ${limits})`, () => withNode(limits, body));

  groupsTest("limits beyond the node's memory are admitted as far as it may be overcommitted", async (node) => {
    await node.start();
    await node.start();
    const { totalMemoryBytes, admittedMemoryBytes, availableMemoryBytes } = await node.agent.stats();
    assertEquals([totalMemoryBytes, admittedMemoryBytes], [NODE_MIB * MIB, 2 * NODE_MIB * MIB]);
    assertEquals(availableMemoryBytes, 0);
    await node.start();
    const error: Error = await node.start().then(() => assert(false), (error) => error);
    assertStringIncludes(error.message, "needs 128 MiB, this node has 0 MiB free");
  });

  groupsTest("what an idle container holds makes room for one that runs, which does not notice", async (node) => {
    const [idle, busy] = [await node.start(), await node.start()];
    assertEquals((await node.send(idle, { mib: 90, keep: true })).failure, undefined);
    const reply = await node.send(busy, { mib: 95 });
    assertEquals([reply.body, reply.failure], ["95", undefined]);
    await until(async () => !(await node.isUsable(idle)), "the end of the idle container");
    assert(await node.isUsable(busy));
  });

  groupsTest("of two that run beyond the node's memory, the larger is stopped as out of memory", async (node) => {
    const [larger, smaller] = [await node.start(), await node.start()];
    const first = node.send(larger, { mib: 105, sleepMs: 60_000 });
    await until(async () => await node.usedMib(larger) > 100, "its memory");
    const second = await node.send(smaller, { mib: 90 });
    assertEquals([second.body, second.failure], ["90", undefined]);
    const { failure } = await first;
    assertEquals(failure?.kind, "out_of_memory");
    assertStringIncludes(failure!.message, "its node had no memory left");
    assert(await node.isUsable(smaller));
  });
}

type TestNode = Awaited<ReturnType<typeof openNode>>;

async function openNode(limits: "auto" | "poll") {
  const memoryBytes = NODE_MIB * MIB;
  const clock = systemClock, log = silentLog(clock);
  const runtime = await createProcessRuntime({ limits, memoryBytes });
  const code = { get: () => Promise.resolve({ code: bytesOf(HOLDER), hash: "" }) };
  const agent = new NodeAgent({ runtime, code, memoryBytes, overcommit: 2, clock, log });
  const never = new AbortController().signal;
  const find = async (containerId: string) =>
    (await agent.stats()).containers.find((container) => container.containerId === containerId);
  return {
    agent,
    start: async () =>
      (await agent.createContainer({ requestId: newId(), ownerId: "", function: testFunction() })).containerId,
    send: async (containerId: string, event: unknown) =>
      await readReply(
        await agent.invoke({
          kind: "event",
          ...{ requestId: newId(), containerId, timeoutMs: 60_000, event: bytesOf(JSON.stringify(event)) },
        }, never),
      ),
    isUsable: async (containerId: string) => (await find(containerId))?.usable === true,
    usedMib: async (containerId: string) => ((await find(containerId))?.memoryUsageBytes ?? 0) / MIB,
    byGroups: runtime.enforcement.some(({ what, how }) => what === "memory" && how.startsWith("cgroup")),
  };
}

async function withNode(limits: "auto" | "poll", use: (node: TestNode) => Promise<void>): Promise<void> {
  const node = await openNode(limits);
  try {
    if (limits === "auto" && !node.byGroups) {
      console.log("control groups are not writable here: left out, the same without them is tested");
    } else await use(node);
  } finally {
    await node.agent.close();
  }
}
