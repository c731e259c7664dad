import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { MIB } from "../../../base/mod.ts";
import type { Container } from "../../runtime.ts";
import { until, within } from "../../testing.ts";
import { type Reply, requestTo, type Stage, withRuntime } from "./testing.ts";

const NEIGHBOUR = `export const handler = () => new Promise((resolve) => setTimeout(() => resolve("well"), 20))`;

/** Runs a hostile event beside a neighbour that must not notice. */
async function besideNeighbour(
  stage: Stage,
  source: string,
  timeoutMs: number,
): Promise<{ reply: Reply; hostile: Container }> {
  const [neighbour, hostile] = [await stage.start(NEIGHBOUR, { functionName: "neighbour" }), await stage.start(source)];
  let over = false;
  const trouble = stage.send(hostile, {}, { timeoutMs }).finally(() => over = true);
  let calls = 0;
  do {
    const { body, failure, durationNanos } = await stage.send(neighbour);
    assertEquals([body, failure], ["well", undefined]);
    assert(durationNanos < 1e9, `a neighbour's call took ${durationNanos} ns`);
    calls++;
  } while (!over);
  const reply = await within(trouble, "the hostile call");
  assert(calls > 0 && neighbour.usable);
  return { reply, hostile };
}

Deno.test("a function that spins for ever is stopped at its timeout", () =>
  withRuntime(async (stage) => {
    const { reply, hostile } = await besideNeighbour(stage, "export const handler = () => { for (;;); }", 300);
    assertEquals(reply.failure, { kind: "timeout", message: `Function "f" ran longer than its 300 ms` });
    assertEquals(hostile.usable, false);
  }));

for (const limits of ["auto", "poll"] as const) {
  Deno.test(`a function that takes four times its memory is stopped (limits: ${limits})`, () =>
    withRuntime(async (stage) => {
      const source = `export async function handler() {
        const held = [];
        for (let i = 0; i < 512; i++) {
          held.push(new Uint8Array(2 ** 20).fill(1));
          if (i % 8 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
        }
        return held.length;
      }`;
      const { reply, hostile } = await besideNeighbour(stage, source, 10_000);
      const message = `Function "f" used more than its 128 MiB of memory`;
      assertEquals(reply.failure, { kind: "out_of_memory", message });
      assert(reply.maxMemoryBytes > 64 * MIB, `the peak was ${reply.maxMemoryBytes}`);
      assertEquals(hostile.usable, false);
    }, { limits }));
}

Deno.test("a function that fills V8's heap is stopped", () =>
  withRuntime(async ({ start, send }) => {
    // More memory than heap, so that V8 is the first to give up; without a quota, so that it does so soon.
    const source = `export function handler() { const held = []; for (;;) held.push({ text: "x" + held.length }); }`;
    const container = await start(source, { memoryBytes: 192 * MIB });
    const { failure } = await send(container, {}, { timeoutMs: 60_000 });
    assertEquals(failure, { kind: "out_of_memory", message: `Function "f" used more than its 192 MiB of memory` });
    assertEquals(container.usable, false);
  }, { limits: "poll" }));

Deno.test("a function that starts workers without end is stopped", () =>
  withRuntime(async (stage) => {
    const source = `export async function handler() {
      for (;;) {
        new Worker("data:text/javascript,setInterval(() => {}, 1000)", { type: "module" });
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
    }`;
    const { reply, hostile } = await besideNeighbour(stage, source, 5_000);
    assert(["out_of_memory", "timeout"].includes(reply.failure!.kind), reply.failure?.message);
    assertEquals(hostile.usable, false);
  }));

Deno.test("a function that prints 100 MB is stopped, and its log stays readable", () =>
  withRuntime(async (stage) => {
    const source = `export function handler() {
      const line = "x".repeat(99_999) + "\\n";
      for (let i = 0; i < 1_000; i++) Deno.stdout.writeSync(new TextEncoder().encode(line));
    }`;
    const { reply, hostile } = await besideNeighbour(stage, source, 10_000);
    const message = `Function "f" printed more than 16 MiB in one invocation`;
    assertEquals(reply.failure, { kind: "output_limit", message });
    assertEquals(hostile.usable, false);
    assert(stage.lines.every(({ line }) => line.length <= 8 * 1024));
  }));

Deno.test("a function that prints millions of empty lines is stopped, and few of them are kept", () =>
  withRuntime(async (stage) => {
    const source = `export function handler() {
      const lines = new Uint8Array(2 ** 20).fill(10);
      for (let i = 0; i < 100; i++) Deno.stderr.writeSync(lines);
    }`;
    const { reply } = await besideNeighbour(stage, source, 10_000);
    assertEquals(reply.failure?.kind, "output_limit");
    assert(stage.lines.length < 50_000, `${stage.lines.length} lines were kept`);
    await until(() => stage.lines.some(({ line }) => line.includes("bytes left out")), "the line that tells it");
  }));

Deno.test("what is printed between invocations counts as well", () =>
  withRuntime(async ({ start, send }) => {
    const container = await start(`
      export const handler = () => void setInterval(() => Deno.stdout.writeSync(new Uint8Array(2 ** 20).fill(65)), 1)`);
    assertEquals((await send(container)).failure, undefined);
    await until(() => !container.usable, "the end of the container");
    assertStringIncludes((await send(container)).failure!.message, "printed more than 16 MiB");
  }));

Deno.test("the end of its process fails what runs in it, with how it ended", () =>
  withRuntime(async ({ start, send }) => {
    const ends = {
      "Deno.exit(0)": "ended with exit code 0",
      "Deno.exit(42)": "ended with exit code 42",
      "(await import('node:process')).abort()": "was ended by SIGABRT",
    };
    for (const [code, how] of Object.entries(ends)) {
      const container = await start(`export async function handler() { ${code}; await new Promise(() => {}); }`);
      const { failure } = await send(container);
      assertEquals(failure, { kind: "crash", message: `Function "f": its process ${how}` });
      assertEquals(container.usable, false);
      assertEquals((await send(container)).failure?.kind, "unavailable");
    }
  }));

Deno.test("the end of its process in the middle of an answer is told in the footer", () =>
  withRuntime(async ({ start, fetch }) => {
    const container = await start(`export default { fetch: () => new Response(new ReadableStream({
      async pull(sink) { sink.enqueue(new TextEncoder().encode("begun")); await 0; setTimeout(() => Deno.exit(1), 20); await new Promise(() => {}); }
    })) }`);
    const { status, body, failure } = await fetch(container, {});
    assertEquals([status, body, failure?.kind], [200, "begun", "crash"]);
  }));

Deno.test("a rejection or error that nobody catches is logged, and the container goes on", () =>
  withRuntime(async ({ start, send, lines }) => {
    const container = await start(`export function handler({ late }) {
      if (late) return new Promise((resolve) => { setTimeout(() => { throw new Error("late"); }, 0); setTimeout(resolve, 20); });
      Promise.reject(new Error("floating"));
      return 1;
    }`);
    assertEquals((await send(container)).body, "1");
    assertEquals((await send(container, { late: true })).failure, undefined);
    assert(container.usable);
    await until(() => lines.some(({ line }) => line.includes("Uncaught error: Error: late")), "the log");
    assert(lines.some(({ line }) => line.includes("Unhandled rejection: Error: floating")));
  }));

Deno.test("a timeout in a blocked container fails the others in it as unavailable", () =>
  withRuntime(async ({ start, send, lines }) => {
    const source = `export async function handler({ spin }) {
      console.log("spinning");
      await new Promise((resolve) => setTimeout(resolve, 50));
      while (spin);
    }`;
    // With processor enough to spin in time.
    const container = await start(source, { memoryBytes: 1_024 * MIB });
    const other = send(container, { spin: true }, { timeoutMs: 10_000 });
    await until(() => lines.length > 0, "the first to run");
    const { failure } = await send(container, { spin: true }, { timeoutMs: 200 });
    assertEquals(failure?.kind, "timeout");
    assertEquals((await within(other, "the other call")).failure, {
      kind: "unavailable",
      message: `Function "f": the container was stopped, another invocation in it blocked it`,
    });
  }));

Deno.test("a caller that leaves aborts the function's signal, and the function is not run a second time", () =>
  withRuntime(async ({ start, send, lines }) => {
    const source = `export const handler = (_, { signal }) => new Promise((resolve) => {
      console.log("running");
      signal.addEventListener("abort", () => { console.log("aborted: " + signal.reason.message); resolve(); });
    })`;
    // With processor enough to notice in time on a busy machine.
    const container = await start(source, { memoryBytes: 1_024 * MIB });
    const caller = new AbortController();
    const reply = send(container, {}, { signal: caller.signal });
    await until(() => lines.length > 0, "its first line");
    caller.abort();
    assertEquals((await reply).failure?.kind, "cancelled");
    await until(() => lines.length > 1, "its second line");
    assertEquals(lines[1].line, "aborted: The caller left");
    assert(container.usable);
  }));

Deno.test("what goes on after its caller left is stopped when nothing else runs beside it", () =>
  withRuntime(async ({ start, send, lines }) => {
    const container = await start(`export const handler = ({ stubborn }) => {
      if (!stubborn) return new Promise((resolve) => setTimeout(() => resolve("well"), 2_000));
      console.log("running");
      return new Promise(() => {});
    }`);
    const caller = new AbortController();
    const reply = send(container, { stubborn: true }, { signal: caller.signal });
    await until(() => lines.length > 0, "its first line");
    const other = send(container);
    caller.abort();
    assertEquals((await reply).failure?.kind, "cancelled");
    assertEquals((await other).body, "well");
    await until(() => !container.usable, "the end of the container");
    assertStringIncludes((await send(container)).failure!.message, "went on after its caller had left");
  }));

Deno.test("a reader that leaves in the middle of an answer cancels it", () =>
  withRuntime(async ({ start, send, lines }) => {
    const container = await start(`export default { fetch: () => new Response(new ReadableStream({
      pull: (sink) => sink.enqueue(new Uint8Array(1024)),
      cancel: () => console.log("cancelled"),
    })) }`);
    const reply = await container.invoke(requestTo(container, {}), new AbortController().signal);
    for await (const chunk of reply.body) {
      assert(chunk.length > 0);
      break;
    }
    assertEquals((await reply.footer).failure?.kind, "cancelled");
    await until(() => lines.length > 0, "the end of its stream");
    assertEquals((await send(container, {}, { timeoutMs: 100 })).failure?.kind, "timeout");
  }));

Deno.test("an answer that nobody reads still ends at its timeout", () =>
  withRuntime(async ({ start }) => {
    const container = await start(`export default { fetch: () => new Response(new ReadableStream({
      pull: (sink) => sink.enqueue(new Uint8Array(64 * 1024)),
    })) }`);
    const invocation = { ...requestTo(container, {}), timeoutMs: 200 };
    const { footer } = await container.invoke(invocation, new AbortController().signal);
    assertEquals((await within(footer, "the footer")).failure?.kind, "timeout");
  }));

Deno.test("what a function that has taken over its harness sends is taken for no answer", () =>
  withRuntime(async ({ start, send }) => {
    const wild: Record<string, [source: string, kind: string]> = {
      "a status that is none": [`Object.defineProperty(Response.prototype, "status", { get: () => 7 })`, "exception"],
      "a header with a line break": [
        `Response.prototype.constructor; Headers.prototype[Symbol.iterator] = function* () { yield ["a", "b\\r\\nc: d"]; }`,
        "exception",
      ],
      "headers without end": [
        `Headers.prototype[Symbol.iterator] = function* () { for (let i = 0; i < 2000; i++) yield ["a" + i, "x".repeat(100)]; }`,
        "exception",
      ],
    };
    for (const [what, [source, kind]] of Object.entries(wild)) {
      const container = await start(`${source}; export const handler = () => new Response("body")`);
      const { failure, status } = await send(container);
      assertEquals([status, failure?.kind], [undefined, kind], what);
    }
  }));
