import { assert, assertEquals, assertFalse } from "@std/assert";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { type ErrorCode, PlatformError } from "../base/mod.ts";
import { NodeService } from "../../gen/nodeservoceproto/nodeservice_pb.ts";
import { Scheduler } from "../../gen/schedulerproto/scheduler_pb.ts";
import { createClientTransport, fromConnectError, httpStatusOf, toConnectError } from "./mod.ts";
import { errorOf, withServer } from "./testing.ts";

const CODES: ErrorCode[] = [
  "cancelled",
  "unknown",
  "invalid_argument",
  "deadline_exceeded",
  "not_found",
  "already_exists",
  "permission_denied",
  "resource_exhausted",
  "failed_precondition",
  "aborted",
  "out_of_range",
  "unimplemented",
  "internal",
  "unavailable",
  "data_loss",
  "unauthenticated",
];

Deno.test("codes have gRPC's numbers, and come back as they went", () => {
  CODES.forEach((code, index) => {
    const wire = toConnectError(new PlatformError(code, "why"));
    assertEquals(wire.code, index + 1);
    const received = new ConnectError(wire.rawMessage, wire.code, wire.metadata);
    assertEquals([fromConnectError(received).code, fromConnectError(received).message], [code, "why"]);
    assert(httpStatusOf(code) >= 400);
  });
});

Deno.test("a PlatformError crosses gRPC whole: code, message, failure, retry delay", () =>
  withServer({
    acquire: (request) => {
      if (request.requestId === "") return;
      throw new PlatformError("resource_exhausted", `queue of "${request.requestId}" is full: 100 % – später`, {
        retryAfterMs: 1_234,
        failure: "output_limit",
      });
    },
  }, async ({ address }) => {
    const client = createClientTransport({ address });
    const request = { requestId: "hello" };
    const unary = await errorOf(createClient(Scheduler, client.transport).acquireContainer(request), PlatformError);
    const streamed = await errorOf(
      (async () => {
        for await (const _ of createClient(NodeService, client.transport).invokeFunction(request));
      })(),
      PlatformError,
    );
    for (const error of [unary, streamed]) {
      assertEquals(error.code, "resource_exhausted");
      assertEquals(error.message, 'queue of "hello" is full: 100 % – später');
      assertEquals(error.retryAfterMs, 1_234);
      assertEquals(error.failure, "output_limit");
    }
    client.close();
  }));

Deno.test("over Connect the same is told by status, body and headers", () =>
  withServer({
    acquire: () => {
      throw new PlatformError("unavailable", "no node", { retryAfterMs: 1_001, failure: "unavailable" });
    },
  }, async ({ url }) => {
    const response = await fetch(url + "/schedulerproto.Scheduler/AcquireContainer", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: "{}",
    });
    const { code, message } = await response.json();
    assertEquals([response.status, code, message], [503, "unavailable", "no node"]);
    assertEquals(response.headers.get("retry-after"), "2");
    assertEquals(response.headers.get("retry-after-ms"), "1001");
    assertEquals(response.headers.get("x-minifaas-failure"), "unavailable");
  }));

Deno.test("what nobody expected is internal: one line for the client, the stack for the log", () =>
  withServer({}, async ({ address, url, lines }) => {
    const client = createClientTransport({ address });
    let parts = 0;
    const error = await errorOf(
      (async () => {
        for await (const _ of createClient(NodeService, client.transport).invokeFunction({ requestId: "fail" })) {
          parts++;
        }
      })(),
      PlatformError,
    );
    assertEquals(parts, 2);
    assertEquals([error.code, error.message], ["internal", "broke in the middle"]);
    client.close();

    const overConnect = createConnectTransport({ baseUrl: url, httpVersion: "1.1" });
    const wire = await errorOf(
      (async () => {
        for await (const _ of createClient(NodeService, overConnect).invokeFunction({ requestId: "fail" }));
      })(),
      ConnectError,
    );
    assertEquals([wire.code, wire.rawMessage], [Code.Internal, "broke in the middle"]);
    const logged = lines.filter((line) => line.includes('"level":"error"'));
    assertEquals(logged.length, 2);
    assert(logged[0].includes("testing.ts") && logged[0].includes("NodeService/InvokeFunction"));
  }));

Deno.test("a service's own route that throws answers with the same JSON", () =>
  withServer({
    http: (app) => {
      app.get("/known", () => {
        throw new PlatformError("not_found", "no function of that name", { failure: "import" });
      });
      app.get("/bug", () => {
        throw new Error("first line\nsecond line");
      });
    },
  }, async ({ url }) => {
    const known = await fetch(url + "/known");
    assertEquals([known.status, known.headers.get("x-minifaas-failure")], [404, "import"]);
    assertEquals(await known.text(), '{"code":"not_found","message":"no function of that name"}\n');
    const bug = await fetch(url + "/bug");
    assertEquals(bug.status, 500);
    assertEquals(await bug.json(), { code: "internal", message: "first line" });
  }));

Deno.test("nobody listening is unavailable, and so is a client that was closed", async () => {
  const client = createClientTransport({ address: "127.0.0.1:1" });
  const call = () =>
    errorOf(createClient(Scheduler, client.transport).acquireContainer({ requestId: "r" }), PlatformError);
  const refused = await call();
  assertEquals(refused.code, "unavailable");
  client.close();
  const closed = await call();
  assertEquals(closed.code, "unavailable");
});

Deno.test("an address that is none is told at once", async () => {
  const error = await errorOf(
    Promise.resolve().then(() => createClientTransport({ address: "nowhere" })),
    PlatformError,
  );
  assertEquals(error.message, 'address is "nowhere", must be host:port');
});

Deno.test("a message over the limit is resource_exhausted and never reaches the handler", () => {
  let called = false;
  return withServer({ acquire: () => void (called = true) }, async ({ address }) => {
    const client = createClientTransport({ address });
    const huge = { requestId: "x".repeat(33 * 1024 * 1024) };
    const error = await errorOf(createClient(Scheduler, client.transport).acquireContainer(huge), PlatformError);
    assertEquals(error.code, "resource_exhausted");
    assertFalse(called);
    client.close();
  });
});
