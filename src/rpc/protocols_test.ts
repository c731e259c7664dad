import { assertEquals, assertMatch } from "@std/assert";
import { createClient, type Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { Http2SessionManager } from "@connectrpc/connect-node";
import { Buffer } from "node:buffer";
import * as grpc from "@grpc/grpc-js";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import {
  AcquireContainerReplySchema,
  AcquireContainerRequestSchema,
  Scheduler,
} from "../../gen/schedulerproto/scheduler_pb.ts";
import { NodeService } from "../../gen/nodeservoceproto/nodeservice_pb.ts";
import { createClientTransport } from "./mod.ts";
import { curl, curlMissing, type TestServer, withServer } from "./testing.ts";

const ACQUIRE = "/schedulerproto.Scheduler/AcquireContainer";

/** A unary and a streaming call. */
async function callBoth(transport: Transport): Promise<void> {
  const scheduler = createClient(Scheduler, transport);
  const reply = await scheduler.acquireContainer({ requestId: "r1", functionConfig: { memoryInBytes: 2n ** 40n } });
  assertEquals([reply.containerId, reply.nodeServicePort], ["r1", 2n ** 40n]);
  const event = new Uint8Array(100_000).fill(7);
  let received = 0;
  for await (const part of createClient(NodeService, transport).invokeFunction({ event })) received += part.body.length;
  assertEquals(received, 200_000);
}

Deno.test("gRPC with this room's own client", () =>
  withServer({}, async ({ address }) => {
    const client = createClientTransport({ address });
    await callBoth(client.transport);
    client.close();
  }));

type Make = (baseUrl: string, sessionManager: Http2SessionManager) => Transport;
const transports: [name: string, make: Make][] = [
  ["gRPC over HTTP/2", (baseUrl, sessionManager) => createGrpcTransport({ baseUrl, sessionManager })],
  ["gRPC-Web over HTTP/1.1", (baseUrl) => createGrpcWebTransport({ baseUrl, httpVersion: "1.1" })],
  [
    "gRPC-Web over HTTP/2",
    (baseUrl, sessionManager) => createGrpcWebTransport({ baseUrl, sessionManager, httpVersion: "2" }),
  ],
  ["Connect over HTTP/1.1", (baseUrl) => createConnectTransport({ baseUrl, httpVersion: "1.1" })],
  [
    "Connect over HTTP/1.1 with JSON",
    (baseUrl) => createConnectTransport({ baseUrl, httpVersion: "1.1", useBinaryFormat: false }),
  ],
  [
    "Connect over HTTP/2",
    (baseUrl, sessionManager) => createConnectTransport({ baseUrl, sessionManager, httpVersion: "2" }),
  ],
];
for (const [name, make] of transports) {
  Deno.test(name, () =>
    withServer({}, async ({ url }) => {
      const sessions = new Http2SessionManager(url);
      await callBoth(make(url, sessions));
      sessions.abort();
    }));
}

Deno.test("gRPC with grpc-js: replies, and errors with their metadata", () =>
  withServer({
    token: "secret",
  }, async ({ address }) => {
    const client = new grpc.Client(address, grpc.credentials.createInsecure());
    const call = (metadata: grpc.Metadata) =>
      new Promise<{ error: grpc.ServiceError | null; containerId?: string }>((resolve) =>
        client.makeUnaryRequest(
          ACQUIRE,
          (value: string) =>
            Buffer.from(
              toBinary(AcquireContainerRequestSchema, create(AcquireContainerRequestSchema, { requestId: value })),
            ),
          (bytes) => fromBinary(AcquireContainerReplySchema, bytes).containerId,
          "from grpc-js",
          metadata,
          (error, containerId) => resolve({ error, containerId }),
        )
      );
    const metadata = new grpc.Metadata();
    assertEquals((await call(metadata)).error?.code, grpc.status.UNAUTHENTICATED);
    metadata.set("authorization", "Bearer secret");
    assertEquals((await call(metadata)).containerId, "from grpc-js");
    client.close();
  }));

Deno.test("JSON with fetch; integers of 64 bits are strings", () =>
  withServer({}, async ({ url }) => {
    const response = await fetch(url + ACQUIRE, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ requestId: "r1", functionConfig: { memoryInBytes: "1099511627776" } }),
    });
    assertEquals(await response.json(), { containerId: "r1", nodeServicePort: "1099511627776" });
  }));

Deno.test("edge.fetch alone serves JSON, and refuses gRPC in gRPC's own way", () =>
  withServer({}, async ({ edge }) => {
    const call = (contentType: string) =>
      edge.fetch(
        new Request("http://any.host" + ACQUIRE, {
          method: "POST",
          headers: { "content-type": contentType },
          body: '{"requestId":"r1"}',
        }),
      );
    assertEquals(await (await call("application/json; charset=utf-8")).json(), { containerId: "r1" });
    const refused = await call("application/grpc+proto");
    assertEquals([refused.status, refused.headers.get("grpc-status")], [200, "12"]);
  }));

for (const http2 of [false, true]) {
  const flags = http2 ? ["--http2-prior-knowledge"] : ["--http1.1"];
  Deno.test({
    name: `curl over HTTP/${http2 ? 2 : 1.1}: JSON, health, own routes, and a clear line for every mistake`,
    ignore: curlMissing(),
    fn: () =>
      withServer({}, async ({ url }) => {
        const json = ["-H", "content-type: application/json"];
        assertEquals(await curl(...flags, ...json, "-d", '{"requestId":"c"}', url + ACQUIRE), '{"containerId":"c"}');
        assertEquals(await curl(...flags, url + "/healthz"), '{"service":"scheduler","status":"ok"}\n');
        assertEquals(
          await curl(...flags, "-d", "hi", "-w", "%header{x-method} %header{x-url}", url + "/echo?q=1"),
          `hiPOST ${url}/echo?q=1`,
        );
        const mistake = async (...args: string[]) => JSON.parse(await curl(...flags, "-w", "", ...args));
        assertMatch(await curl(...flags, "-d", "{}", url + ACQUIRE), /^content-type is "application\/x-www-form/);
        assertEquals(await curl(...flags, url + ACQUIRE), "GET is not allowed here, must be POST\n");
        assertEquals(await mistake(...json, "-d", "{}", url + "/schedulerproto.Scheduler/Nothing"), {
          code: "unimplemented",
          message: "/schedulerproto.Scheduler/Nothing is no method that scheduler serves",
        });
        assertEquals(await mistake(url + "/nowhere?x=1"), {
          code: "not_found",
          message: "GET /nowhere is nothing that scheduler serves",
        });
        const status = await curl(...flags, "-o", "/dev/null", "-w", "%{http_code}", url + "/nowhere");
        assertEquals(status, "404");
      }),
  });
}

Deno.test("an unknown method is unimplemented for gRPC clients", () =>
  withServer({}, async ({ address }: TestServer) => {
    const client = new grpc.Client(address, grpc.credentials.createInsecure());
    const error = await new Promise<grpc.ServiceError | null>((resolve) =>
      client.makeUnaryRequest(
        "/schedulerproto.Scheduler/Nothing",
        (value: string) => Buffer.from(value),
        () => {},
        "",
        (error) => resolve(error),
      )
    );
    assertEquals(error?.code, grpc.status.UNIMPLEMENTED);
    assertMatch(error?.details ?? "", /Nothing is no method that scheduler serves/);
    client.close();
  }));
