import { assert, assertEquals, assertRejects } from "@std/assert";
import type { LogLine } from "../base/mod.ts";
import { ContainerLogs, type LogQuery } from "./container_logs.ts";
import { testFunction } from "./testing.ts";

const never = new AbortController().signal;
const OF_F: LogQuery = { accountId: "test", functionName: "f", follow: false, tailLines: 0 };

function line(containerId: string, text: string): LogLine {
  return { containerId, timestampMs: 0, stream: "stdout", line: text };
}

async function read(logs: ContainerLogs, query: LogQuery): Promise<string[]> {
  return (await Array.fromAsync(logs.read(query, never))).map(({ line }) => line);
}

Deno.test("lines of a function's containers come in the order in which they were printed", async () => {
  const logs = new ContainerLogs();
  const [a, b, other] = [
    logs.open("a", testFunction()),
    logs.open("b", testFunction()),
    logs.open("c", testFunction({ functionName: "other" })),
  ];
  a(line("a", "1"));
  b(line("b", "2"));
  other(line("c", "not this"));
  a(line("a", "3"));
  assertEquals(await read(logs, OF_F), ["1", "2", "3"]);
  assertEquals(await read(logs, { ...OF_F, tailLines: 2 }), ["2", "3"]);
  assertEquals(await read(logs, { containerId: "a", follow: false, tailLines: 0 }), ["1", "3"]);
  assertEquals(await read(logs, { ...OF_F, functionName: "unknown" }), []);
  await assertRejects(() => read(logs, { containerId: "z", follow: false, tailLines: 0 }), Error, "not on this node");
});

Deno.test("a container keeps its last 1,000 lines and 256 Ki characters", async () => {
  const logs = new ContainerLogs();
  const add = logs.open("a", testFunction());
  for (let i = 0; i < 3_000; i++) add(line("a", String(i)));
  const kept = await read(logs, OF_F);
  assertEquals([kept.length, kept[0], kept.at(-1)], [1_000, "2000", "2999"]);
  for (let i = 0; i < 100; i++) add(line("a", "x".repeat(8 * 1024)));
  assertEquals((await read(logs, OF_F)).length, 32);
});

Deno.test("lines outlive the last 50 containers that were removed", async () => {
  const logs = new ContainerLogs();
  for (let i = 0; i < 60; i++) {
    logs.open(String(i), testFunction())(line(String(i), String(i)));
    logs.retire(String(i));
  }
  const kept = await read(logs, OF_F);
  assertEquals([kept.length, kept[0], kept.at(-1)], [50, "10", "59"]);
});

Deno.test("who follows sees what is there, and then what containers print that come later", async () => {
  const logs = new ContainerLogs();
  const stop = new AbortController();
  logs.open("a", testFunction())(line("a", "before"));
  const lines = logs.read({ ...OF_F, follow: true }, stop.signal);
  assertEquals((await lines.next()).value?.line, "before");
  const next = lines.next();
  logs.open("b", testFunction())(line("b", "later"));
  logs.open("c", testFunction({ accountId: "other" }))(line("c", "not this"));
  assertEquals((await next).value?.line, "later");
  const last = lines.next();
  stop.abort();
  assertEquals((await last).done, true);
});

Deno.test("a reader that is too slow misses lines and is told how many", async () => {
  const logs = new ContainerLogs();
  const stop = new AbortController();
  const add = logs.open("a", testFunction());
  add(line("a", "first"));
  const lines = logs.read({ ...OF_F, follow: true }, stop.signal);
  await lines.next();
  for (let i = 0; i < 5_000; i++) add(line("a", String(i)));
  assertEquals((await lines.next()).value?.line, "(3000 lines left out: the reader was too slow)");
  assertEquals((await lines.next()).value?.line, "3000");
  stop.abort();
  assert((await lines.return()).done);
});
