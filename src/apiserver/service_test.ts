import { Code, ConnectError, createRouterTransport, type Transport } from "@connectrpc/connect";
import { assertEquals, assertRejects } from "@std/assert";
import {
  type ErrorCode,
  EVENT_BYTES_MAX,
  MIB,
  PlatformError,
  seededRandom,
  silentLog,
  systemClock,
} from "../base/mod.ts";
import type { NodeView } from "../scheduler/ports.ts";
import { BundleChecker } from "./bundle.ts";
import { type ClusterPort, createClusterClient } from "../scheduler/mod.ts";
import { type ApiClient, createApiClient } from "./client.ts";
import { createCodeSource } from "./code_source.ts";
import { Invoker } from "./invoker.ts";
import type { LogRequest } from "./ports.ts";
import { Registry } from "./registry.ts";
import { apiServerRoutes } from "./service.ts";
import { chunksOf, failed, GOOD, NAME, RECORD, replyOf, TestNodes, TestScheduler } from "./testing.ts";

const CODE = new TextEncoder().encode("export function handler() {}");
const DEPLOYMENT = { ...NAME, code: CODE, handler: "", memoryBytes: 0, timeoutMs: 0, concurrency: 0, allowNet: [] };

interface Platform {
  client: ApiClient;
  cluster: ClusterPort;
  scheduler: TestScheduler;
  nodes: TestNodes;
  asked: LogRequest[];
}

/** Runs `test` against the real handlers over a registry in a folder of its own. */
async function onPlatform(test: (platform: Platform) => Promise<void>): Promise<void> {
  const folder = Deno.makeTempDirSync();
  const clock = systemClock;
  const registry = new Registry({ folder, clock });
  const scheduler = new TestScheduler();
  const nodes = new TestNodes(() => replyOf({ body: chunksOf("he", "llo") }));
  const asked: LogRequest[] = [];
  const invoker = new Invoker({ registry, scheduler, nodes, clock, random: seededRandom(1), log: silentLog(clock) });
  const routes = apiServerRoutes({
    registry,
    bundles: new BundleChecker({ clock }),
    invoker,
    scheduler,
    clock,
    hasToken: false,
    logs: async function* (request) {
      asked.push(request);
      yield await Promise.resolve({ nodeId: "n1", containerId: "c1", timestampMs: 5, stream: "stderr", line: "l" });
    },
  });
  const transport = createRouterTransport(routes, {
    router: {
      interceptors: [(next) => async (request) => {
        const reply = await translated(next(request), toConnect);
        return reply.stream ? { ...reply, message: translatedStream(reply.message, toConnect) } : reply;
      }],
    },
  });
  try {
    const ours = withOurErrors(transport);
    await test({ client: createApiClient(ours), cluster: createClusterClient(ours), scheduler, nodes, asked });
  } finally {
    registry.close();
    Deno.removeSync(folder, { recursive: true });
  }
}

async function refusal(promise: Promise<unknown>): Promise<[code: string, message: string]> {
  const error = await assertRejects(() => promise, PlatformError);
  return [error.code, error.message];
}

Deno.test("deploy, describe, list, roll back, remove", () =>
  onPlatform(async ({ client }) => {
    const { function: first, changed } = await client.deploy(DEPLOYMENT);
    assertEquals(changed, true);
    assertEquals([first.memoryBytes, first.timeoutMs, first.concurrency, first.version], [128 * MIB, 60_000, 1, 1]);
    assertEquals((await client.deploy(DEPLOYMENT)).changed, false);
    const second = (await client.deploy({ ...DEPLOYMENT, accountId: "", allowNet: ["example.com:443"] })).function;
    assertEquals(await client.describe(NAME), second);
    assertEquals((await client.versions(NAME)).map((v) => v.version), [2, 1]);
    assertEquals((await client.activate(NAME, 1)).version, 3);
    assertEquals(await client.list(), [{
      ...NAME,
      handler: "",
      memoryBytes: 128 * MIB,
      timeoutMs: 60_000,
      version: 3,
    }]);
    assertEquals(await client.remove(NAME), 3);
    assertEquals((await refusal(client.describe(NAME)))[0], "not_found");
  }));

Deno.test("a deploy that is wrong is refused, naming the field", () =>
  onPlatform(async ({ client }) => {
    const refused = async (changes: Partial<typeof DEPLOYMENT>, code: string, says: string) => {
      const [told, message] = await refusal(client.deploy({ ...DEPLOYMENT, ...changes }));
      assertEquals([told, message.slice(0, says.length)], [code, says]);
    };
    await refused({ functionName: "No" }, "invalid_argument", 'function_name is "No"');
    await refused({ memoryBytes: -1 }, "invalid_argument", "memory_in_bytes is -1");
    await refused({ timeoutMs: -1 }, "invalid_argument", "timeout_in_ms is -1");
    await refused({ concurrency: 256 }, "invalid_argument", "concurrency is 256");
    await refused({ handler: "a b" }, "invalid_argument", 'handler is "a b"');
    await refused({ accountId: "a".repeat(129) }, "invalid_argument", "account_id is");
    await refused({ code: new Uint8Array() }, "invalid_argument", "code is missing");
    await refused({ code: new TextEncoder().encode("import 'x'") }, "invalid_argument", 'code imports "x" in line 1');
    await refused({ allowNet: ["*"] } as never, "failed_precondition", 'allow_net has "*"');
    await refused({ allowNet: ["127.0.0.1:80"] } as never, "failed_precondition", 'allow_net has "127.0.0.1:80"');
    assertEquals(await client.list(), []);
  }));

Deno.test("an event goes in, the whole answer comes out", () =>
  onPlatform(async ({ client, nodes, scheduler }) => {
    await client.deploy(DEPLOYMENT);
    const { requestId, body, latencyMs } = await client.invoke({ ...NAME, accountId: "", event: new Uint8Array([7]) });
    assertEquals([new TextDecoder().decode(body), latencyMs >= 0], ["hello", true]);
    const [invocation] = nodes.invoked;
    assertEquals([invocation.requestId, invocation.kind === "event" && [...invocation.event]], [requestId, [7]]);
    assertEquals((await scheduler.allReleased()).length, 1);
  }));

Deno.test("an invocation that fails, or is too large either way, says how", () =>
  onPlatform(async ({ client, nodes, scheduler }) => {
    await client.deploy(DEPLOYMENT);
    const invoke = (event = new Uint8Array()) => refusal(client.invoke({ ...NAME, event }));
    nodes.run = () => replyOf({ head: false, footer: failed("exception", "Error: no luck") });
    assertEquals(await invoke(), ["unknown", "Error: no luck"]);
    assertEquals((await invoke(new Uint8Array(EVENT_BYTES_MAX + 1)))[0], "invalid_argument");
    const megabyte = new Uint8Array(MIB);
    nodes.run = () =>
      replyOf({
        body: (async function* () {
          for (;;) yield await Promise.resolve(megabyte);
        })(),
        footer: GOOD,
      });
    assertEquals((await invoke())[0], "resource_exhausted");
    assertEquals((await refusal(client.invoke({ ...NAME, functionName: "nope", event: CODE })))[0], "not_found");
    await scheduler.allReleased(2);
  }));

Deno.test("logs are for functions that are there", () =>
  onPlatform(async ({ client, asked }) => {
    const request = { ...NAME, follow: true, tailLines: 3 };
    const read = () => Array.fromAsync(client.streamLogs(request));
    assertEquals((await refusal(read()))[0], "not_found");
    await client.deploy(DEPLOYMENT);
    assertEquals(await read(), [{ nodeId: "n1", containerId: "c1", timestampMs: 5, stream: "stderr", line: "l" }]);
    assertEquals(asked, [request]);
  }));

Deno.test("the cluster is told as the scheduler tells it", () =>
  onPlatform(async ({ cluster, scheduler }) => {
    const node: NodeView = {
      nodeId: "n1",
      address: "127.0.0.1",
      port: 10_300,
      phase: "ready",
      memoryBytes: 3 * 2 ** 30,
      admittedBytes: 12 * 2 ** 30,
      freeBytes: 2 ** 30,
      containers: 2,
      reservedAtMs: 1,
      liveId: "l",
    };
    scheduler.nodes = [node];
    assertEquals(await cluster.listNodes(), [node]);
    assertEquals(await cluster.listContainers({}), []);
    assertEquals(await cluster.summary(), await scheduler.summary());
  }));

Deno.test("a node agent gets code by its hash, or the active one's", () =>
  onPlatform(async ({ client }) => {
    const source = createCodeSource(client);
    assertEquals((await refusal(source.get({ ...RECORD, codeHash: "" })))[0], "not_found");
    const { codeHash } = (await client.deploy(DEPLOYMENT)).function;
    for (const asked of ["", codeHash]) {
      assertEquals(await source.get({ ...RECORD, codeHash: asked }), { code: CODE, hash: codeHash });
    }
    assertEquals((await refusal(source.get({ ...RECORD, codeHash: "f".repeat(64) })))[0], "not_found");
    const damaged = { ...client, getCode: () => Promise.resolve(new Uint8Array([1])) };
    assertEquals((await refusal(createCodeSource(damaged).get({ ...RECORD, codeHash })))[0], "data_loss");
  }));

/** What the platform's door and its clients do with errors, as far as these tests look at them. */
function withOurErrors(transport: Transport): Transport {
  return {
    unary: (...call) => translated(transport.unary(...call), fromConnect),
    async stream(...call) {
      const reply = await translated(transport.stream(...call), fromConnect);
      return { ...reply, message: translatedStream(reply.message, fromConnect) };
    },
  };
}

function toConnect(error: unknown): unknown {
  if (!(error instanceof PlatformError)) return error;
  const name = error.code.replaceAll(/(?:^|_)(.)/g, (_, letter) => letter.toUpperCase());
  return new ConnectError(error.message, Code[name as keyof typeof Code]);
}

function fromConnect(error: unknown): PlatformError {
  const { code, rawMessage } = ConnectError.from(error);
  const name = Code[code].replaceAll(/(?!^)([A-Z])/g, "_$1").toLowerCase();
  return new PlatformError(name as ErrorCode, rawMessage);
}

async function translated<T>(reply: Promise<T>, translate: (error: unknown) => unknown): Promise<T> {
  try {
    return await reply;
  } catch (error) {
    throw translate(error);
  }
}

async function* translatedStream<T>(messages: AsyncIterable<T>, translate: (error: unknown) => unknown) {
  try {
    yield* messages;
  } catch (error) {
    throw translate(error);
  }
}
