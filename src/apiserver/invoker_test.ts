import { assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import {
  assert,
  type Clock,
  type FailureKind,
  type Invocation,
  ManualClock,
  PlatformError,
  seededRandom,
  silentLog,
  systemClock,
} from "../base/mod.ts";
import { statusOf } from "./failures.ts";
import { Invoker, type InvokeRequest } from "./invoker.ts";
import {
  chunksOf,
  endless,
  failed,
  GRANT,
  NAME,
  registryOfOne,
  replyOf,
  type Run,
  TestNodes,
  TestScheduler,
  textOf,
} from "./testing.ts";

const EVENT: InvokeRequest = { ...NAME, input: { kind: "event", event: new Uint8Array([1]) } };

function setUp(run: Run = () => replyOf({ body: chunksOf("hi") }), clock: Clock = systemClock) {
  const scheduler = new TestScheduler();
  const nodes = new TestNodes(run);
  const parts = { registry: registryOfOne, scheduler, nodes, clock, random: seededRandom(1), log: silentLog(clock) };
  return { scheduler, nodes, invoker: new Invoker(parts) };
}

async function refusal(promise: Promise<unknown>): Promise<PlatformError> {
  return await assertRejects(() => promise, PlatformError);
}

const refused = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });
const gone = () => Promise.reject(new PlatformError("unavailable", "connection refused", { cause: refused }));

Deno.test("a run that goes well: the container is told the id of the lease, which is given back with its figures", async () => {
  const { scheduler, nodes, invoker } = setUp();
  const call = invoker.start(EVENT);
  assertEquals(await textOf((await call.answer).body), "hi");
  assertEquals(nodes.invoked.map((run) => [run.requestId, run.containerId, run.timeoutMs]), [
    [call.requestId, "c1", 1_000],
  ]);
  assertEquals(await scheduler.allReleased(), [{
    requestId: call.requestId,
    containerId: "c1",
    durationNanos: 5_000_000,
    maxMemoryBytes: 1_000,
    errorCode: "",
    errorMessage: "",
  }]);
  assertEquals([invoker.stats.inFlight, invoker.stats.invocations, invoker.stats.failed], [0, 1, 0]);
});

Deno.test("a function that is not there acquires nothing", async () => {
  const { scheduler, invoker } = setUp();
  const error = await refusal(invoker.start({ ...EVENT, functionName: "nope" }).answer);
  assertEquals([error.code, scheduler.acquired.length, invoker.stats.inFlight], ["not_found", 0, 0]);
});

const KINDS: readonly [FailureKind, code: string, status: number][] = [
  ["exception", "unknown", 500],
  ["import", "failed_precondition", 502],
  ["timeout", "deadline_exceeded", 504],
  ["out_of_memory", "resource_exhausted", 502],
  ["output_limit", "resource_exhausted", 502],
  ["crash", "internal", 502],
  ["unavailable", "unavailable", 503],
  ["cancelled", "cancelled", 499],
];

for (const [kind, code, status] of KINDS) {
  Deno.test(`failure ${kind} before the head: ${code}, over HTTP ${status}, and the scheduler is told`, async () => {
    const { scheduler, invoker } = setUp(() => replyOf({ head: false, footer: failed(kind) }));
    const error = await refusal(invoker.start(EVENT).answer);
    assertEquals([error.code, error.failure, error.message, statusOf(error)], [code, kind, "it failed", status]);
    const [released] = await scheduler.allReleased();
    assertEquals([released.errorCode, released.errorMessage], [kind, "it failed"]);
    assertEquals([scheduler.released.length, scheduler.acquired.length, invoker.stats.inFlight], [1, 1, 0]);
  });
}

Deno.test("a run that fails after its head breaks the body", async () => {
  const { scheduler, invoker } = setUp(() => replyOf({ body: chunksOf("hal"), footer: failed("crash") }));
  const answer = await invoker.start(EVENT).answer;
  const error = await refusal(textOf(answer.body));
  assertEquals([error.failure, (await scheduler.allReleased())[0].errorCode], ["crash", "crash"]);
  assertEquals(invoker.stats.failed, 1);
});

Deno.test("a container that was gone before it was reached: another one, under an id of its own", async () => {
  let tries = 0;
  const { scheduler, nodes, invoker } = setUp(() => ++tries < 3 ? gone() : replyOf({ body: chunksOf("hi") }));
  const call = invoker.start(EVENT);
  assertEquals(await textOf((await call.answer).body), "hi");
  const ids = [call.requestId, `${call.requestId}-2`, `${call.requestId}-3`];
  assertEquals(nodes.invoked.map((run) => run.requestId), ids);
  const released = await scheduler.allReleased(3);
  assertEquals(released.map((lease) => [lease.requestId, lease.errorCode]), [
    [ids[0], "unavailable"],
    [ids[1], "unavailable"],
    [ids[2], ""],
  ]);
  assertEquals(invoker.stats.moved, 2);
});

Deno.test("where every container turns out to be gone it is tried ever more slowly, until the deadline", async () => {
  const clock = new ManualClock();
  const missing = () => Promise.reject(new PlatformError("not_found", "no container c1"));
  const { scheduler, nodes, invoker } = setUp(missing, clock);
  const answer = refusal(invoker.start({ ...EVENT, timeoutMs: 5_000 }).answer);
  while (nodes.invoked.length < 4) await Promise.resolve();
  for (let ms = 0; ms < 6_000; ms += 10) await clock.advance(10);
  const error = await answer;
  assertEquals([error.code, error.failure, error.message], ["unavailable", "unavailable", "no container c1"]);
  const tries = nodes.invoked.length;
  assert(tries > 8 && tries < 30, `${tries} tries`);
  assertEquals((await scheduler.allReleased(tries)).length, tries);
});

Deno.test("a container that takes no further invocation: another one", async () => {
  let tries = 0;
  const full = new PlatformError("unavailable", "Container c1 takes no more", { failure: "unavailable" });
  const { invoker } = setUp(() => ++tries < 2 ? Promise.reject(full) : replyOf({ body: chunksOf("hi") }));
  assertEquals(await textOf((await invoker.start(EVENT).answer).body), "hi");
  assertEquals(invoker.stats.moved, 1);
});

Deno.test("a connection that breaks during the run is no reason to run it twice", async () => {
  const { scheduler, nodes, invoker } = setUp(() => Promise.reject(new PlatformError("unavailable", "reset")));
  const error = await refusal(invoker.start(EVENT).answer);
  assertEquals([error.code, nodes.invoked.length], ["unavailable", 1]);
  assertEquals((await scheduler.allReleased()).map((lease) => lease.errorCode), ["unavailable"]);
});

Deno.test("a request whose body was read is not begun again", async () => {
  const { scheduler, invoker } = setUp(async (invocation) => {
    assert(invocation.kind === "fetch", "as it was sent");
    await invocation.body![Symbol.asyncIterator]().next();
    return gone();
  });
  const input = { kind: "fetch" as const, method: "POST", url: "http://x/", headers: [], body: chunksOf("a") };
  assertEquals((await refusal(invoker.start({ ...NAME, input }).answer)).code, "unavailable");
  assertEquals((await scheduler.allReleased()).length, 1);
});

Deno.test("while the scheduler is away it is asked again under the same id", async () => {
  const clock = new ManualClock();
  const { scheduler, invoker } = setUp(undefined, clock);
  scheduler.onAcquire = () => scheduler.acquired.length < 4 ? Promise.reject(away()) : GRANT;
  const call = invoker.start(EVENT);
  await clock.advance(5_000);
  await textOf((await call.answer).body);
  assertEquals(scheduler.acquired, Array(4).fill(call.requestId));
  assertEquals(clock.pending, 0, "no timer is left");
});

Deno.test("an acquire of the same id that is under way is waited for as long as the scheduler says", async () => {
  const clock = new ManualClock();
  const { scheduler, invoker } = setUp(undefined, clock);
  const aborted = new PlatformError("aborted", "under way", { retryAfterMs: 300 });
  scheduler.onAcquire = () => scheduler.acquired.length === 1 ? Promise.reject(aborted) : GRANT;
  const call = invoker.start(EVENT);
  await clock.advance(299);
  assertEquals(scheduler.acquired.length, 1);
  await clock.advance(1);
  await textOf((await call.answer).body);
});

Deno.test("a scheduler that stays away: unavailable when the wait is over, or the caller's time", async () => {
  for (const [timeoutMs, waitMs] of [[undefined, 60_000], [500, 500]] as const) {
    const clock = new ManualClock();
    const { scheduler, invoker } = setUp(undefined, clock);
    scheduler.onAcquire = (_, options) => {
      assert(options.timeoutMs! <= waitMs, "no longer than the caller waits");
      return Promise.reject(away());
    };
    const answer = refusal(invoker.start({ ...EVENT, timeoutMs }).answer);
    await clock.advance(waitMs);
    assertEquals((await answer).code, "unavailable");
    assertEquals(clock.pending, 0);
  }
});

Deno.test("a full queue is told at once, with its delay", async () => {
  const { scheduler, invoker } = setUp();
  const full = new PlatformError("resource_exhausted", "The queue is full", { retryAfterMs: 1_500 });
  scheduler.onAcquire = () => Promise.reject(full);
  const error = await refusal(invoker.start(EVENT).answer);
  assertEquals([error.code, error.retryAfterMs, statusOf(error)], ["resource_exhausted", 1_500, 429]);
});

Deno.test("a caller that leaves while it waits: the grant that comes after all is given back", async () => {
  const { scheduler, nodes, invoker } = setUp();
  const granted = Promise.withResolvers<typeof GRANT>();
  scheduler.onAcquire = () => granted.promise;
  const leave = new AbortController();
  const call = invoker.start({ ...EVENT, signal: leave.signal });
  leave.abort();
  assertEquals((await refusal(call.answer)).code, "cancelled");
  granted.resolve(GRANT);
  const [released] = await scheduler.allReleased();
  assertEquals([released.requestId, released.errorCode], [call.requestId, "cancelled"]);
  assertEquals(nodes.invoked.length, 0);
});

Deno.test("a caller that leaves during the run cancels it; the lease ends when the node says so", async () => {
  const footer = Promise.withResolvers<ReturnType<typeof failed>>();
  const cancelled = Promise.withResolvers<void>();
  const { scheduler, invoker } = setUp((_, { signal }) => {
    signal!.addEventListener("abort", () => cancelled.resolve());
    return { head: { status: 200, headers: [] }, body: endless("a", signal!), footer: footer.promise };
  });
  const leave = new AbortController();
  const answer = await invoker.start({ ...EVENT, signal: leave.signal }).answer;
  const reading = refusal(textOf(answer.body));
  leave.abort();
  assertEquals((await reading).code, "cancelled");
  await cancelled.promise;
  assertEquals(scheduler.released.length, 0);
  footer.resolve(failed("cancelled"));
  assertEquals((await scheduler.allReleased())[0].errorCode, "cancelled");
});

Deno.test("a body that is not read to its end cancels the run", async () => {
  const { scheduler, invoker } = setUp((_, { signal }) =>
    replyOf({ body: endless("a", signal!), footer: failed("cancelled") })
  );
  const answer = await invoker.start(EVENT).answer;
  for await (const _ of answer.body) break;
  assertEquals((await scheduler.allReleased()).map((lease) => lease.errorCode), ["cancelled"]);
});

Deno.test("a caller's deadline ends the wait for the answer", async () => {
  const clock = new ManualClock();
  const { scheduler, invoker } = setUp(
    (_, { signal }) =>
      new Promise((resolve) => {
        const footer = failed("cancelled");
        signal!.addEventListener("abort", () => resolve(replyOf({ head: false, footer })));
      }),
    clock,
  );
  const answer = refusal(invoker.start({ ...EVENT, timeoutMs: 100 }).answer);
  await clock.advance(100);
  assertEquals((await answer).code, "deadline_exceeded");
  assertEquals((await scheduler.allReleased())[0].errorCode, "cancelled");
});

Deno.test("a node that never answers loses the lease, and the caller is told", async () => {
  const clock = new ManualClock();
  const { scheduler, invoker } = setUp(() => new Promise(() => {}), clock);
  const answer = refusal(invoker.start(EVENT).answer);
  await clock.advance(5_999);
  assertEquals(scheduler.released.length, 0);
  await clock.advance(1);
  assertEquals((await answer).failure, "timeout");
  const [released] = await scheduler.allReleased();
  assertEquals([released.errorCode, released.durationNanos], ["timeout", 6_000_000_000]);
  assertEquals(clock.pending, 0);
});

Deno.test("a node that owes the footer after the caller left loses the lease too", async () => {
  const clock = new ManualClock();
  const footer = new Promise<never>(() => {});
  const { scheduler, invoker } = setUp(
    (_, { signal }) => ({ head: { status: 200, headers: [] }, body: endless("a", signal!), footer }),
    clock,
  );
  const leave = new AbortController();
  const answer = await invoker.start({ ...EVENT, signal: leave.signal }).answer;
  const reading = refusal(textOf(answer.body));
  leave.abort();
  await reading;
  await clock.advance(5_000);
  assertEquals((await scheduler.allReleased()).length, 1);
  assertEquals([clock.pending, invoker.stats.inFlight], [0, 0]);
});

Deno.test("a release that cannot get through delays nobody and is tried again", async () => {
  const clock = new ManualClock();
  const { scheduler, invoker } = setUp(undefined, clock);
  let tries = 0;
  scheduler.onRelease = () => ++tries <= 3 ? Promise.reject(away()) : undefined;
  assertEquals(await textOf((await invoker.start(EVENT).answer).body), "hi");
  assertEquals(scheduler.released.length, 0);
  assertEquals(invoker.stats.releases.pending, 1);
  await clock.advance(10_000);
  await invoker.idle();
  assertEquals([scheduler.released.length, invoker.stats.releases], [1, { pending: 0, retried: 3, dropped: 0 }]);
});

Deno.test("a release that never gets through is given up and counted", async () => {
  const clock = new ManualClock();
  const { scheduler, invoker } = setUp(undefined, clock);
  scheduler.onRelease = () => Promise.reject(away());
  await textOf((await invoker.start(EVENT).answer).body);
  await clock.advance(61_000);
  assertEquals([invoker.stats.releases.pending, invoker.stats.releases.dropped, clock.pending], [0, 1, 0]);
});

Deno.test("thousands are in flight at once", async () => {
  const waiting: (() => void)[] = [];
  const { scheduler, invoker } = setUp((invocation: Invocation) =>
    new Promise((resolve) => waiting.push(() => resolve(replyOf({ body: chunksOf(invocation.requestId) }))))
  );
  const calls = Array.from({ length: 5_000 }, () => invoker.start(EVENT));
  while (waiting.length < calls.length) await Promise.resolve();
  assertEquals(invoker.stats.inFlight, 5_000);
  for (const answer of waiting) answer();
  await Promise.all(calls.map(async (call) => assertEquals(await textOf((await call.answer).body), call.requestId)));
  assertEquals((await scheduler.allReleased(5_000)).length, 5_000);
  assertEquals(invoker.stats.inFlight, 0);
});

Deno.test("property: however invocations end, each grant is released once", () => {
  const ending = fc.record({
    refuse: fc.integer({ min: 0, max: 3 }),
    head: fc.boolean(),
    kind: fc.constantFrom(undefined, ...KINDS.map(([kind]) => kind)),
    chunks: fc.integer({ min: 0, max: 3 }),
    read: fc.integer({ min: 0, max: 5 }),
    leave: fc.constantFrom("never", "early", "late"),
    releaseFails: fc.integer({ min: 0, max: 2 }),
  });
  return fc.assert(
    fc.asyncProperty(fc.array(ending, { minLength: 1, maxLength: 6 }), async (endings) => {
      const clock = new ManualClock();
      for (const end of endings) {
        let times = 0, releaseFails = end.releaseFails;
        const { scheduler, invoker } = setUp(() => {
          if (times++ < end.refuse) return gone();
          const footer = end.kind ? failed(end.kind) : undefined;
          const body = chunksOf(...Array(end.chunks).fill("x"));
          return replyOf({ head: end.head || !end.kind ? undefined : false, body, footer });
        }, clock);
        scheduler.onRelease = () => releaseFails-- > 0 ? Promise.reject(away()) : undefined;
        const leave = new AbortController();
        if (end.leave === "early") leave.abort();
        const call = invoker.start({ ...EVENT, signal: leave.signal });
        try {
          const chunks = (await call.answer).body[Symbol.asyncIterator]();
          for (let n = 0; n < end.read; n++) if ((await chunks.next()).done) break;
          if (end.leave === "late") leave.abort();
          await chunks.return?.();
        } catch (error) {
          assert(error instanceof PlatformError, String(error));
        }
        await clock.advance(60_000);
        await invoker.idle();
        assertEquals(scheduler.released.map((lease) => lease.requestId).sort(), scheduler.granted.sort());
        assertEquals([invoker.stats.inFlight, clock.pending], [0, 0]);
      }
    }),
    { numRuns: 200 },
  );
});

function away(): PlatformError {
  return new PlatformError("unavailable", "The scheduler is away");
}
