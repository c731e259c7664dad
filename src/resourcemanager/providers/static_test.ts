import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { ManualClock, silentLog } from "../../base/mod.ts";
import { createStaticProvider, type StaticAgent } from "./static.ts";

/** An agent as its port shows it. */
class FakeAgent implements StaticAgent {
  readonly address = "10.0.0.7";
  lives = 1;
  ownerId = "";
  up = true;
  resets = 0;
  constructor(readonly port: number) {}

  getStats() {
    if (!this.up) return Promise.reject(new Error("connection refused"));
    const liveId = `live${this.lives}-of-${this.port}`.padEnd(32, "0");
    return Promise.resolve({ liveId, ownerId: this.ownerId, totalMemoryBytes: 2 ** 31 });
  }

  reset() {
    if (!this.up) return Promise.reject(new Error("connection refused"));
    this.lives++;
    this.resets++;
    this.ownerId = "";
    return Promise.resolve();
  }
}

function setUp(count: number) {
  const clock = new ManualClock();
  const agents = Array.from({ length: count }, (_, index) => new FakeAgent(10_300 + index));
  return { clock, agents, provider: createStaticProvider({ agents, clock, log: silentLog(clock) }) };
}

const never = (reason: string) => {
  throw new Error(`died: ${reason}`);
};

Deno.test("agents are taken one after the other, with the memory they tell", async () => {
  const { provider } = setUp(2);
  const first = await provider.start(never);
  const second = await provider.start(never);
  assertEquals([first.port, second.port, first.memoryBytes, first.inUse], [10_300, 10_301, 2 ** 31, false]);
  await assertRejects(() => provider.start(never), Error, "none of 2 node agents is free");
  await provider.stop(first);
  assertEquals((await provider.start(never)).port, 10_300);
  await provider.close();
});

Deno.test("a recycled agent is reset and gets another id", async () => {
  const { provider, agents } = setUp(1);
  const first = await provider.start(never);
  const second = await provider.recycle(first, never);
  assertEquals([agents[0].resets, second.port], [1, first.port]);
  assertNotEquals(second.nodeId, first.nodeId);
  await provider.close();
});

Deno.test("an agent with an owner is in use when it is first seen, and reset when it is seen again", async () => {
  const { provider, agents } = setUp(1);
  agents[0].ownerId = "scheduler-1";
  const first = await provider.start(never);
  assertEquals([first.inUse, agents[0].resets], [true, 0]);
  await provider.stop(first);
  agents[0].ownerId = "scheduler-1";
  const second = await provider.start(never);
  assertEquals([second.inUse, agents[0].resets, agents[0].ownerId], [false, 2, ""]);
  await provider.close();
});

Deno.test("an agent that does not answer is passed over, and tried again after a growing pause", async () => {
  const { provider, agents, clock } = setUp(2);
  agents[0].up = false;
  await assertRejects(() => provider.start(never), Error, "10.0.0.7:10300: connection refused");
  assertEquals((await provider.start(never)).port, 10_301);
  await assertRejects(() => provider.start(never), Error, "none of 2");
  await clock.advance(1_000);
  await assertRejects(() => provider.start(never), Error, "connection refused");
  agents[0].up = true;
  await clock.advance(1_999);
  await assertRejects(() => provider.start(never), Error, "none of 2");
  await clock.advance(1);
  assertEquals((await provider.start(never)).port, 10_300);
  await provider.close();
});

Deno.test("an agent is dead after three checks without an answer, not after two", async () => {
  const { provider, agents, clock } = setUp(1);
  const deaths: string[] = [];
  const node = await provider.start((reason) => deaths.push(reason));
  agents[0].up = false;
  await clock.advance(10_000);
  agents[0].up = true;
  await clock.advance(5_000);
  agents[0].up = false;
  await clock.advance(14_999);
  assertEquals(deaths, []);
  await clock.advance(1);
  assertEquals(deaths, ["its agent does not answer: connection refused"]);
  await assertRejects(() => provider.recycle(node, never), Error, "died before");
  await provider.close();
});

Deno.test("an agent that started again by itself is another node", async () => {
  const { provider, agents, clock } = setUp(1);
  const deaths: string[] = [];
  await provider.start((reason) => deaths.push(reason));
  agents[0].lives++;
  await clock.advance(5_000);
  assertEquals(deaths, ["its agent started again"]);
  await provider.close();
});

Deno.test("an agent that cannot be cleaned is put aside", async () => {
  const { provider, agents, clock } = setUp(1);
  const node = await provider.start(never);
  agents[0].up = false;
  await provider.stop(node);
  await assertRejects(() => provider.start(never), Error, "none of 1");
  agents[0].up = true;
  await clock.advance(1_000);
  assert(await provider.start(never));
  await provider.close();
  assertEquals(clock.pending, 0);
});
