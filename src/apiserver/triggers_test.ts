import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { type FetchInput, type Invocation, PlatformError, seededRandom, silentLog, systemClock } from "../base/mod.ts";
import { Invoker } from "./invoker.ts";
import {
  chunksOf,
  endless,
  failed,
  GRANT,
  registryOfOne,
  replyOf,
  type Run,
  TestNodes,
  TestScheduler,
  textOf,
} from "./testing.ts";
import { createTriggers, type TriggerParts } from "./triggers.ts";

function setUp(run: Run, options: Partial<TriggerParts> = {}) {
  const clock = systemClock;
  const scheduler = new TestScheduler();
  const nodes = new TestNodes(run);
  const log = silentLog(clock);
  const invoker = new Invoker({ registry: registryOfOne, scheduler, nodes, clock, random: seededRandom(1), log });
  const app = createTriggers({ invoker, log, ...options });
  const call = async (path: string, init: RequestInit & { duplex?: "half" } = {}) =>
    await app.fetch(new Request(`http://faas.test:10500${path}`, init));
  return { scheduler, nodes, call, app };
}

const fetched = (invocation: Invocation) => invocation as Invocation & FetchInput;

Deno.test("the function sees method, path, query, headers and body; the caller status, headers and body", async () => {
  let body = "";
  const { scheduler, nodes, call } = setUp(async (invocation) => {
    body = await textOf(fetched(invocation).body!);
    return replyOf({
      status: 201,
      headers: [["x-a", "1"], ["set-cookie", "a"], ["set-cookie", "b"]],
      body: chunksOf("hi"),
    });
  });
  const response = await call("/fn/hello/a%20b/c?x=1&y=%2F", { method: "PUT", body: "in", headers: { "x-in": "v" } });
  assertEquals([response.status, await response.text(), body], [201, "hi", "in"]);
  assertEquals([response.headers.get("x-a"), response.headers.getSetCookie()], ["1", ["a", "b"]]);
  const seen = fetched(nodes.invoked[0]);
  assertEquals([seen.method, seen.url], ["PUT", "http://faas.test:10500/a%20b/c?x=1&y=%2F"]);
  const headers = new Map(seen.headers);
  assertEquals(headers.get("x-in"), "v");
  assertEquals(headers.get("x-forwarded-prefix"), "/fn/hello");
  assertEquals(headers.get("x-forwarded-host"), "faas.test:10500");
  assertEquals(headers.get("x-forwarded-proto"), "http");
  assertEquals(headers.get("x-minifaas-request-id"), seen.requestId);
  assertEquals(response.headers.get("x-minifaas-request-id"), seen.requestId);
  assertEquals((await scheduler.allReleased()).map((lease) => lease.errorCode), [""]);
});

for (
  const [path, seen] of [["/fn/hello", "/"], ["/fn/hello?a=1", "/?a=1"], ["/fn/hello/", "/"], [
    "/fn/hello/fn/x",
    "/fn/x",
  ]]
) {
  Deno.test(`${path} is ${seen} for the function`, async () => {
    const { nodes, call } = setUp(() => replyOf());
    await (await call(path)).text();
    assertEquals(fetched(nodes.invoked[0]).url, `http://faas.test:10500${seen}`);
  });
}

Deno.test("every method comes through, those HTTP does not know too", async () => {
  for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PURGE"]) {
    const { nodes, call } = setUp(() => replyOf());
    await (await call("/fn/hello", { method })).text();
    assertEquals(fetched(nodes.invoked[0]).method, method);
    assertEquals(fetched(nodes.invoked[0]).body, undefined);
  }
});

Deno.test("headers of one connection go no further, nor does what a caller claims of its way here", async () => {
  const { nodes, call } = setUp(
    () => replyOf({ headers: [["Connection", "x-mine"], ["x-mine", "1"], ["keep-alive", "5"], ["x-b", "2"]] }),
    { remoteAddress: () => "10.0.0.9", isPlatformCredential: (value) => value === "Bearer platform" },
  );
  const headers = {
    connection: "x-hop, close",
    "x-hop": "1",
    "proxy-authorization": "p",
    "x-forwarded-host": "evil",
    "x-forwarded-for": "1.2.3.4",
    "x-minifaas-request-id": "mine",
    authorization: "Bearer platform",
    "x-minifaas-account": "default",
  };
  const response = await call("/fn/hello", { headers });
  await response.text();
  const seen = new Map(fetched(nodes.invoked[0]).headers);
  const absent = ["connection", "x-hop", "proxy-authorization", "authorization", "x-minifaas-account"];
  assertEquals(absent.filter((name) => seen.has(name)), []);
  assertEquals([seen.get("x-forwarded-host"), seen.get("x-forwarded-for")], ["faas.test:10500", "1.2.3.4, 10.0.0.9"]);
  assertEquals(seen.get("x-minifaas-request-id"), nodes.invoked[0].requestId);
  assertEquals(["x-mine", "keep-alive", "x-b"].map((name) => response.headers.get(name)), [null, null, "2"]);
});

Deno.test("a function's own authorization reaches it", async () => {
  const { nodes, call } = setUp(() => replyOf(), { isPlatformCredential: (value) => value === "Bearer platform" });
  await (await call("/fn/hello", { headers: { authorization: "Bearer own" } })).text();
  assertEquals(new Map(fetched(nodes.invoked[0]).headers).get("authorization"), "Bearer own");
});

Deno.test("bodies stream both ways: the first bytes are back before the request has ended", async () => {
  const { call } = setUp((invocation) => replyOf({ body: fetched(invocation).body }));
  const { readable, writable } = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>();
  const writer = writable.getWriter();
  const response = await call("/fn/hello", { method: "POST", body: readable, duplex: "half" });
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  for (const text of ["one", "two"]) {
    await Promise.all([
      writer.write(new TextEncoder().encode(text)),
      reader.read().then(({ value }) => assertEquals(value, text)),
    ]);
  }
  await writer.close();
  assertEquals((await reader.read()).done, true);
});

Deno.test("Server-Timing tells a warm run from a cold start, beside the function's own", async () => {
  const { scheduler, call } = setUp(() => replyOf({ headers: [["server-timing", "db;dur=1"]] }));
  const warm = await call("/fn/hello");
  await warm.text();
  assertEquals(
    warm.headers.get("server-timing")!.replaceAll(/queue;dur=[\d.]+|run;dur=[\d.]+/g, (match) => match.split("=")[0]),
    "db;dur=1, queue;dur, run;dur",
  );
  scheduler.onAcquire = () => ({
    ...GRANT,
    coldStart: { reserveNodeMs: 1, createMs: 30.5, bootMs: 20, importMs: 8.25 },
  });
  const cold = await call("/fn/hello");
  await cold.text();
  assertStringIncludes(
    cold.headers.get("server-timing")!,
    "queue;dur=0, reserve;dur=1, create;dur=30.5, boot;dur=20, import;dur=8.25, run;dur=",
  );
});

Deno.test("HEAD and empty answers end the run well, unread as they are", async () => {
  for (const [method, status] of [["HEAD", 200], ["GET", 204], ["GET", 304]] as const) {
    const leave = new AbortController();
    const { scheduler, call } = setUp(() => replyOf({ status, body: chunksOf("not", "seen") }));
    const response = await call("/fn/hello", { method, signal: leave.signal });
    assertEquals([response.status, response.body], [status, null]);
    leave.abort(); // as a server does when the response is out
    assertEquals((await scheduler.allReleased())[0].errorCode, "");
  }
});

const REFUSALS: readonly [what: string, path: string, thrown: unknown, status: number, code: string][] = [
  ["an unknown function", "/fn/nope", undefined, 404, "not_found"],
  ["a name that is none", "/fn/No!", undefined, 400, "invalid_argument"],
  [
    "a full queue",
    "/fn/hello",
    new PlatformError("resource_exhausted", "full", { retryAfterMs: 1_200 }),
    429,
    "resource_exhausted",
  ],
  ["no container in time", "/fn/hello", new PlatformError("deadline_exceeded", "late"), 504, "deadline_exceeded"],
  [
    "code that does not load",
    "/fn/hello",
    new PlatformError("failed_precondition", "no", { failure: "import" }),
    502,
    "failed_precondition",
  ],
  ["a bug of ours", "/fn/hello", new TypeError("oops"), 500, "internal"],
];

for (const [what, path, thrown, status, code] of REFUSALS) {
  Deno.test(`${what}: ${status}, one line of JSON, id and timing`, async () => {
    const { scheduler, call } = setUp(() => replyOf());
    if (thrown) scheduler.onAcquire = () => Promise.reject(thrown);
    const response = await call(path);
    assertEquals([response.status, response.headers.get("content-type")], [status, "application/json"]);
    const text = await response.text();
    assertEquals(text.split("\n").length, 2);
    const { code: told, message, requestId, ...rest } = JSON.parse(text);
    assertEquals([told, typeof message, rest], [code, "string", {}]);
    assertEquals(response.headers.get("x-minifaas-request-id"), requestId);
    assertStringIncludes(response.headers.get("server-timing")!, "queue;dur=");
    assertEquals(response.headers.get("retry-after"), status === 429 ? "2" : null);
  });
}

Deno.test("what HTTP cannot carry is told as the function's failure", async () => {
  for (const answer of [{ status: 101 }, { status: 700 }, { headers: [["x y", "1"]] as const }]) {
    const { scheduler, call } = setUp((_, { signal }) => replyOf({ ...answer, body: endless("x", signal!) }));
    const response = await call("/fn/hello");
    assertEquals([response.status, (await response.json()).code], [500, "unknown"]);
    await scheduler.allReleased();
  }
});

Deno.test("a run that fails after its head breaks the stream", async () => {
  const { call } = setUp(() => replyOf({ body: chunksOf("half"), footer: failed("out_of_memory") }));
  const response = await call("/fn/hello");
  assertEquals(response.status, 200);
  await assertRejects(() => response.text(), PlatformError, "it failed");
});

Deno.test("a caller that stops reading, or leaves, cancels the run and gives the lease back", async () => {
  for (const way of ["cancel", "abort"]) {
    const { scheduler, call } = setUp((_, { signal }) =>
      replyOf({ body: endless("first", signal!), footer: failed("cancelled") })
    );
    const leave = new AbortController();
    const response = await call("/fn/hello", { signal: leave.signal });
    const reader = response.body!.getReader();
    assertEquals(new TextDecoder().decode((await reader.read()).value), "first");
    if (way === "cancel") await reader.cancel();
    else {
      leave.abort();
      await assertRejects(() => reader.read());
    }
    assertEquals((await scheduler.allReleased())[0].errorCode, "cancelled");
  }
});

Deno.test("over a socket: a client that hangs up cancels the run", async () => {
  const { scheduler, app } = setUp((_, { signal }) =>
    replyOf({ body: endless("first", signal!), footer: failed("cancelled") })
  );
  const server = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen: () => {} }, (request) => app.fetch(request));
  const leave = new AbortController();
  const response = await fetch(`http://127.0.0.1:${server.addr.port}/fn/hello`, { signal: leave.signal });
  const reader = response.body!.getReader();
  await reader.read();
  leave.abort();
  await assertRejects(() => reader.read());
  assertEquals((await scheduler.allReleased())[0].errorCode, "cancelled");
  await server.shutdown();
});
