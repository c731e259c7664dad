import { assertEquals } from "@std/assert";
import * as http2 from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import { createClient } from "@connectrpc/connect";
import { PlatformError } from "../base/mod.ts";
import { Scheduler } from "../../gen/schedulerproto/scheduler_pb.ts";
import { createClientTransport } from "./mod.ts";
import { errorOf, within, withServer } from "./testing.ts";

const REQUEST = { requestId: "r1" };

Deno.test("a server that ends its connection in the middle of a call is unavailable, however it does so", async (t) => {
  const endings: Record<string, (stream: http2.ServerHttp2Stream, socket: Socket) => void> = {
    "the session is destroyed": (stream) => stream.session!.destroy(),
    "the socket is destroyed": (_, socket) => socket.destroy(),
    "a polite GOAWAY, then the end": (stream, socket) => {
      stream.session!.goaway(0);
      setTimeout(() => socket.destroy(), 20);
    },
    "the stream is refused": (stream) => stream.close(http2.constants.NGHTTP2_REFUSED_STREAM),
    "headers, and then nothing more": (stream) => {
      stream.respond({ ":status": 200, "content-type": "application/grpc" });
      setTimeout(() => stream.session?.destroy(), 20);
    },
  };
  for (const [name, end] of Object.entries(endings)) {
    await t.step(name, async () => {
      const server = http2.createServer();
      let socket: Socket | undefined;
      server.on("connection", (connection: Socket) => socket = connection);
      const closed: Promise<unknown>[] = [];
      server.on("session", (session) => {
        session.on("error", () => {});
        closed.push(new Promise((resolve) => session.once("close", resolve)));
      });
      server.on("stream", (stream: http2.ServerHttp2Stream) => {
        stream.on("error", () => {});
        end(stream, socket!);
      });
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const { port } = server.address() as AddressInfo;
      const client = createClientTransport({ address: `127.0.0.1:${port}` });
      const error = await errorOf(createClient(Scheduler, client.transport).acquireContainer(REQUEST), PlatformError);
      assertEquals(error.code, "unavailable", error.message);
      client.close();
      await within(Promise.all(closed), "the sessions' end");
      await new Promise((resolve) => server.close(resolve));
    });
  }
});

Deno.test("after a restart of the server the next call opens a new connection", () =>
  withServer({}, async ({ edge, listener, address }) => {
    const client = createClientTransport({ address });
    const scheduler = createClient(Scheduler, client.transport);
    await scheduler.acquireContainer(REQUEST);
    await listener.close();
    assertEquals((await errorOf(scheduler.acquireContainer(REQUEST), PlatformError)).code, "unavailable");
    const again = await edge.listen({ hostname: listener.hostname, port: listener.port });
    assertEquals((await scheduler.acquireContainer(REQUEST)).containerId, "r1");
    client.close();
    await again.close({ graceMs: 0 });
  }));

Deno.test("a deadline may have parts of a millisecond", () =>
  withServer({}, async ({ address }) => {
    const client = createClientTransport({ address });
    const reply = await createClient(Scheduler, client.transport).acquireContainer(REQUEST, { timeoutMs: 5_000 / 3 });
    assertEquals(reply.containerId, "r1");
    client.close();
  }));

Deno.test("a burst of 2,500 calls on one connection ends well", () =>
  withServer({}, async ({ address }) => {
    const client = createClientTransport({ address });
    const scheduler = createClient(Scheduler, client.transport);
    const calls = Array.from({ length: 2_500 }, (_, index) => scheduler.acquireContainer({ requestId: `r${index}` }));
    const replies = await within(Promise.all(calls), "the burst", 60_000);
    assertEquals(replies.every(({ containerId }, index) => containerId === `r${index}`), true);
    client.close();
  }));

Deno.test("closing ends the connection and the calls on it", async () => {
  const entered = Promise.withResolvers<void>();
  const left = Promise.withResolvers<void>();
  await withServer({
    acquire: (_, { signal }) => {
      entered.resolve();
      signal.addEventListener("abort", () => left.resolve());
      return left.promise;
    },
  }, async ({ address }) => {
    const client = createClientTransport({ address });
    const call = errorOf(createClient(Scheduler, client.transport).acquireContainer(REQUEST), PlatformError);
    await within(entered.promise, "the handler's start");
    client.close();
    assertEquals((await call).code, "unavailable");
    await within(left.promise, "the handler's abort");
  });
});
