/** The client against servers of other people. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError, type ConnectRouter, createClient } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import * as grpc from "@grpc/grpc-js";
import { Buffer } from "node:buffer";
import * as http2 from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import { fileURLToPath } from "node:url";
import { KIB, messageOf, PlatformError } from "../../base/mod.ts";
import { RetryInfoSchema } from "../../../gen/google/rpc/error_details_pb.ts";
import { NodeAgentService } from "../../../gen/minifaas/node/v1/node_pb.ts";
import { NodeService } from "../../../gen/nodeservoceproto/nodeservice_pb.ts";
import {
  AcquireContainerReplySchema,
  AcquireContainerRequestSchema,
  Scheduler,
} from "../../../gen/schedulerproto/scheduler_pb.ts";
import { createClientTransport } from "../client.ts";
import { errorOf, within } from "../testing.ts";

/** Serves `routes` with Connect's own adapter on node:http2. */
async function withAdapter(
  routes: (router: ConnectRouter) => void,
  use: (address: string) => Promise<void>,
): Promise<void> {
  const server = http2.createServer(connectNodeAdapter({ routes }));
  const closed: Promise<unknown>[] = [];
  server.on("connection", (socket: Socket) => closed.push(new Promise((resolve) => socket.once("close", resolve))));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await use(`127.0.0.1:${port}`);
  await within(Promise.all(closed), "the connections' end");
  await new Promise((resolve) => server.close(resolve));
}

Deno.test("Connect's adapter: unary calls, many at once, with headers, trailers and errors", () =>
  withAdapter((router) =>
    router.service(Scheduler, {
      acquireContainer(request, context) {
        if (request.requestId === "fail") {
          const detail = { desc: RetryInfoSchema, value: { retryDelay: { seconds: 2n } } };
          throw new ConnectError("full: 100 % – später", Code.ResourceExhausted, { "x-why": "w" }, [detail]);
        }
        context.responseHeader.set("x-head", context.requestHeader.get("x-trace") ?? "");
        context.responseTrailer.set("x-tail", String(context.timeoutMs() !== undefined));
        return { containerId: request.requestId, nodeServicePort: 2n ** 40n };
      },
    }), async (address) => {
    const client = createClientTransport({ address });
    const scheduler = createClient(Scheduler, client.transport);
    const seen: (string | null)[] = [];
    const reply = await scheduler.acquireContainer({ requestId: "one" }, {
      timeoutMs: 60_000,
      headers: { "x-trace": "t" },
      onHeader: (header) => seen.push(header.get("x-head")),
      onTrailer: (trailer) => seen.push(trailer.get("x-tail")),
    });
    assertEquals([reply.containerId, reply.nodeServicePort, ...seen], ["one", 2n ** 40n, "t", "true"]);
    const calls = Array.from({ length: 200 }, (_, index) => scheduler.acquireContainer({ requestId: `r${index}` }));
    assertEquals((await Promise.all(calls)).every(({ containerId }, index) => containerId === `r${index}`), true);
    const error = await errorOf(scheduler.acquireContainer({ requestId: "fail" }), PlatformError);
    assertEquals([error.code, error.message, error.retryAfterMs], [
      "resource_exhausted",
      "full: 100 % – später",
      2_000,
    ]);
    assertEquals((error.cause as ConnectError).metadata.get("x-why"), "w");
    assertEquals((await errorOf(scheduler.returnContainer({}), PlatformError)).code, "unimplemented");
    client.close();
  }));

Deno.test("Connect's adapter: answers that stream, requests that stream, and both at once", () =>
  withAdapter((router) => {
    router.service(NodeService, {
      async *invokeFunction(request) {
        await Promise.resolve();
        for (let i = 0; i < 20; i++) yield { body: request.event };
        if (request.requestId === "fail") throw new ConnectError("broke", Code.Aborted);
      },
    });
    router.service(NodeAgentService, {
      async *fetch(requests) {
        for await (const { part } of requests) {
          if (part.case === "body") yield { part };
        }
      },
    });
  }, async (address) => {
    const client = createClientTransport({ address });
    const node = createClient(NodeService, client.transport);
    const event = new Uint8Array(64 * KIB).fill(7);
    let bytes = 0;
    for await (const { body } of node.invokeFunction({ event })) bytes += body.length;
    assertEquals(bytes, 20 * event.length);
    let parts = 0;
    const failing = async () => {
      for await (const _ of node.invokeFunction({ requestId: "fail" })) parts++;
    };
    const error = await errorOf(failing(), PlatformError);
    assertEquals([parts, error.code, error.message], [20, "aborted", "broke"]);

    async function* requests() {
      for (let i = 0; i < 20; i++) {
        await Promise.resolve();
        yield { part: { case: "body" as const, value: event.slice(0, i) } };
      }
    }
    const lengths: number[] = [];
    for await (const { part } of createClient(NodeAgentService, client.transport).fetch(requests())) {
      if (part.case === "body") lengths.push(part.value.length);
    }
    assertEquals(lengths, Array.from({ length: 20 }, (_, index) => index));
    client.close();
  }));

Deno.test("grpc-js: replies, errors with metadata, an abort, a deadline, an unknown method", async () => {
  const server = new grpc.Server();
  const bytes = (value: Uint8Array) => Buffer.from(value);
  const entered = Promise.withResolvers<void>(), left = Promise.withResolvers<void>();
  server.addService({
    acquire: {
      path: "/schedulerproto.Scheduler/AcquireContainer",
      requestStream: false,
      responseStream: false,
      requestSerialize: bytes,
      requestDeserialize: bytes,
      responseSerialize: bytes,
      responseDeserialize: bytes,
    },
  }, {
    acquire(call: grpc.ServerUnaryCall<Uint8Array, Uint8Array>, answer: grpc.sendUnaryData<Uint8Array>) {
      const { requestId } = fromBinary(AcquireContainerRequestSchema, call.request);
      const metadata = new grpc.Metadata();
      metadata.set("x-who", "grpc-js");
      metadata.set("retry-after-ms", "250");
      if (requestId === "wait") {
        call.once("cancelled", () => left.resolve());
        return entered.resolve();
      }
      if (requestId === "fail") return answer({ code: grpc.status.ABORTED, details: "later: ä %", metadata });
      const reply = toBinary(
        AcquireContainerReplySchema,
        create(AcquireContainerReplySchema, { containerId: requestId }),
      );
      answer(null, reply, metadata);
    },
  });
  const port = await new Promise<number>((resolve, reject) =>
    server.bindAsync(
      "127.0.0.1:0",
      grpc.ServerCredentials.createInsecure(),
      (error, port) => error ? reject(error) : resolve(port),
    )
  );
  const client = createClientTransport({ address: `127.0.0.1:${port}` });
  const scheduler = createClient(Scheduler, client.transport);
  let who: string | null = null;
  const reply = await scheduler.acquireContainer({ requestId: "a" }, {
    onTrailer: (trailer) => who = trailer.get("x-who"),
  });
  assertEquals([reply.containerId, who], ["a", "grpc-js"]);
  const error = await errorOf(scheduler.acquireContainer({ requestId: "fail" }), PlatformError);
  assertEquals([error.code, error.message, error.retryAfterMs], ["aborted", "later: ä %", 250]);
  const leaving = new AbortController();
  const cancelled = errorOf(
    scheduler.acquireContainer({ requestId: "wait" }, { signal: leaving.signal }),
    PlatformError,
  );
  await within(entered.promise, "the handler");
  leaving.abort();
  assertEquals((await cancelled).code, "cancelled");
  await within(left.promise, "the handler's cancellation");
  const late = scheduler.acquireContainer({ requestId: "wait" }, { timeoutMs: 200 });
  assertEquals((await errorOf(late, PlatformError)).code, "deadline_exceeded");
  assertEquals((await errorOf(scheduler.returnContainer({}), PlatformError)).code, "unimplemented");
  client.close();
  await within(new Promise((resolve) => server.tryShutdown(resolve)), "the server's end");
});

const GO_SOURCE = fileURLToPath(new URL("../../../../shared/peers/grpc-go-empty", import.meta.url));

/** Builds the grpc-go server with empty handlers in `folder`; undefined, and a line that says why, where that cannot be. */
async function buildGo(folder: string): Promise<string | undefined> {
  try {
    if (Deno.build.os !== "linux") throw new Error("it needs a loopback address of its own");
    for (const { name } of Deno.readDirSync(GO_SOURCE)) Deno.copyFileSync(`${GO_SOURCE}/${name}`, `${folder}/${name}`);
    const env = { GOFLAGS: "-buildvcs=false" };
    for (const args of [["mod", "tidy"], ["build", "-o", "server", "."]]) {
      const { success, stderr } = await new Deno.Command("go", { args, cwd: folder, env }).output();
      if (!success) throw new Error(`go ${args[0]}: ${new TextDecoder().decode(stderr).trim()}`);
    }
    return `${folder}/server`;
  } catch (error) {
    console.log(`the test with grpc-go is left out: ${messageOf(error)}`);
    return undefined;
  }
}

Deno.test("grpc-go: two thousand calls on one connection, an unknown method, and its sudden end", async () => {
  const folder = await Deno.makeTempDir();
  let server: Deno.ChildProcess | undefined;
  try {
    const program = await buildGo(folder);
    if (!program) return;
    // An address of its own, so that nobody else can have the port.
    const [a, b, c] = crypto.getRandomValues(new Uint8Array(3));
    const address = `127.${a}.${b}.${Math.max(1, c - 1)}:10699`;
    server = new Deno.Command(program, { args: [address], stderr: "null" }).spawn();
    const client = createClientTransport({ address });
    const scheduler = createClient(Scheduler, client.transport);
    // Until it listens, attempts fail one after the other.
    const began = performance.now();
    for (;;) {
      const error = await scheduler.acquireContainer({ requestId: "a" }).then(() => undefined, (error) => error);
      if (!error) break;
      assert(error instanceof PlatformError && error.code === "unavailable", String(error));
      assert(performance.now() - began < 30_000, "grpc-go does not listen");
    }
    const calls = Array.from(
      { length: 2_000 },
      (_, index) => scheduler.acquireContainer({ requestId: `r${index}` }, { timeoutMs: 30_000 }),
    );
    const replies = await within(Promise.all(calls), "the calls", 60_000);
    assert(replies.every(({ containerId }) => containerId === "container-1"));
    const unknown = createClient(NodeService, client.transport).reserve({});
    const error = await errorOf(unknown, PlatformError);
    assertEquals(error.code, "unimplemented");
    assertMatch(error.message, /unknown service nodeservoceproto/);
    server.kill("SIGKILL");
    await server.status;
    server = undefined;
    assertEquals((await errorOf(scheduler.acquireContainer({}), PlatformError)).code, "unavailable");
    client.close();
  } finally {
    server?.kill("SIGKILL");
    await server?.status;
    await Deno.remove(folder, { recursive: true });
  }
});
