import { assert, assertEquals } from "@std/assert";
import { isRetryable, PlatformError, seededRandom } from "../../base/mod.ts";
import { ErrorCode } from "../http2/mod.ts";
import { errorOf } from "../testing.ts";
import { pauseAfter } from "./backoff.ts";
import { PAUSE_MS, PAUSE_MS_MAX, WAITING_CALLS_MAX } from "./limits.ts";
import { answerAcquire, fakeChannel, settle } from "./testing.ts";

const REFUSED = new PlatformError("unavailable", "peer:1 cannot be reached: connect ECONNREFUSED");
const LOST = new PlatformError("unavailable", "the connection to peer:1 was lost: the peer hung up");

Deno.test("the first call opens the connection, and calls begin in order once it is ready", async () => {
  const { links, acquire } = fakeChannel();
  const calls = [acquire("a"), acquire("b")];
  assertEquals(links.length, 1);
  assertEquals(links[0].streams.length, 0);
  links[0].events.onReady();
  calls.push(acquire("c"));
  links[0].streams.forEach((stream, index) => answerAcquire(stream, `container ${index}`));
  assertEquals(await Promise.all(calls), ["container 0", "container 1", "container 2"]);
  assertEquals(links.length, 1);
});

Deno.test("calls wait in order for a stream where the peer allows no more of them", async () => {
  const { links, acquire } = fakeChannel();
  const calls = ["a", "b", "c", "d"].map((id) => acquire(id));
  const [link] = links;
  link.capacity = 2;
  link.events.onReady();
  assertEquals(link.streams.length, 2);
  answerAcquire(link.streams[0], "first");
  link.events.onCapacity();
  assertEquals(link.streams.length, 3);
  // One that comes later does not overtake.
  calls.push(acquire("e"));
  assertEquals(link.streams.length, 3);
  link.capacity = 10;
  link.events.onCapacity();
  assertEquals(link.streams.length, 5);
  const ids = link.streams.map(({ sent }) => String.fromCharCode(sent[0].at(-1)!));
  assertEquals(ids, ["a", "b", "c", "d", "e"]);
  for (const stream of link.streams.slice(1)) answerAcquire(stream, "later");
  assertEquals(await Promise.all(calls), ["first", "later", "later", "later", "later"]);
});

Deno.test("a failed attempt fails who waits for it; the next call waits for a pause and tries again", async () => {
  const { links, clock, acquire } = fakeChannel();
  const waiting = [errorOf(acquire("a"), PlatformError), errorOf(acquire("b"), PlatformError)];
  links[0].events.onEnd(REFUSED);
  for (const error of await Promise.all(waiting)) assertEquals(error.message, REFUSED.message);
  const next = acquire("c");
  assertEquals(links.length, 1);
  await clock.advance(PAUSE_MS);
  assertEquals(links.length, 2);
  links[1].events.onReady();
  answerAcquire(links[1].streams[0], "c");
  assertEquals(await next, "c");
  assertEquals(clock.pending, 0);
});

Deno.test("nobody connects to a peer that nobody calls", async () => {
  const { links, clock, acquire } = fakeChannel();
  const call = errorOf(acquire("a"), PlatformError);
  links[0].events.onEnd(REFUSED);
  await call;
  await clock.advance(60_000);
  assertEquals(links.length, 1);
  acquire("b").catch(() => {});
  assertEquals(links.length, 2);
});

Deno.test("a call whose deadline comes before the next attempt fails at once, with the reason", async () => {
  const { links, clock, acquire } = fakeChannel();
  const call = errorOf(acquire("a"), PlatformError);
  links[0].events.onEnd(REFUSED);
  await call;
  const error = await errorOf(acquire("b", { timeoutMs: 5 }), PlatformError);
  assertEquals([error.code, error.message], ["unavailable", REFUSED.message]);
  await clock.advance(PAUSE_MS);
});

Deno.test("pauses double up to their bound, each a random half to the whole", () => {
  const random = seededRandom(7);
  for (let failures = 1; failures < 50; failures++) {
    const wholeMs = Math.min(PAUSE_MS_MAX, PAUSE_MS * 2 ** (failures - 1));
    const pauseMs = pauseAfter(failures, random);
    assert(pauseMs >= wholeMs / 2 && pauseMs <= wholeMs, `${failures} failures: ${pauseMs} ms`);
  }
});

Deno.test("a refused stream is tried once more, and then the call is unavailable", async () => {
  const { links, acquire } = fakeChannel();
  const call = errorOf(acquire("a"), PlatformError);
  const [link] = links;
  link.events.onReady();
  link.streams[0].closed = true;
  link.streams[0].receiver.onReset(ErrorCode.REFUSED_STREAM, "");
  await settle();
  assertEquals(link.streams.length, 2);
  assertEquals(link.streams[1].sent, link.streams[0].sent);
  link.streams[1].closed = true;
  link.streams[1].receiver.onReset(ErrorCode.REFUSED_STREAM, "");
  const error = await call;
  assertEquals(error.code, "unavailable");
  assert(isRetryable(error));
});

Deno.test("after a goodbye, what was not begun goes to a new connection, and what was goes on", async () => {
  const { links, acquire } = fakeChannel();
  const calls = [acquire("a"), acquire("b")];
  links[0].events.onReady();
  links[0].goodbye(3, ErrorCode.REFUSED_STREAM);
  await settle();
  assertEquals(links.length, 2);
  links[1].events.onReady();
  answerAcquire(links[1].streams[0], "new");
  answerAcquire(links[0].streams[0], "old");
  assertEquals(await Promise.all(calls), ["old", "new"]);
  // The old connection's end is nobody's loss.
  links[0].events.onEnd(LOST);
  const more = acquire("c");
  answerAcquire(links[1].streams[1], "c");
  assertEquals(await more, "c");
});

Deno.test("a lost connection fails the calls on it; those in line go to the next, at once", async () => {
  const { links, acquire } = fakeChannel();
  const begun = errorOf(acquire("a"), PlatformError);
  const inLine = acquire("b");
  links[0].capacity = 1;
  links[0].events.onReady();
  links[0].close(LOST);
  const error = await begun;
  assertEquals([error.code, error.message], ["unavailable", LOST.message]);
  assertEquals(links.length, 2);
  links[1].events.onReady();
  answerAcquire(links[1].streams[0], "b");
  assertEquals(await inLine, "b");
});

Deno.test("a peer that hangs up on every fresh connection is not called in a loop", async () => {
  const { links, clock, acquire } = fakeChannel();
  for (let turn = 1; turn <= 8; turn++) {
    const call = errorOf(acquire("a"), PlatformError);
    await clock.advance(PAUSE_MS_MAX);
    assertEquals(links.length, turn);
    const link = links[turn - 1];
    link.capacity = 0;
    link.events.onReady();
    link.goodbye(1, ErrorCode.REFUSED_STREAM);
    link.events.onEnd(LOST);
    assertEquals((await call).code, "unavailable");
  }
});

Deno.test("a deadline that passes in line ends the call, and what is in line stays in order", async () => {
  const { links, clock, acquire } = fakeChannel();
  const late = errorOf(acquire("a", { timeoutMs: 50 }), PlatformError);
  const call = acquire("b", { timeoutMs: 5_000 });
  await clock.advance(100);
  const error = await late;
  assertEquals(error.code, "deadline_exceeded");
  assertEquals(error.message, "no connection to peer:1 had a free stream within 50 ms");
  links[0].events.onReady();
  assertEquals(links[0].streams.length, 1);
  assertEquals(links[0].streams[0].fields.slice(-2), ["grpc-timeout", "4900m"]);
  answerAcquire(links[0].streams[0], "b");
  assertEquals(await call, "b");
});

Deno.test("a deadline that passes on the stream resets it", async () => {
  const { links, clock, acquire } = fakeChannel();
  const call = errorOf(acquire("a", { timeoutMs: 50 }), PlatformError);
  links[0].events.onReady();
  await clock.advance(100);
  const error = await call;
  assertEquals([error.code, error.message], ["deadline_exceeded", "peer:1 did not answer within 50 ms"]);
  assertEquals(links[0].streams[0].resetWith, ErrorCode.CANCEL);
});

Deno.test("an aborted signal ends the call wherever it is, with the signal's reason", async () => {
  const { links, acquire } = fakeChannel();
  const early = await errorOf(acquire("a", { signal: AbortSignal.abort() }), PlatformError);
  assertEquals([early.code, links.length], ["cancelled", 0]);
  const leaving = new AbortController();
  const inLine = errorOf(acquire("b", { signal: leaving.signal }), PlatformError);
  leaving.abort(new PlatformError("aborted", "enough"));
  assertEquals((await inLine).message, "enough");
  links[0].events.onReady();
  assertEquals(links[0].streams.length, 0);
  const stopping = new AbortController();
  const begun = errorOf(acquire("c", { signal: stopping.signal }), PlatformError);
  stopping.abort(new DOMException("too slow", "TimeoutError"));
  assertEquals((await begun).code, "deadline_exceeded");
  assertEquals(links[0].streams[0].resetWith, ErrorCode.CANCEL);
});

Deno.test("the line has an end", async () => {
  const { channel, acquire } = fakeChannel();
  const calls = Array.from({ length: WAITING_CALLS_MAX }, () => acquire("a").catch(() => "closed"));
  const error = await errorOf(acquire("one more"), PlatformError);
  assertEquals(error.code, "resource_exhausted");
  channel.close(LOST);
  assertEquals(new Set(await Promise.all(calls)), new Set(["closed"]));
});

Deno.test("closing ends all: calls in line, calls under way, and those that come later", async () => {
  const { channel, clock, links, acquire } = fakeChannel();
  const gone = new PlatformError("unavailable", "closed here");
  const failed = (call: Promise<unknown>) => errorOf(call, PlatformError);
  const calls = [failed(acquire("a", { timeoutMs: 1_000 })), failed(acquire("b")), failed(acquire("c"))];
  links[0].capacity = 2;
  links[0].events.onReady();
  links[0].goodbye(3, ErrorCode.REFUSED_STREAM);
  await settle();
  links[1].capacity = 1;
  links[1].events.onReady();
  channel.close(gone);
  for (const call of [...calls, failed(acquire("d"))]) assertEquals(await call, gone);
  assertEquals(links.length, 2);
  assertEquals(clock.pending, 0);
});
