import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { ManualClock, PlatformError, silentLog } from "../base/mod.ts";
import { NodePool } from "./pool.ts";
import { FakeProvider } from "./testing.ts";

async function setUp(options: { warm: number; max: number; refillDelayMs?: number }) {
  const clock = new ManualClock();
  const provider = new FakeProvider();
  const pool = new NodePool({ provider, clock, log: silentLog(clock), refillDelayMs: 0, ...options });
  await clock.advance(0);
  return { clock, provider, pool };
}

function exhausted(run: () => unknown): PlatformError {
  const error = assertThrows(run, PlatformError);
  assertEquals(error.code, "resource_exhausted");
  return error;
}

Deno.test("a pool keeps its warm nodes ready from the start", async () => {
  const { pool } = await setUp({ warm: 3, max: 5 });
  assertEquals(pool.counts(), { ready: 3, held: 0, coming: 0, total: 3 });
});

Deno.test("a reservation is refilled after the delay, not before", async () => {
  const { pool, clock } = await setUp({ warm: 2, max: 5, refillDelayMs: 30_000 });
  pool.reserve("r1", "a");
  await clock.advance(29_999);
  assertEquals(pool.counts(), { ready: 1, held: 1, coming: 0, total: 2 });
  await clock.advance(1);
  assertEquals(pool.counts(), { ready: 2, held: 1, coming: 0, total: 3 });
});

Deno.test("the same request id gives the same node while it is held, and another one afterwards", async () => {
  const { pool, clock } = await setUp({ warm: 2, max: 4 });
  const first = pool.reserve("r1", "a");
  assertEquals(pool.reserve("r1", "a"), first);
  assertEquals(pool.counts().held, 1);
  pool.release(first.nodeId);
  await clock.advance(0);
  assertNotEquals(pool.reserve("r1", "a").nodeId, first.nodeId);
});

Deno.test("nothing ready is said at once, with the time of the next refill", async () => {
  const { pool, clock } = await setUp({ warm: 1, max: 2, refillDelayMs: 30_000 });
  pool.reserve("r1", "a");
  await clock.advance(10_000);
  const error = exhausted(() => pool.reserve("r2", "a"));
  assertEquals(error.retryAfterMs, 20_000);
  assertEquals(error.message, "no node is ready: 1 of 2 held, 0 on their way");
  await clock.advance(20_000);
  pool.reserve("r2", "a");
  await clock.advance(60_000);
  const last = exhausted(() => pool.reserve("r3", "a"));
  assertEquals(last.retryAfterMs, undefined, "all nodes are held: no refill will help");
});

Deno.test("a pool without warm nodes starts one when somebody asks", async () => {
  const { pool, clock } = await setUp({ warm: 0, max: 2 });
  assertEquals(pool.counts().total, 0);
  assertEquals(exhausted(() => pool.reserve("r1", "a")).retryAfterMs, 1);
  await clock.advance(1);
  pool.reserve("r1", "a");
  await clock.advance(60_000);
  assertEquals(pool.counts(), { ready: 0, held: 1, coming: 0, total: 1 });
});

Deno.test("a node on its way is announced with a short pause", async () => {
  const { pool, clock, provider } = await setUp({ warm: 1, max: 2 });
  provider.hold = true;
  pool.reserve("r1", "a");
  await clock.advance(0);
  assertEquals(exhausted(() => pool.reserve("r2", "a")).retryAfterMs, 200);
});

Deno.test("a released node comes back clean under another id; twice is once", async () => {
  const { pool, clock, provider } = await setUp({ warm: 1, max: 1, refillDelayMs: 5_000 });
  const { nodeId } = pool.reserve("r1", "a");
  pool.release(nodeId);
  pool.release(nodeId);
  pool.release("nobody");
  assertEquals(provider.recycled, [nodeId]);
  await clock.advance(0);
  assertEquals(exhausted(() => pool.reserve("r2", "a")).retryAfterMs, 5_000);
  await clock.advance(5_000);
  const second = pool.reserve("r2", "a");
  assertNotEquals(second.nodeId, nodeId);
  pool.release(nodeId);
  assertEquals(pool.counts().held, 1, "a late release of the old life does not meet the new one");
});

Deno.test("what is released beyond the warm nodes is stopped", async () => {
  const { pool, clock, provider } = await setUp({ warm: 1, max: 3 });
  const first = pool.reserve("r1", "a");
  await clock.advance(0);
  pool.release(first.nodeId);
  await clock.advance(0);
  assertEquals(provider.stopped, [first.nodeId]);
  assertEquals(pool.counts(), { ready: 1, held: 0, coming: 0, total: 1 });
});

Deno.test("a dead node is written off and replaced, held or not", async () => {
  const { pool, clock, provider } = await setUp({ warm: 1, max: 2 });
  const held = pool.reserve("r1", "a");
  await clock.advance(0);
  const [ready] = [...provider.alive.keys()].filter((id) => id !== held.nodeId);
  provider.kill(ready);
  provider.kill(held.nodeId);
  assertEquals(pool.counts().total, 0);
  assertEquals(pool.usage().map((lease) => [lease.nodeId, lease.releasedAtMs > 0]), [[held.nodeId, true]]);
  await clock.advance(1_000);
  assertEquals(pool.counts().ready, 1);
});

Deno.test("starts that fail are tried again, with longer and longer pauses", async () => {
  const clock = new ManualClock();
  const provider = new FakeProvider();
  provider.failStarts = 1_000;
  const pool = new NodePool({ provider, clock, log: silentLog(clock), warm: 1, max: 1, refillDelayMs: 0 });
  await clock.advance(120_000);
  assertEquals(provider.starts, 11);
  provider.failStarts = 0;
  assertEquals(exhausted(() => pool.reserve("r1", "a")).retryAfterMs! <= 30_000, true);
  await clock.advance(30_000);
  pool.reserve("r1", "a");
});

Deno.test("usage tells both times, for a bounded number of released nodes", async () => {
  const { pool, clock } = await setUp({ warm: 1, max: 2 });
  for (let i = 0; i < 1_010; i++) {
    const { nodeId } = pool.reserve(`r${i}`, "a");
    await clock.advance(10);
    pool.release(nodeId);
    await clock.advance(0);
  }
  const held = pool.reserve("last", "a");
  const usage = pool.usage();
  assertEquals(usage[0], held);
  assertEquals(usage.length, 1_001);
  for (const { reservedAtMs, releasedAtMs } of usage.slice(1)) assertEquals(releasedAtMs, reservedAtMs + 10);
});

Deno.test("a node that is in use already is held from the start and can be released", async () => {
  const clock = new ManualClock();
  const provider = new FakeProvider();
  provider.inUse = true;
  const pool = new NodePool({ provider, clock, log: silentLog(clock), warm: 1, max: 1, refillDelayMs: 0 });
  await clock.advance(0);
  assertEquals(pool.usage().map((lease) => lease.releasedAtMs), [0]);
  provider.inUse = false;
  pool.release(pool.usage()[0].nodeId);
  await clock.advance(0);
  assertEquals(pool.counts(), { ready: 1, held: 0, coming: 0, total: 1 });
});

Deno.test("a closed pool stops its nodes, leaves no timer and hands nothing out", async () => {
  const { pool, clock, provider } = await setUp({ warm: 2, max: 4, refillDelayMs: 1_000 });
  const { nodeId } = pool.reserve("r1", "a");
  await pool.close();
  pool.release(nodeId);
  assertEquals([provider.closed, clock.pending, pool.counts().total], [true, 0, 0]);
  assertEquals(assertThrows(() => pool.reserve("r2", "a"), PlatformError).code, "unavailable");
});
