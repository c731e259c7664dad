import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { createClient, type Transport } from "@connectrpc/connect";
import {
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
  Http2SessionManager,
} from "@connectrpc/connect-node";
import * as grpc from "@grpc/grpc-js";
import { APIServer } from "../../gen/apiserverproto/apiserver_pb.ts";
import { Scheduler } from "../../gen/schedulerproto/scheduler_pb.ts";
import { invokeByGrpcJs } from "./grpc_js.ts";
import { callJson, commandMissing, output, type Platform, ROOT, summaryOf, withPlatform } from "./program.ts";

const INVOKE = "apiserverproto.APIServer/InvokeFunction";
const ACQUIRE = "schedulerproto.Scheduler/AcquireContainer";
const RETURN = "schedulerproto.Scheduler/ReturnContainer";
const event = new TextEncoder().encode('{"name":"Ada"}');
const GREETING = "Hello, Ada!\n";
const MIB = 2 ** 20;

type Make = (baseUrl: string, sessionManager: Http2SessionManager) => Transport;
const transports: [name: string, make: Make][] = [
  ["gRPC", (baseUrl, sessionManager) => createGrpcTransport({ baseUrl, sessionManager })],
  ["gRPC-Web over HTTP/1.1", (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: "1.1" })],
  [
    "gRPC-Web over HTTP/2",
    (baseUrl, sessionManager) => createGrpcWebTransport({ baseUrl, sessionManager, httpVersion: "2" }),
  ],
  ["Connect over HTTP/1.1", (baseUrl) => createConnectTransport({ baseUrl, httpVersion: "1.1" })],
  [
    "Connect over HTTP/2",
    (baseUrl, sessionManager) => createConnectTransport({ baseUrl, sessionManager, httpVersion: "2" }),
  ],
];

/** Calls `use` with a transport and closes its connections. */
async function withTransport(make: Make, url: string, use: (transport: Transport) => Promise<void>): Promise<void> {
  const sessions = new Http2SessionManager(url);
  await use(make(url, sessions)).finally(() => sessions.abort());
}

/** The function's configuration as a client without a registry knows it. */
const functionConfig = { memoryInBytes: BigInt(128 * MIB), timeoutInMs: 60_000n };

Deno.test("one port speaks every protocol", async (t) => {
  await withPlatform([], async (platform) => {
    for (const [name, make] of transports) {
      await t.step(`${name}: invoke; acquire, the same again, return, return again`, async () => {
        await withTransport(make, platform.url, async (transport) => {
          const { body } = await createClient(APIServer, transport).invokeFunction({ functionName: "hello", event });
          assertEquals(new TextDecoder().decode(body), GREETING);
        });
        await withTransport(make, platform.scheduler, async (transport) => {
          const scheduler = createClient(Scheduler, transport);
          const request = { requestId: name, accountId: "default", functionName: "hello", functionConfig };
          const { containerId, nodeId } = await scheduler.acquireContainer(request);
          assertEquals((await scheduler.acquireContainer(request)).containerId, containerId);
          assertMatch(nodeId, /^node-/);
          await scheduler.returnContainer({ requestId: name, containerId });
          await scheduler.returnContainer({ requestId: name, containerId });
        });
      });
    }

    await t.step("gRPC by grpc-js", async () => {
      assertEquals((await invokeByGrpcJs(platform, "hello", event)).body, GREETING);
      const unknown = await invokeByGrpcJs(platform, "nobody", event);
      assertEquals(unknown.code, grpc.status.NOT_FOUND);
      assertStringIncludes(unknown.details, "nobody");
    });

    await t.step("JSON by fetch: invoke; acquire and return; a return nobody knows is counted", async () => {
      const reply = await callJson(platform.url, INVOKE, { functionName: "hello", event: event.toBase64() });
      assertEquals(atob(reply.body), GREETING);
      const config = { memoryInBytes: String(128 * MIB), timeoutInMs: 60_000 };
      const request = { requestId: "json", accountId: "default", functionName: "hello", functionConfig: config };
      const { containerId } = await callJson(platform.scheduler, ACQUIRE, request);
      const { unknownReturns = 0 } = await summaryOf(platform.scheduler);
      for (const more of [0, 1]) {
        assertEquals(await callJson(platform.scheduler, RETURN, { requestId: "json", containerId }), {});
        assertEquals((await summaryOf(platform.scheduler)).unknownReturns ?? 0, unknownReturns + more);
      }
      assertEquals((await summaryOf(platform.scheduler)).leases ?? 0, 0);
    });

    for (const protocol of ["grpc", "grpcweb", "connect"]) {
      await t.step(`buf curl by ${protocol}, with reflection and no proto files`, async () => {
        const reply = JSON.parse(
          await bufCurl(protocol, `${platform.url}/${INVOKE}`, {
            functionName: "hello",
            event: "e30=",
          }),
        );
        assertEquals(atob(reply.body), "Hello, world!\n");
        const acquire = { requestId: `buf ${protocol}`, accountId: "default", functionName: "hello" };
        const config = { memoryInBytes: 128 * MIB, timeoutInMs: 60_000 };
        const grant = JSON.parse(
          await bufCurl(protocol, `${platform.scheduler}/${ACQUIRE}`, { ...acquire, functionConfig: config }),
        );
        const { requestId } = acquire, { containerId } = grant;
        assertEquals(
          JSON.parse(await bufCurl(protocol, `${platform.scheduler}/${RETURN}`, { requestId, containerId })),
          {},
        );
      });
    }

    for (const version of ["--http1.1", "--http2-prior-knowledge"]) {
      await t.step({
        name: `curl ${version} of a function's URL`,
        ignore: commandMissing("curl"),
        fn: async () => {
          assertEquals(await output("curl", "-sS", version, `${platform.url}/fn/hello?name=Ada`), GREETING);
          const headers = await output("curl", "-sSi", version, `${platform.url}/fn/hello`);
          assertMatch(headers, /x-minifaas-request-id: \S+/);
          assertMatch(headers, /server-timing: .*queue.*run/);
          const json = ["-H", "content-type: application/json", "-d", '{"functionName":"hello","event":"e30="}'];
          const reply = JSON.parse(await output("curl", "-sS", version, ...json, `${platform.url}/${INVOKE}`));
          assertEquals(atob(reply.body), "Hello, world!\n");
        },
      });
    }

    await t.step("every mistake is told with its code and its field", () => mistakes(platform));
  });
});

async function bufCurl(protocol: string, url: string, request: unknown): Promise<string> {
  const prior = protocol === "grpc" ? ["--http2-prior-knowledge"] : [];
  const { buf } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`)).tasks;
  const [, ...args] = buf.command.split(" ");
  const data = ["-d", JSON.stringify(request)];
  return await output(Deno.execPath(), ...args, "curl", "--protocol", protocol, ...prior, url, ...data);
}

async function mistakes({ url, scheduler }: Platform): Promise<void> {
  const hello = { functionName: "hello", event: "e30=" };
  const config = { memoryInBytes: 128 * MIB, timeoutInMs: 1_000 };
  const acquire = { requestId: "r", accountId: "default", functionName: "hello", functionConfig: config };
  const memory = (memoryInBytes: number) => ({ ...acquire, functionConfig: { ...config, memoryInBytes } });
  const timeout = (timeoutInMs: number) => ({ ...acquire, functionConfig: { ...config, timeoutInMs } });
  const invalid = "invalid_argument";
  const cases: [method: string, request: unknown, code: string, message: RegExp][] = [
    [INVOKE, { ...hello, functionName: "nobody" }, "not_found", /"nobody"/],
    [INVOKE, { ...hello, functionName: "" }, invalid, /^function_name is missing, must be 1 to 63/],
    [
      INVOKE,
      { ...hello, functionName: "No!" },
      invalid,
      /^function_name is "No!", must be 1 to 63 of a-z, 0-9, _ and -/,
    ],
    [INVOKE, { ...hello, functionName: "a".repeat(64) }, invalid, /^function_name is "a/],
    [INVOKE, { ...hello, accountId: "x".repeat(129) }, invalid, /^account_id is "x/],
    [INVOKE, { ...hello, event: btoa(" ".repeat(6 * MIB + 1)) }, invalid, /^event .*6291456/],
    [ACQUIRE, { ...acquire, requestId: "" }, invalid, /^request_id is missing/],
    [ACQUIRE, { ...acquire, requestId: "r".repeat(129) }, invalid, /^request_id is "r/],
    [ACQUIRE, { ...acquire, accountId: "" }, invalid, /^account_id is missing/],
    [ACQUIRE, { ...acquire, functionName: "../x" }, invalid, /^function_name is "..\/x"/],
    [ACQUIRE, { ...acquire, functionConfig: undefined }, invalid, /^function_config is missing/],
    [ACQUIRE, memory(0), invalid, /^function_config.memory_in_bytes is 0, must be at least/],
    [ACQUIRE, memory(-1), invalid, /^function_config.memory_in_bytes is -1/],
    [ACQUIRE, memory(2 ** 40), invalid, /^function_config.memory_in_bytes .*at most 2048 MiB/],
    [ACQUIRE, timeout(0), invalid, /^function_config.timeout_in_ms is 0/],
    [ACQUIRE, timeout(-5), invalid, /^function_config.timeout_in_ms is -5/],
    [ACQUIRE, { ...acquire, functionName: "unknown" }, "not_found", /"unknown"/],
    [RETURN, { containerId: "c" }, invalid, /^request_id is missing/],
  ];
  for (const [method, request, code, message] of cases) {
    const found = await callJson(method === INVOKE ? url : scheduler, method, request);
    assertEquals(found.code, code, `${method} ${JSON.stringify(request).slice(0, 200)}: ${JSON.stringify(found)}`);
    assertMatch(found.message, message);
  }
}
