import { assert, assertEquals } from "@std/assert";
import { Code, ConnectError, createClient, type HandlerContext, type Transport } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { PlatformError } from "../base/mod.ts";
import { NodeService } from "../../gen/nodeservoceproto/nodeservice_pb.ts";
import { Scheduler } from "../../gen/schedulerproto/scheduler_pb.ts";
import { createClientTransport } from "./mod.ts";
import { errorOf, type TestServer, within, withServer } from "./testing.ts";

/** A handler that waits until it is told to stop, and tells what it was told. */
function waitingHandler() {
  const entered = Promise.withResolvers<{ timeoutMs: number | undefined }>();
  const left = Promise.withResolvers<unknown>();
  const acquire = (_: unknown, context: HandlerContext) => {
    entered.resolve({ timeoutMs: context.timeoutMs() });
    return new Promise<never>((_, reject) => {
      context.signal.addEventListener("abort", () => {
        left.resolve(context.signal.reason);
        reject(context.signal.reason);
      }, { once: true });
    });
  };
  return { acquire, entered: entered.promise, left: left.promise };
}

type Open = (server: TestServer) => { transport: Transport; close(): void };
const openers: [string, Open][] = [
  ["gRPC over HTTP/2", ({ address }) => createClientTransport({ address })],
  [
    "Connect over HTTP/1.1",
    ({ url }) => ({ transport: createConnectTransport({ baseUrl: url, httpVersion: "1.1" }), close() {} }),
  ],
];

for (const [name, open] of openers) {
  Deno.test(`${name}: a deadline reaches the handler and ends the call`, async () => {
    const handler = waitingHandler();
    await withServer({ acquire: handler.acquire }, async (server) => {
      const { transport, close } = open(server);
      const error = await errorOf(createClient(Scheduler, transport).acquireContainer({}, { timeoutMs: 300 }), Error);
      assertEquals(codeOf(error), "deadline_exceeded");
      const { timeoutMs } = await within(handler.entered, "the handler's start");
      assert(timeoutMs !== undefined && timeoutMs > 0 && timeoutMs <= 300, `timeoutMs ${timeoutMs}`);
      await within(handler.left, "the handler's abort");
      close();
    });
  });

  Deno.test(`${name}: a caller that cancels is told so, and the handler's signal is aborted`, async () => {
    const handler = waitingHandler();
    await withServer({ acquire: handler.acquire }, async (server) => {
      const { transport, close } = open(server);
      const leaving = new AbortController();
      const call = errorOf(createClient(Scheduler, transport).acquireContainer({}, { signal: leaving.signal }), Error);
      await within(handler.entered, "the handler's start");
      leaving.abort();
      assertEquals(codeOf(await call), "cancelled");
      await within(handler.left, "the handler's abort");
      close();
    });
  });

  Deno.test(`${name}: a streaming handler learns of its caller's leaving too`, async () => {
    const handler = waitingHandler();
    await withServer({ acquire: handler.acquire }, async (server) => {
      const { transport, close } = open(server);
      const leaving = new AbortController();
      const call = errorOf(
        (async () => {
          const options = { signal: leaving.signal };
          for await (const _ of createClient(NodeService, transport).invokeFunction({}, options));
        })(),
        Error,
      );
      await within(handler.entered, "the handler's start");
      leaving.abort();
      assertEquals(codeOf(await call), "cancelled");
      await within(handler.left, "the handler's abort");
      close();
    });
  });
}

Deno.test("plain JSON: a client that hangs up mid-call aborts the handler's signal", async () => {
  const handler = waitingHandler();
  await withServer({ acquire: handler.acquire }, async ({ listener }) => {
    const connection = await Deno.connect({ port: listener.port });
    const lines = [
      "POST /schedulerproto.Scheduler/AcquireContainer HTTP/1.1",
      "host: here",
      "content-type: application/json",
      "connect-timeout-ms: 5000",
      "content-length: 2",
      "",
      "{}",
    ];
    await connection.write(new TextEncoder().encode(lines.join("\r\n")));
    const { timeoutMs } = await within(handler.entered, "the handler's start");
    assert(timeoutMs !== undefined && timeoutMs <= 5_000);
    connection.close();
    await within(handler.left, "the handler's abort");
  });
});

Deno.test("a timeout that no timer can count is refused, not taken for none", () =>
  withServer({}, async ({ url }) => {
    const response = await fetch(url + "/schedulerproto.Scheduler/AcquireContainer", {
      method: "POST",
      headers: { "content-type": "application/json", "connect-timeout-ms": "9999999999" },
      body: "{}",
    });
    assertEquals([response.status, (await response.json()).code], [400, "invalid_argument"]);
  }));

Deno.test("a handler's own error wins over the deadline that caused it", () =>
  withServer({
    acquire: (_, { signal }) =>
      new Promise((_, reject) => {
        signal.addEventListener("abort", () => reject(new PlatformError("deadline_exceeded", "no room in 100 ms")));
      }),
  }, async ({ url }) => {
    const response = await fetch(url + "/schedulerproto.Scheduler/AcquireContainer", {
      method: "POST",
      headers: { "content-type": "application/json", "connect-timeout-ms": "100" },
      body: "{}",
    });
    assertEquals(await response.json(), { code: "deadline_exceeded", message: "no room in 100 ms" });
  }));

function codeOf(error: Error): string {
  if (error instanceof PlatformError) return error.code;
  if (!(error instanceof ConnectError)) return String(error);
  return error.code === Code.Canceled ? "cancelled" : Code[error.code].replace(/(?<=[a-z])[A-Z]/g, "_$&").toLowerCase();
}
