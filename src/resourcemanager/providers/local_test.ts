import process from "node:process";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { silentLog, systemClock } from "../../base/mod.ts";
import { createLocalProvider, type NodeCommand } from "./local.ts";

/** A tiny agent: announces itself, answers SIGTERM unless it is stubborn, ends when its stdin closes. */
const AGENT = `
const [mode, index] = Deno.args;
if (mode === "broken") { console.error("cannot listen: port taken"); Deno.exit(3); }
if (mode === "stubborn") {
  setInterval(() => {}, 1000);
  Deno.addSignalListener("SIGTERM", () => console.log("not now"));
}
if (mode === "silent") await new Promise(() => setInterval(() => {}, 1000));
console.log("warming up");
console.log(JSON.stringify({ ready: { address: "127.0.0.1", port: 20000 + Number(index), memoryBytes: 1 << 30 } }));
console.error("agent " + index + " pid " + Deno.pid);
for await (const _ of Deno.stdin.readable);
`;

function setUp(mode: (start: number) => string, options: { startTimeoutMs?: number; stopGraceMs?: number } = {}) {
  const lines: string[] = [];
  const waiting = new Map<string, () => void>();
  let starts = 0;
  const command = (index: number): NodeCommand => ({
    file: Deno.execPath(),
    args: ["eval", "--no-config", AGENT, mode(starts++), String(index)],
    env: { NO_COLOR: "1" },
  });
  const write = (line: string) => {
    lines.push(line);
    for (const [text, resolve] of waiting) if (line.includes(text)) resolve();
  };
  const provider = createLocalProvider({ command, clock: systemClock, log: silentLog(systemClock), write, ...options });
  const printed = async (text: string) => {
    if (!lines.some((line) => line.includes(text))) await new Promise<void>((resolve) => waiting.set(text, resolve));
    return lines.find((line) => line.includes(text))!;
  };
  return { provider, lines, printed };
}

const never = (reason: string) => {
  throw new Error(`died: ${reason}`);
};
const pidIn = (line: string) => Number(/pid (\d+)/.exec(line)![1]);
const isAlive = (pid: number) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

Deno.test("agents start as processes, each with an index of its own, and are gone after close", async () => {
  const { provider, printed, lines } = setUp(() => "good");
  const nodes = await Promise.all([provider.start(never), provider.start(never)]);
  assertEquals(nodes.map((node) => node.port).toSorted(), [20_000, 20_001]);
  assertEquals(nodes[0].memoryBytes, 2 ** 30);
  const pids = [pidIn(await printed("agent 0 pid")), pidIn(await printed("agent 1 pid"))];
  assert(lines.includes("warming up\n"), "what an agent prints before it is ready is passed on");
  assertEquals(pids.map(isAlive), [true, true]);
  await provider.close();
  assertEquals(pids.map(isAlive), [false, false]);
  await assertRejects(() => provider.start(never), Error, "closed");
});

Deno.test("a recycled node is another process on the same index, under another id", async () => {
  const { provider } = setUp(() => "good");
  const first = await provider.start(never);
  const second = await provider.recycle(first, never);
  assertEquals(second.port, first.port);
  assert(second.nodeId !== first.nodeId);
  await provider.stop(first);
  await provider.stop(second);
  await provider.stop(second);
  await provider.close();
});

Deno.test("an agent that ends before it is ready is told with its last words", async () => {
  const { provider } = setUp(() => "broken");
  await assertRejects(
    () => provider.start(never),
    Error,
    "node agent ended with code 3 before it was ready: cannot listen: port taken",
  );
  await provider.close();
});

Deno.test("an agent that never gets ready is killed", async () => {
  const { provider } = setUp(() => "silent", { startTimeoutMs: 300 });
  await assertRejects(() => provider.start(never), Error, "not ready after 300 ms");
  await provider.close();
});

Deno.test("a program that is not there is told, not thrown across the process", async () => {
  const command = () => ({ file: "/nowhere/agent", args: [], env: {} });
  const log = silentLog(systemClock);
  const provider = createLocalProvider({ command, clock: systemClock, log, write: () => {} });
  await assertRejects(() => provider.start(never), Error, "could not be started");
  await provider.close();
});

Deno.test("an agent that dies is reported once; its index is free again", async () => {
  const { provider, printed } = setUp(() => "good");
  const death = Promise.withResolvers<string>();
  const node = await provider.start(death.resolve);
  process.kill(pidIn(await printed("agent 0 pid")), "SIGKILL");
  assertEquals(await death.promise, "its process ended by SIGKILL");
  await provider.stop(node);
  assertEquals((await provider.start(never)).port, node.port);
  await provider.close();
});

Deno.test("an agent that ignores SIGTERM is killed after the grace", async () => {
  const { provider, printed } = setUp(() => "stubborn", { stopGraceMs: 200 });
  const node = await provider.start(never);
  const pid = pidIn(await printed("agent 0 pid"));
  await provider.stop(node);
  await printed("not now");
  assertEquals(isAlive(pid), false);
  await provider.close();
});
