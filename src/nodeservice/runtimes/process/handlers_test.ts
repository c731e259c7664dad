import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { EVENT_BYTES_MAX, MIB, PlatformError } from "../../../base/mod.ts";
import { bytesOf, readReply, until } from "../../testing.ts";
import { requestTo, withRuntime } from "./testing.ts";

Deno.test("a handler gets the event's JSON value, {} for none, and the bytes where they are no JSON", () =>
  withRuntime(async ({ start, send }) => {
    const container = await start(`export const handler = (event, { rawEvent }) =>
      [event instanceof Uint8Array ? [...event] : event, rawEvent.length]`);
    assertEquals((await send(container, { a: [1, "é"] })).body, `[{"a":[1,"é"]},14]`);
    assertEquals((await send(container, 5)).body, "[5,1]");
    assertEquals((await send(container)).body, "[{},0]");
    assertEquals((await send(container, new Uint8Array([0xff, 1]))).body, "[[255,1],2]");
    assertEquals((await send(container, bytesOf("{not json"))).body, "[[123,110,111,116,32,106,115,111,110],9]");
  }));

Deno.test("a handler's context tells of its function and its time", () =>
  withRuntime(async ({ start, send }) => {
    const container = await start(`export const handler = (_, { signal, rawEvent, deadlineMs, ...context }) =>
      ({ ...context, leftMs: deadlineMs - Date.now(), aborted: signal.aborted })`);
    const { requestId, leftMs, ...rest } = JSON.parse((await send(container, {}, { timeoutMs: 5_000 })).body);
    assertEquals(rest, { functionName: "f", version: 1, memoryBytes: 128 * MIB, aborted: false });
    assert(requestId.length > 0 && leftMs > 0 && leftMs <= 5_000);
  }));

Deno.test("what a handler answers becomes bytes with the fitting type", () =>
  withRuntime(async ({ start, send }) => {
    const answers: Record<string, [body: string, type: string | undefined]> = {
      "undefined": ["", undefined],
      "null": ["", undefined],
      "new Uint8Array([104, 105])": ["hi", "application/octet-stream"],
      "'hé'": ["hé", "text/plain;charset=UTF-8"],
      "({ a: 1 })": [`{"a":1}`, "application/json"],
      "false": ["false", "application/json"],
      "Promise.resolve([1])": ["[1]", "application/json"],
      "new Blob(['a', 'b']).stream()": ["ab", "application/octet-stream"],
      "Response.json(1, { status: 201 })": ["1", "application/json"],
    };
    const container = await start(`export const handler = ({ code }) => new Function("return " + code)()`);
    for (const [code, [body, type]] of Object.entries(answers)) {
      const reply = await send(container, { code });
      assertEquals([reply.failure, reply.body, new Headers(reply.headers as [string, string][]).get("content-type")], [
        undefined,
        body,
        type ?? null,
      ], code);
      assertEquals(reply.status, code.startsWith("Response") ? 201 : 200);
    }
    const { failure } = await send(container, { code: "() => 1" });
    assertStringIncludes(failure!.message, "a function cannot be answered");
  }));

Deno.test("an exception is told with its message and its place in the function's code", () =>
  withRuntime(async ({ start, send, lines }) => {
    const container = await start(
      `function inner() {\n  throw new RangeError("too\\nmuch");\n}\nexport const handler = () => inner();`,
    );
    const { failure } = await send(container);
    assertEquals(failure, {
      kind: "exception",
      message: `Function "f" threw RangeError: too much (at inner (bundle.mjs:2:9))`,
    });
    const isLogged = () => lines.some(({ stream, line }) => stream === "stderr" && line.includes("RangeError: too"));
    await until(isLogged, "the log");
    assert(lines.every(({ line }) => !line.includes("harness")), "the log shows the function's own lines only");
    const thrower = await start(`export const handler = ({ what }) => { throw what; }`);
    assertEquals((await send(thrower, { what: "a text" })).failure?.message, `Function "f" threw a text`);
    assertEquals((await send(thrower, {})).failure?.message, `Function "f" threw undefined`);
  }));

Deno.test("a fetch function gets the caller's request", () =>
  withRuntime(async ({ start, fetch }) => {
    const container = await start(`export default { async fetch(request, { requestId }) {
      const headers = [...request.headers];
      return Response.json({ url: request.url, method: request.method, headers, body: await request.text(), requestId },
        { status: 418, headers: { "x-a": "1" } });
    } }`);
    const reply = await fetch(container, {
      method: "PUT",
      url: "https://a.example:8443/p/q?x=1&y=%20",
      headers: [["x-b", "é"], ["cookie", "a=1"], ["host", "a.example"]],
      body: chunks("one ", "two"),
    });
    assertEquals([reply.status, reply.failure], [418, undefined]);
    assertEquals(new Headers(reply.headers as [string, string][]).get("x-a"), "1");
    const { requestId, ...rest } = JSON.parse(reply.body);
    assert(requestId.length > 0);
    assertEquals(rest, {
      url: "https://a.example:8443/p/q?x=1&y=%20",
      method: "PUT",
      headers: [["cookie", "a=1"], ["host", "a.example"], ["x-b", "é"]],
      body: "one two",
    });
  }));

Deno.test("a request with large headers arrives; one with larger ones is refused with a reason", () =>
  withRuntime(async ({ start, fetch }) => {
    const container = await start(`export default { fetch: ({ headers }) => new Response(headers.get("a").length) }`);
    assertEquals((await fetch(container, { headers: [["a", "x".repeat(60_000)]] })).body, "60000");
    assertEquals((await fetch(container, { headers: [["a", "é".repeat(10_000)]] })).body, "10000");
    const { failure } = await fetch(container, { headers: [["a", "x".repeat(70_000)]] });
    assertEquals(
      failure?.message,
      `Function "f" cannot be called: URL and headers of the request are over 65536 bytes`,
    );
    assert(container.usable);
  }));

Deno.test("bodies stream both ways", () =>
  withRuntime(async ({ start }) => {
    const container = await start(`export default { fetch: (request) => new Response(request.body) }`);
    const input = new TransformStream<Uint8Array, Uint8Array>();
    const writer = input.writable.getWriter();
    const invocation = requestTo(container, { method: "POST", body: input.readable });
    const written = writer.write(bytesOf("first"));
    const reply = await container.invoke(invocation, new AbortController().signal);
    const body = reply.body[Symbol.asyncIterator]();
    assertEquals(textOf(await body.next()), "first");
    await written;
    // The second part is written after the first has come back: nothing waits for the end.
    await Promise.all([
      writer.write(bytesOf("second")),
      body.next().then((result) => assertEquals(textOf(result), "second")),
    ]);
    await Promise.all([writer.close(), body.next().then(({ done }) => assertEquals(done, true))]);
    assertEquals((await reply.footer).failure, undefined);
  }));

Deno.test("a slow reader holds the function back", () =>
  withRuntime(async ({ start }) => {
    const container = await start(`let pulled = 0;
      export default { fetch: ({ url }) => url.endsWith("/pulled") ? Response.json(pulled) : new Response(new ReadableStream({
        pull(sink) { pulled++; sink.enqueue(new Uint8Array(65_536)); if (pulled === 1_000) sink.close(); },
      })) }`);
    const reply = await container.invoke(requestTo(container, {}), new AbortController().signal);
    const body = reply.body[Symbol.asyncIterator]();
    await body.next();
    const asked = requestTo(container, { url: "http://f/pulled" });
    const count = async () =>
      Number((await readReply(await container.invoke(asked, new AbortController().signal))).body);
    // It goes on until every buffer on the way is full, and then stands still.
    let before = -1;
    for (let now = await count(); now !== before; now = await count()) {
      before = now;
      for (let i = 0; i < 10; i++) await count();
    }
    assert(before < 200, `${before} chunks were taken`);
    let length = 0;
    for (let next = await body.next(); !next.done; next = await body.next()) length += next.value.length;
    assertEquals((await reply.footer).failure, undefined);
    assert(length > 64_000_000);
  }));

Deno.test("answers without a body have none", () =>
  withRuntime(async ({ start, fetch }) => {
    const container = await start(`export default { fetch: ({ method }) =>
      method === "HEAD" ? new Response("not sent") : new Response(null, { status: 204 }) }`);
    assertEquals((await fetch(container, { method: "HEAD" })).body, "");
    const { status, body } = await fetch(container, {});
    assertEquals([status, body], [204, ""]);
  }));

Deno.test("a request whose body the function leaves unread is answered all the same", () =>
  withRuntime(async ({ start, fetch }) => {
    const container = await start(`export default { fetch: () => new Response("early") }`);
    const big = async function* () {
      for (let i = 0; i < 200; i++) yield await Promise.resolve(new Uint8Array(65_536));
    };
    for (let i = 0; i < 3; i++) {
      const { body, failure } = await fetch(container, { method: "POST", body: big() });
      assertEquals([body, failure], ["early", undefined]);
    }
    const thrower = await start(`export default { fetch: () => { throw new Error("early"); } }`);
    const { failure } = await fetch(thrower, { method: "POST", body: big() });
    assertStringIncludes(failure!.message, "Error: early");
    assertEquals([container.usable, thrower.usable], [true, true]);
  }));

Deno.test("each kind of function is reachable both ways", () =>
  withRuntime(async ({ start, send, fetch }) => {
    const fetcher = await start(`export default { async fetch(request) {
      const { method, url, headers } = request;
      return Response.json([method, url, headers.get("content-type"), await request.json()]);
    } }`);
    assertEquals(JSON.parse((await send(fetcher, { a: 1 })).body), ["POST", "http://f.function/", "application/json", {
      a: 1,
    }]);
    const handler = await start(`export const handler = (event) => ({ event })`);
    const reply = await fetch(handler, { method: "POST", body: chunks(`{"a":`, "2}") });
    assertEquals([reply.status, reply.body], [200, `{"event":{"a":2}}`]);
    const tooMuch = await fetch(handler, { method: "POST", body: chunks("x".repeat(EVENT_BYTES_MAX + 1)) });
    assertEquals([tooMuch.failure, tooMuch.status], [undefined, 413], "the caller's mistake, not the function's");
    assertStringIncludes(tooMuch.body, `"event is over ${EVENT_BYTES_MAX} bytes long, must be at most that"`);
  }));

Deno.test("an event's answer has a limit", () =>
  withRuntime(async ({ start, send }) => {
    const container = await start(`export const handler = ({ length }) => new Uint8Array(length)`);
    assertEquals((await send(container, { length: EVENT_BYTES_MAX })).failure, undefined);
    const { failure } = await send(container, { length: EVENT_BYTES_MAX + 1 });
    assertEquals(failure?.message, `Function "f" answered an event with more than ${EVENT_BYTES_MAX} bytes`);
    assert(container.usable);
  }));

Deno.test("which export runs is the handler's name to say", () =>
  withRuntime(async ({ start, send }) => {
    const both = `export const handler = () => "handler"; export const other = () => "other";
      export default { fetch: () => new Response("fetch") };`;
    const found = { "": "handler", handler: "handler", other: "other", fetch: "fetch", default: "fetch" };
    for (const [handler, answer] of Object.entries(found)) {
      assertEquals((await send(await start(both, { handler }))).body, answer);
    }
    const plain = await start(`export default (request) => new Response(request.method)`);
    assertEquals((await send(plain)).body, "POST");
  }));

Deno.test("a bundle without the wanted export is refused with the exports it has", () =>
  withRuntime(async ({ start }) => {
    const cases: [source: string, handler: string, message: string][] = [
      [
        "export const a = 1, b = 2",
        "",
        "it must export a function `handler` or a default export with `fetch`; found exports: a, b",
      ],
      ["export const handler = 5", "", "found exports: handler"],
      ["1", "main", "it must export a function `main`; found exports: none"],
      ["export default {}", "fetch", "found exports: default"],
      ["export const x = ;", "", "bundle.mjs:1:18"],
      ["throw new Error('at start')", "", "Error: at start (at bundle.mjs:1:7)"],
      ["Deno.exit(1)", "", "its process ended with exit code 1 while its code was loaded"],
    ];
    for (const [source, handler, message] of cases) {
      const error = await assertRejects(() => start(source, { handler }), PlatformError);
      assertEquals([error.code, error.failure], ["failed_precondition", "import"]);
      assertStringIncludes(error.message, message);
    }
  }));

Deno.test("a bundle that needs more than its memory to load is refused", () =>
  withRuntime(async ({ start }) => {
    const source = "export const held = []; for (let i = 0; i < 300; i++) held.push(new Uint8Array(2 ** 20).fill(1));";
    const error = await assertRejects(() => start(source), PlatformError);
    assertEquals([error.code, error.failure], ["resource_exhausted", "out_of_memory"]);
  }));

async function* chunks(...texts: string[]): AsyncGenerator<Uint8Array, void> {
  for (const text of texts) yield await Promise.resolve(bytesOf(text));
}

function textOf({ value }: IteratorResult<Uint8Array>): string {
  return new TextDecoder().decode(value);
}
