import { assertEquals, assertRejects } from "@std/assert";
import { type LogLine, ManualClock, PlatformError, silentLog } from "../base/mod.ts";
import type { NodeView } from "../scheduler/ports.ts";
import { streamLogs } from "./logs.ts";
import type { LogRequest, NodeAddress, NodeLogLine } from "./ports.ts";
import { NAME } from "./testing.ts";

type Source = (query: LogRequest, signal: AbortSignal) => AsyncIterable<LogLine>;

const line = (text: string, timestampMs = 1): LogLine => ({
  containerId: "c",
  timestampMs,
  stream: "stdout",
  line: text,
});

function node(nodeId: string, changes: Partial<NodeView> = {}): NodeView {
  const counts = { port: 1, memoryBytes: 0, admittedBytes: 0, freeBytes: 0, containers: 0, reservedAtMs: 0 };
  return { nodeId, address: "127.0.0.1", phase: "ready", liveId: "1", ...counts, ...changes };
}

function setUp(sources: Record<string, Source>, nodes = Object.keys(sources).map((nodeId) => node(nodeId))) {
  const clock = new ManualClock();
  const cluster = { nodes, listNodes: () => Promise.resolve(cluster.nodes) };
  const get = ({ nodeId }: NodeAddress) => ({
    streamLogs: (query: LogRequest, options: { signal?: AbortSignal }) => sources[nodeId](query, options.signal!),
  });
  const parts = { scheduler: cluster, nodes: { get }, clock, log: silentLog(clock) };
  return { clock, cluster, parts };
}

/** Gives these lines, then stays until the reader leaves. */
function staying(...lines: LogLine[]): Source {
  return async function* (_, signal) {
    yield* lines;
    await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
  };
}

const READ: LogRequest = { ...NAME, follow: false, tailLines: 10 };
const FOLLOW = { ...READ, follow: true };
const told = (lines: NodeLogLine[]) => lines.map(({ nodeId, line }) => `${nodeId} ${line}`);

async function take(lines: AsyncIterator<NodeLogLine>, count: number): Promise<string[]> {
  const taken: NodeLogLine[] = [];
  while (taken.length < count) taken.push((await lines.next()).value);
  return told(taken).sort();
}

Deno.test("the lines of all nodes, each node's in order", async () => {
  const many = Array.from({ length: 1_000 }, (_, n) => line(`${n}`));
  const { parts } = setUp({
    a: async function* () {
      yield* many;
    },
    b: async function* (query) {
      yield line(JSON.stringify(query));
    },
  });
  const lines = told(await Array.fromAsync(streamLogs(parts, READ)));
  assertEquals(lines.filter((text) => text.startsWith("a")), many.map(({ line }) => `a ${line}`));
  assertEquals(lines.filter((text) => text.startsWith("b")), [`b ${JSON.stringify(READ)}`]);
});

Deno.test("a node that fails or is lost does not disturb the others", async () => {
  const broken: Source = async function* () {
    yield line("1");
    await Promise.reject(new PlatformError("unavailable", "gone"));
  };
  const good: Source = async function* () {
    yield line("1");
  };
  const { parts } = setUp({ a: broken, b: good }, [node("a"), node("b"), node("c", { phase: "lost" })]);
  assertEquals(told(await Array.fromAsync(streamLogs(parts, READ))).sort(), ["a 1", "b 1"]);
});

Deno.test("no nodes: no lines", async () => {
  assertEquals(await Array.fromAsync(streamLogs(setUp({}).parts, READ)), []);
});

Deno.test("a scheduler that is away at the beginning is told", async () => {
  const { parts } = setUp({});
  const scheduler = { listNodes: () => Promise.reject(new PlatformError("unavailable", "away")) };
  await assertRejects(() => Array.fromAsync(streamLogs({ ...parts, scheduler }, FOLLOW)), PlatformError, "away");
});

Deno.test("a follower hears new nodes within a second, and nothing twice from one that comes back", async () => {
  let bLives = 0;
  const { parts, cluster, clock } = setUp({
    a: staying(line("1")),
    b: async function* (request, signal) {
      if (++bLives === 1) {
        yield line("1", 1);
        throw new PlatformError("unavailable", "gone");
      }
      yield* staying(line("1", 1), line("2", 2))(request, signal);
    },
  }, [node("a")]);
  const leave = new AbortController();
  const lines = streamLogs(parts, FOLLOW, leave.signal);
  assertEquals(await take(lines, 1), ["a 1"]);
  cluster.nodes = [node("a"), node("b")];
  const next = take(lines, 2);
  await clock.advance(1_000);
  await clock.advance(1_000);
  assertEquals(await next, ["b 1", "b 2"]);
  leave.abort();
  assertEquals((await lines.next()).done, true);
  assertEquals(clock.pending, 0);
});

Deno.test("a follower that stops reading ends every reader", async () => {
  const endlessly: Source = async function* () {
    for (let n = 0;; n++) yield await Promise.resolve(line(`${n}`, n));
  };
  const { parts, clock } = setUp({ a: endlessly, b: staying() });
  for await (const { line } of streamLogs(parts, FOLLOW)) if (line === "600") break;
  assertEquals(clock.pending, 0);
});
