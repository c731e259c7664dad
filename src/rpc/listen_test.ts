import { assert, assertEquals, assertMatch } from "@std/assert";
import { createClient } from "@connectrpc/connect";
import { ManualClock, PlatformError } from "../base/mod.ts";
import { Scheduler } from "../../gen/schedulerproto/scheduler_pb.ts";
import { createClientTransport } from "./mod.ts";
import { errorOf, within, withServer } from "./testing.ts";

Deno.test("a port that is taken is told in one line", () =>
  withServer({}, async ({ edge, listener }) => {
    const error = await errorOf(edge.listen({ hostname: "127.0.0.1", port: listener.port }), PlatformError);
    assertEquals(error.code, "failed_precondition");
    assertMatch(error.message, new RegExp(`^port ${listener.port} on 127.0.0.1 is taken: `));
  }));

Deno.test("a close lets calls under way end, over HTTP/1.1 and HTTP/2, and takes no new ones", async () => {
  const entered = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const go = Promise.withResolvers<void>();
  await withServer({
    acquire: async ({ requestId }) => {
      entered[Number(requestId)].resolve();
      await go.promise;
    },
  }, async ({ listener, address, url }) => {
    const client = createClientTransport({ address });
    const overHttp2 = createClient(Scheduler, client.transport).acquireContainer({ requestId: "0" });
    const overHttp1 = fetch(url + "/schedulerproto.Scheduler/AcquireContainer", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: '{"requestId":"1"}',
    });
    await within(Promise.all(entered.map(({ promise }) => promise)), "both handlers' start");
    const closed = listener.close({ graceMs: 60_000 });
    await errorOf(fetch(url + "/healthz"), Error);
    go.resolve();
    assertEquals((await overHttp2).containerId, "0");
    assertEquals(await (await overHttp1).json(), { containerId: "1" });
    await within(closed, "the close");
    client.close();
  });
});

Deno.test("a close cuts what does not end in time: callers see unavailable, handlers an aborted signal", async () => {
  const entered = Promise.withResolvers<void>();
  const left = Promise.withResolvers<void>();
  await withServer({
    acquire: (_, { signal }) => {
      entered.resolve();
      signal.addEventListener("abort", () => left.resolve());
      return new Promise(() => {});
    },
  }, async ({ listener, address }) => {
    const client = createClientTransport({ address });
    const call = errorOf(createClient(Scheduler, client.transport).acquireContainer({}), PlatformError);
    await within(entered.promise, "the handler's start");
    await within(listener.close({ graceMs: 50 }), "the close");
    assertEquals((await call).code, "unavailable");
    await within(left.promise, "the handler's abort");
    client.close();
  });
});

Deno.test("the same over HTTP/1.1: a call that is cut answers 503, an own route that never ends is cut off", async () => {
  const entered = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const never = (index: number) => {
    entered[index].resolve();
    return new Promise<never>(() => {});
  };
  await withServer({
    acquire: () => never(0),
    http: (app) => void app.get("/never", () => never(1)),
  }, async ({ listener, url }) => {
    const call = fetch(url + "/schedulerproto.Scheduler/AcquireContainer", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: "{}",
    });
    const route = errorOf(fetch(url + "/never"), TypeError);
    await within(Promise.all(entered.map(({ promise }) => promise)), "both handlers' start");
    await within(listener.close({ graceMs: 50 }), "the close");
    const response = await call;
    assertEquals([response.status, (await response.json()).code], [503, "unavailable"]);
    await route;
  });
});

Deno.test("the preface may come in pieces, and what is no HTTP at all is cut off", () =>
  withServer({}, async ({ listener }) => {
    const pieces = await Deno.connect({ port: listener.port });
    for (const piece of ["PR", "I * HTTP/2.0\r\n\r\nS", "M\r\n\r\n"]) {
      await pieces.write(new TextEncoder().encode(piece));
    }
    await pieces.write(new Uint8Array([0, 0, 0, 4, 0, 0, 0, 0, 0]));
    const first = new Uint8Array(9);
    await within(pieces.read(first), "the server's settings");
    assertEquals(first[3], 4, "a SETTINGS frame");
    pieces.close();

    const nonsense = await Deno.connect({ port: listener.port });
    await nonsense.write(new Uint8Array(100).fill(1));
    const answer = new Uint8Array(1_000);
    const length = await within(nonsense.read(answer), "the refusal");
    assert(length === null || new TextDecoder().decode(answer.subarray(0, length)).startsWith("HTTP/1.1 400"));
    nonsense.close();
  }));

Deno.test("connections that are silent or idle do not hold a close", () =>
  withServer({}, async ({ listener, url }) => {
    const silent = await Deno.connect({ port: listener.port });
    const idle = Deno.createHttpClient({});
    await (await fetch(url + "/healthz", { client: idle })).text();
    await within(listener.close({ graceMs: 60_000 }), "the close");
    assertEquals(await silent.read(new Uint8Array(1)).catch(() => null), null);
    silent.close();
    idle.close();
  }));

Deno.test("a connection that says nothing for half a minute is cut off", () => {
  const clock = new ManualClock();
  return withServer({ clock }, async ({ listener, url }) => {
    const silent = await Deno.connect({ port: listener.port });
    // Once this one is answered, the one before it is accepted too.
    await (await fetch(url + "/healthz", { headers: { connection: "close" } })).text();
    await clock.advance(29_999);
    assert(clock.pending > 0);
    await clock.advance(1);
    assertEquals(await within(silent.read(new Uint8Array(1)).catch(() => null), "the cut"), null);
    silent.close();
  });
});
