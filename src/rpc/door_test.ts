import { assert, assertEquals, assertMatch } from "@std/assert";
import { createClient } from "@connectrpc/connect";
import { PlatformError } from "../base/mod.ts";
import { Health, HealthCheckResponse_ServingStatus as Status } from "../../gen/grpc/health/v1/health_pb.ts";
import * as v1 from "../../gen/grpc/reflection/v1/reflection_pb.ts";
import * as v1alpha from "../../gen/grpc/reflection/v1alpha/reflection_pb.ts";
import { Scheduler } from "../../gen/schedulerproto/scheduler_pb.ts";
import { createClientTransport } from "./mod.ts";
import { errorOf, run, within, withServer } from "./testing.ts";

const ROOT = new URL("../..", import.meta.url).pathname;
const ACQUIRE = "/schedulerproto.Scheduler/AcquireContainer";

Deno.test("with a token everything but health needs it, over every protocol", () =>
  withServer({ token: "s3cret" }, async ({ address, url }) => {
    const status = async (path: string, authorization?: string) => {
      const headers = authorization === undefined ? undefined : { authorization };
      const response = await fetch(url + path, { headers });
      await response.body?.cancel();
      return response.status;
    };
    assertEquals(await status("/healthz"), 200);
    assertEquals(await status("/readyz"), 200);
    assertEquals(await status("/echo"), 401);
    assertEquals(await status("/nowhere"), 401);
    assertEquals(await status("/echo", "Bearer wrong"), 401);
    assertEquals(await status("/echo", "Basic s3cret"), 401);
    assertEquals(await status("/echo", "bearer s3cret"), 200);

    const json = await fetch(url + ACQUIRE, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: "{}",
    });
    assertEquals(json.status, 401);
    assertMatch((await json.json()).message, /^authorization is missing, must be Bearer/);

    for (const [token, code] of [[undefined, "unauthenticated"], ["wrong", "unauthenticated"]] as const) {
      const stranger = createClientTransport({ address, token });
      const error = await errorOf(createClient(Scheduler, stranger.transport).acquireContainer({}), PlatformError);
      assertEquals(error.code, code);
      assertEquals((await createClient(Health, stranger.transport).check({})).status, Status.SERVING);
      stranger.close();
    }
    const friend = createClientTransport({ address, token: "s3cret" });
    await createClient(Scheduler, friend.transport).acquireContainer({});
    friend.close();
  }));

Deno.test("readiness: /readyz tells the reason, Check answers, Watch tells every change", async () => {
  let reason: string | undefined = "nodes are being counted";
  await withServer({ ready: () => reason }, async ({ address, url }) => {
    const notReady = await fetch(url + "/readyz");
    assertEquals(notReady.status, 503);
    assertEquals(await notReady.json(), { service: "scheduler", status: "not ready", reason });

    const client = createClientTransport({ address });
    const health = createClient(Health, client.transport);
    assertEquals((await health.check({ service: "schedulerproto.Scheduler" })).status, Status.NOT_SERVING);
    const unknown = await errorOf(health.check({ service: "nobody" }), PlatformError);
    assertEquals(unknown.code, "not_found");

    const leaving = new AbortController();
    const watch = health.watch({}, { signal: leaving.signal })[Symbol.asyncIterator]();
    assertEquals((await within(watch.next(), "the first status")).value?.status, Status.NOT_SERVING);
    reason = undefined;
    assertEquals((await within(watch.next(), "the change")).value?.status, Status.SERVING);
    leaving.abort();
    await errorOf(watch.next(), PlatformError);

    const ready = await fetch(url + "/readyz");
    assertEquals([ready.status, (await ready.json()).status], [200, "ready"]);
    client.close();
  });
});

Deno.test("a watcher is told that the server closes, and does not hold it up", () =>
  withServer({}, async ({ address, listener }) => {
    const client = createClientTransport({ address });
    const watch = createClient(Health, client.transport).watch({})[Symbol.asyncIterator]();
    assertEquals((await within(watch.next(), "the first status")).value?.status, Status.SERVING);
    const closed = listener.close({ graceMs: 60_000 });
    assertEquals((await within(watch.next(), "the last status")).value?.status, Status.NOT_SERVING);
    assert((await within(watch.next(), "the end")).done);
    await within(closed, "the close");
    client.close();
  }));

for (const { ServerReflection } of [v1, v1alpha]) {
  Deno.test(`${ServerReflection.typeName} lists services and finds files, symbols and what they need`, () =>
    withServer({}, async ({ address }) => {
      const client = createClientTransport({ address });
      const ask = async (messageRequest: v1.ServerReflectionRequest["messageRequest"]) => {
        // Both versions are the same but for the name.
        const reflection = createClient(ServerReflection as typeof v1.ServerReflection, client.transport);
        async function* requests() {
          yield { host: "here", messageRequest } as { host: string };
        }
        for await (const reply of reflection.serverReflectionInfo(requests())) return reply.messageResponse;
        throw new Error("no answer");
      };
      const services = await ask({ case: "listServices", value: "" });
      assert(services.case === "listServicesResponse");
      const names = (services.value as v1.ListServiceResponse).service.map(({ name }) => name);
      assert(names.includes("schedulerproto.Scheduler") && names.includes("grpc.health.v1.Health"));

      for (const symbol of ["schedulerproto.Scheduler", `schedulerproto.Scheduler.AcquireContainer`]) {
        const found = await ask({ case: "fileContainingSymbol", value: symbol });
        assertEquals(found.case, "fileDescriptorResponse");
      }
      const file = await ask({ case: "fileByFilename", value: "schedulerproto/scheduler.proto" });
      assertEquals(file.case, "fileDescriptorResponse");
      const missing = await ask({ case: "fileContainingSymbol", value: "no.Such" });
      assertEquals(missing.case, "errorResponse");
      client.close();
    }));
}

Deno.test("buf curl needs no proto files, over gRPC, gRPC-Web and Connect", () =>
  withServer({ token: "s3cret" }, async ({ url }) => {
    const buf = (...args: string[]) =>
      run("deno", ["task", "-q", "buf", "curl", "--http2-prior-knowledge", ...args], ROOT);
    for (const protocol of ["grpc", "grpcweb", "connect"]) {
      const flags = ["--protocol", protocol, "-H", "authorization: Bearer s3cret"];
      const reply = JSON.parse(await buf(...flags, "--reflect-header", "*", "-d", '{"requestId":"b"}', url + ACQUIRE));
      assertEquals(reply, { containerId: "b" });
    }
  }));
