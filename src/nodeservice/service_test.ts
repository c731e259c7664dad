import { createClient } from "@connectrpc/connect";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { EVENT_BYTES_MAX, type Invocation, MIB, newId, PlatformError, silentLog, systemClock } from "../base/mod.ts";
import { NodeService } from "../../gen/nodeservoceproto/nodeservice_pb.ts";
import { NodeAgentService } from "../../gen/minifaas/node/v1/node_pb.ts";
import { createClientTransport, createEdge } from "../rpc/mod.ts";
import { createNodeClient, createProcessRuntime, NodeAgent, type NodeClient, nodeRoutes } from "./mod.ts";
import { bytesOf, readReply, testFunction, until, within } from "./testing.ts";

const SOURCE = `
export async function handler(event) {
  if (event.print) console.log(event.print);
  if (event.boom) throw new TypeError("boom");
  if (event.hang) await new Promise(() => {});
  if (event.exit) Deno.exit(1);
  return new Response(JSON.stringify(event), { status: 202, headers: [["x-a", "1"], ["set-cookie", "a=1"], ["set-cookie", "b=2"]] });
}
export default { fetch(request) {
  const headers = { "x-method": request.method, "x-url": request.url };
  return new Response(request.body ?? "no body", { status: 201, headers });
} };`;

interface Stage {
  readonly agent: NodeAgent;
  readonly node: NodeClient;
  readonly transport: ReturnType<typeof createClientTransport>["transport"];
  /** Starts a container and answers with its id. */
  start(handler?: string): Promise<string>;
  stopServer(): Promise<void>;
}

/** A node agent with real containers behind a real port, and a client of it. */
async function withNode(use: (stage: Stage) => Promise<void>): Promise<void> {
  const clock = systemClock;
  const log = silentLog(clock);
  const runtime = await createProcessRuntime();
  const code = { get: () => Promise.resolve({ code: bytesOf(SOURCE), hash: "" }) };
  const agent = new NodeAgent({ runtime, code, memoryBytes: 1_024 * MIB, clock, log });
  const edge = createEdge({ service: "node", routes: nodeRoutes(agent), ready: () => undefined, log, clock });
  const listener = await edge.listen({ hostname: "127.0.0.1", port: 0 });
  const client = createClientTransport({ address: `127.0.0.1:${listener.port}` });
  const node = createNodeClient(client.transport, () => client.close());
  try {
    await use({
      agent,
      node,
      transport: client.transport,
      async start(handler = "") {
        const request = { requestId: newId(), name: "c", ownerId: "", function: testFunction({ handler }) };
        const { containerId, bootMs, importMs } = await node.createContainer(request, {});
        assert(bootMs > 0 && importMs > 0);
        return containerId;
      },
      stopServer: () => listener.close({ graceMs: 0 }),
    });
  } finally {
    node.close();
    await listener.close({ graceMs: 0 });
    await agent.close();
  }
}

function event(containerId: string, value: unknown, timeoutMs = 10_000): Invocation {
  return { kind: "event", requestId: "r1", containerId, timeoutMs, event: bytesOf(JSON.stringify(value)) };
}

function test(name: string, use: (stage: Stage) => Promise<void>): void {
  Deno.test(name, () => withNode(use));
}

test("an event goes through the legacy stream and comes back with status, headers, body and footer", async ({ node, start }) => {
  const reply = await readReply(await node.invoke(event(await start(), { a: 1 }), {}));
  assertEquals([reply.status, reply.body, reply.failure], [202, `{"a":1}`, undefined]);
  const headers = reply.headers!.filter(([name]) => name !== "content-type").sort();
  assertEquals(headers, [["set-cookie", "a=1"], ["set-cookie", "b=2"], ["x-a", "1"]]);
  assert(reply.durationNanos > 0 && reply.maxMemoryBytes > 0);
});

test("a request streams both ways through Fetch", async ({ node, start }) => {
  const containerId = await start("fetch");
  const input = new TransformStream<Uint8Array, Uint8Array>();
  const writer = input.writable.getWriter();
  const invocation: Invocation = {
    ...{ kind: "fetch", requestId: "r", containerId, timeoutMs: 10_000, method: "POST", headers: [] },
    url: "http://a.example/x?y=1",
    body: input.readable,
  };
  const written = writer.write(bytesOf("first"));
  const reply = await node.invoke(invocation, {});
  assertEquals(reply.head?.status, 201);
  assertEquals(new Map(reply.head?.headers).get("x-url"), "http://a.example/x?y=1");
  const body = reply.body[Symbol.asyncIterator]();
  assertEquals(new TextDecoder().decode((await body.next()).value), "first");
  await written;
  await writer.write(bytesOf("second"));
  assertEquals(new TextDecoder().decode((await body.next()).value), "second");
  await writer.close();
  assertEquals((await body.next()).done, true);
  assertEquals((await reply.footer).failure, undefined);
  const get = await readReply(await node.invoke({ ...invocation, method: "GET", body: undefined }, {}));
  assertEquals([get.body, new Map(get.headers).get("x-method")], ["no body", "GET"]);
});

test("a failure is told in the footer, not as an error of the call", async ({ node, start }) => {
  const containerId = await start();
  const boom = await readReply(await node.invoke(event(containerId, { boom: 1 }), {}));
  assertEquals([boom.status, boom.failure?.kind], [undefined, "exception"]);
  assertStringIncludes(boom.failure!.message, `Function "f" threw TypeError: boom (at handler (bundle.mjs:4:`);
  const late = await readReply(await node.invoke(event(containerId, { hang: 1 }, 100), {}));
  assertEquals(late.failure, { kind: "timeout", message: `Function "f" ran longer than its 100 ms` });
  const gone = await assertRejects(() => node.invoke(event(containerId, {}), {}), PlatformError);
  assertEquals([gone.code, gone.failure], ["unavailable", "unavailable"]);
  const crash = await readReply(await node.invoke(event(await start(), { exit: 1 }), {}));
  assertEquals(crash.failure?.kind, "crash");
});

test("the legacy stream is one header, bodies and one footer, as clients of the field expect them", async ({ transport, start }) => {
  const client = createClient(NodeService, transport);
  const containerId = await start();
  const request = { requestId: "r", containerId, event: bytesOf(`{"boom":1}`) };
  const failed = await Array.fromAsync(client.invokeFunction(request));
  assertEquals(failed.length, 2);
  const { header } = failed[0];
  assertEquals([header?.handled, header?.statusCode], [false, "500"]);
  assertStringIncludes(new TextDecoder().decode(header?.error), "TypeError: boom");
  assertStringIncludes(failed[1].footer!.invokeException, "TypeError: boom");
  assertEquals([failed[1].footer?.error, failed[1].footer?.errorCode], ["", "exception"]);
  const good = await Array.fromAsync(client.invokeFunction({ ...request, event: bytesOf("{}") }));
  assertEquals([good[0].header?.handled, good[0].header?.statusCode], [true, "202"]);
  assertEquals(good[0].header?.headers["set-cookie"].items, ["a=1", "b=2"]);
  assertEquals(new TextDecoder().decode(good[1].body), "{}");
  assert(good[2].footer!.durationInNanos > 0n);
});

test("a caller that leaves cancels the invocation on the node", async ({ agent, node, start }) => {
  const containerId = await start();
  const caller = new AbortController();
  const call = node.invoke(event(containerId, { hang: 1 }), { signal: caller.signal });
  const running = async () => (await agent.stats()).containers[0].requestIds.length;
  await until(async () => await running() === 1, "the invocation");
  caller.abort();
  assertEquals((await assertRejects(() => call, PlatformError)).code, "cancelled");
  await until(async () => await running() === 0, "its end on the node");
});

test("a node that goes away in the middle of an answer is told in the footer", async ({ node, start, stopServer }) => {
  const containerId = await start("fetch");
  const input = new TransformStream<Uint8Array, Uint8Array>();
  const writer = input.writable.getWriter();
  const written = writer.write(bytesOf("first"));
  const invocation: Invocation = {
    ...{ kind: "fetch", requestId: "r", containerId, timeoutMs: 10_000, method: "POST", headers: [] },
    url: "http://a.example/",
    body: input.readable,
  };
  const reply = await node.invoke(invocation, {});
  const body = reply.body[Symbol.asyncIterator]();
  await body.next();
  await written;
  const [rest] = await within(Promise.all([body.next(), stopServer()]), "the end of the body");
  assertEquals(rest.done, true);
  assertEquals((await reply.footer).failure?.kind, "unavailable");
});

test("stats carry all that a restarted scheduler must know", async ({ node, start, agent }) => {
  await node.reserve({ requestId: "r", accountId: "acc", ownerId: "me", ownerEpoch: 3 }, {});
  await assertRejects(() => start(), PlatformError, "another scheduler holds this node");
  const spec = testFunction({ codeHash: "ab".repeat(32), concurrency: 7, allowNet: ["a.example:80"], version: 3 });
  const { containerId } = await node.createContainer({ requestId: "1", name: "", ownerId: "me", function: spec }, {});
  const report = await node.getStats({ requestId: "r" }, {});
  assertEquals([report.ownerId, report.ownerEpoch, report.liveId], ["me", 3, agent.liveId]);
  assertEquals(report.totalMemoryBytes, 1_024 * MIB);
  assertEquals(report.admittedMemoryBytes, 1_024 * MIB, "it is not overcommitted");
  const { memoryUsageBytes, cpuUsagePct, cpuMs = 0, ...container } = report.containers[0];
  assert(memoryUsageBytes > 0 && cpuUsagePct >= 0 && cpuMs >= 0);
  assertEquals(container, { containerId, function: spec, memoryLimitBytes: 128 * MIB, requestIds: [], usable: true });
  await node.removeContainer({ requestId: "r", containerId, ownerId: "me" }, {});
  assertEquals((await node.getStats({ requestId: "r" }, {})).containers, []);
  assert(await node.reset() !== report.liveId);
});

test("logs are read from containers that are gone, and followed", async ({ node, start }) => {
  const [containerId, other] = [await start(), await start()];
  const query = { accountId: "test", functionName: "f", follow: false, tailLines: 0 };
  await readReply(await node.invoke(event(containerId, { print: "one" }), {}));
  await node.removeContainer({ requestId: "r", containerId, ownerId: "" }, {});
  assertEquals((await Array.fromAsync(node.streamLogs(query, {}))).map(({ line }) => line), ["one"]);
  const stop = new AbortController();
  const lines = node.streamLogs({ ...query, follow: true }, { signal: stop.signal });
  assertEquals((await lines.next()).value?.line, "one");
  const next = lines.next();
  await readReply(await node.invoke(event(other, { print: "two" }), {}));
  assertEquals((await next).value, { ...(await next).value!, containerId: other, line: "two", stream: "stdout" });
  stop.abort();
  await lines.next().catch(() => {});
});

test("bad input is refused with the field's name", async ({ node, transport, start }) => {
  const legacy = createClient(NodeService, transport);
  const agent = createClient(NodeAgentService, transport);
  const containerId = await start();
  const meta = { functionName: "f", memoryInBytes: BigInt(128 * MIB), timeoutInMs: 1n };
  const fetchStart = { requestId: "r", containerId, method: "GET", url: "http://a/" };
  const fetch = (start: object) =>
    Array.fromAsync(agent.fetch((async function* () {
      yield await Promise.resolve({ part: { case: "start" as const, value: { ...fetchStart, ...start } } });
    })()));
  const invoke = (request: object) =>
    Array.fromAsync(legacy.invokeFunction({ requestId: "r", containerId, ...request }));
  const create = (functionMeta: object) =>
    legacy.createContainer({ requestId: "r", functionMeta: { ...meta, ...functionMeta } });
  const cases: [field: string, call: () => Promise<unknown>][] = [
    ["request_id", () => legacy.reserve({})],
    ["request_id", () => legacy.createContainer({ functionMeta: meta })],
    ["function_meta", () => legacy.createContainer({ requestId: "r" })],
    ["function_name", () => create({ functionName: "No Name" })],
    ["memory_in_bytes", () => create({ memoryInBytes: 0n })],
    ["memory_in_bytes", () => create({ memoryInBytes: -1n })],
    ["timeout_in_ms", () => create({ timeoutInMs: 0n })],
    ["concurrency", () => create({ concurrency: 1_000n })],
    ["allow_net", () => create({ allowNet: ["a b"] })],
    ["container_id", () => legacy.removeContainer({ requestId: "r" })],
    ["request_id", () => legacy.getStats({})],
    ["request_id", () => invoke({ requestId: "" })],
    ["container_id", () => invoke({ containerId: "" })],
    ["event", () => invoke({ event: new Uint8Array(EVENT_BYTES_MAX + 1) })],
    ["timeout_in_ms", () => invoke({ functionMeta: { timeoutInMs: -1n } })],
    ["start.method", () => fetch({ method: "TRACE" })],
    ["start.url", () => fetch({ url: "/relative" })],
    ["start.headers", () => fetch({ headers: [{ name: "a b", value: "" }] })],
    ["start.headers", () => fetch({ headers: [{ name: "a", value: "x".repeat(40_000) }] })],
    ["part", () => Array.fromAsync(agent.fetch((async function* () {})()))],
    ["function_name", () => Array.fromAsync(agent.streamLogs({}))],
    ["tail_lines", () => Array.fromAsync(agent.streamLogs({ containerId, tailLines: -1 }))],
  ];
  for (const [field, call] of cases) {
    const error = await assertRejects(call, PlatformError);
    assertEquals(error.code, "invalid_argument", `${field}: ${error.message}`);
    assertStringIncludes(error.message, field);
  }
  const unknown = await assertRejects(() => node.invoke(event("nowhere", {}), {}), PlatformError);
  assertEquals(unknown.code, "not_found");
});
