/**
 * The same requests to both sides that can serve HTTP/2, and the same answers: code, message, details, metadata, bodies.
 * Deliberate differences are looked at one by one, each with its reason, at the end.
 */
import { assertEquals } from "@std/assert";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient, encodeBinaryHeader, type Transport } from "@connectrpc/connect";
import {
  compressionGzip,
  createConnectTransport,
  createGrpcTransport,
  createGrpcWebTransport,
  Http2SessionManager,
} from "@connectrpc/connect-node";
import * as grpc from "@grpc/grpc-js";
import { Buffer } from "node:buffer";
import * as http2 from "node:http2";
import { gzipSync } from "node:zlib";
import { MESSAGE_BYTES_MAX, PlatformError } from "../base/mod.ts";
import { RetryInfoSchema } from "../../gen/google/rpc/error_details_pb.ts";
import {
  AcquireContainerReplySchema,
  AcquireContainerRequestSchema,
  Scheduler,
} from "../../gen/schedulerproto/scheduler_pb.ts";
import { NodeService } from "../../gen/nodeservoceproto/nodeservice_pb.ts";
import { HTTP2_SIDES } from "./mod.ts";
import { type Acquire, type TestServer, within, withServer } from "./testing.ts";

const ACQUIRE = "/schedulerproto.Scheduler/AcquireContainer";

/** What the handler does is in the request's id. */
const acquire: Acquire = async ({ requestId }, context) => {
  const { requestHeader, responseHeader, responseTrailer } = context;
  switch (requestId) {
    case "platform error":
      throw new PlatformError("resource_exhausted", "no room: 100 % taken, ünïcode\nand a line", {
        retryAfterMs: 1_500,
        failure: "timeout",
      });
    case "unexpected error":
      throw new TypeError("secret is undefined\n  at secret.ts:1");
    case "connect error": {
      const details = [{ desc: RetryInfoSchema, value: create(RetryInfoSchema, { retryDelay: { seconds: 7n } }) }];
      const metadata = {
        "x-more": "of it",
        "data-bin": encodeBinaryHeader(new Uint8Array([0, 255])),
        "grpc-status": "3",
      };
      throw new ConnectError("as it is: a/b?c%d", Code.DataLoss, metadata, details);
    }
    case "nothing to say":
      throw new ConnectError("", Code.Aborted);
    case "metadata":
      responseHeader.set("x-seen", `${requestHeader.get("x-sent")} ${requestHeader.get("cookie")}`);
      responseHeader.set("seen-bin", requestHeader.get("sent-bin") ?? "none");
      responseTrailer.set("x-last", "word");
      responseTrailer.append("x-last", "and another");
      break;
    case "metadata and an error":
      responseHeader.set("x-first", "word");
      responseTrailer.set("x-last", "word");
      throw new PlatformError("not_found", "nothing");
    case "context": {
      const { method, service, protocolName, requestMethod, url, values, signal } = context;
      const path = new URL(url).pathname + new URL(url).search;
      const told = [method.name, service.typeName, protocolName, requestMethod, path, typeof values, signal.aborted];
      responseHeader.set("x-told", told.join(" "));
      responseHeader.set("x-timeout", typeof context.timeoutMs());
      break;
    }
    case "slow":
      await new Promise((_, reject) => {
        context.signal.addEventListener("abort", () => reject(context.signal.reason), { once: true });
      });
  }
};

/** Runs `ask` against both and expects the same. */
function same(name: string, ask: (server: TestServer) => Promise<unknown>, options: { token?: string } = {}): void {
  Deno.test(`own and node answer alike: ${name}`, async () => {
    const answers: unknown[] = [];
    for (const side of HTTP2_SIDES) {
      const at = { http2: side };
      await withServer({ acquire, at, ...options }, async (server) => void answers.push(await ask(server)));
    }
    assertEquals(answers[0], answers[1]);
  });
}

/* Clients of others. */

const ids = [
  "hello",
  "platform error",
  "unexpected error",
  "connect error",
  "nothing to say",
  "metadata",
  "metadata and an error",
  "context",
];

/** Fields that say nothing of the answer's meaning, or where it came from. */
const INSIGNIFICANT = new Set(["date", "content-length", "grpc-encoding", "accept-encoding", "vary"]);

function entries(headers: Headers): Record<string, string> {
  return Object.fromEntries([...headers].filter(([name]) => !INSIGNIFICANT.has(name)).sort());
}

function told(error: unknown): unknown {
  const { code, rawMessage, metadata, details } = ConnectError.from(error);
  const delays = ConnectError.from(error).findDetails(RetryInfoSchema).map(({ retryDelay }) => retryDelay?.seconds);
  return { code: Code[code], rawMessage, metadata: entries(metadata), details: details.length, delays };
}

type Make = (baseUrl: string, sessionManager: Http2SessionManager) => Transport;
const transports: [name: string, make: Make][] = [
  ["gRPC", (baseUrl, sessionManager) => createGrpcTransport({ baseUrl, sessionManager })],
  [
    "gRPC with gzip",
    (baseUrl, sessionManager) => {
      const compression = { acceptCompression: [compressionGzip], sendCompression: compressionGzip };
      return createGrpcTransport({ baseUrl, sessionManager, ...compression, compressMinBytes: 1 });
    },
  ],
  [
    "gRPC with JSON",
    (baseUrl, sessionManager) => createGrpcTransport({ baseUrl, sessionManager, useBinaryFormat: false }),
  ],
  ["gRPC-Web", (baseUrl, sessionManager) => createGrpcWebTransport({ baseUrl, sessionManager, httpVersion: "2" })],
  ["Connect", (baseUrl, sessionManager) => createConnectTransport({ baseUrl, sessionManager, httpVersion: "2" })],
];

for (const [name, make] of transports) {
  const withTransport = (use: (transport: Transport) => Promise<unknown>) => async ({ url }: TestServer) => {
    const sessions = new Http2SessionManager(url);
    try {
      return await use(make(url, sessions));
    } finally {
      sessions.abort();
    }
  };

  same(
    `${name} by connect-node, unary`,
    withTransport(async (transport) => {
      const client = createClient(Scheduler, transport);
      const answers: unknown[] = [];
      for (const requestId of ids) {
        const answer: Record<string, unknown> = {};
        const headers = {
          "x-sent": "once",
          cookie: "a=1",
          "sent-bin": encodeBinaryHeader(new Uint8Array([1, 2, 250])),
        };
        const reply = client.acquireContainer({ requestId }, {
          headers,
          timeoutMs: 20_000,
          onHeader: (found) => answer.headers = entries(found),
          onTrailer: (found) => answer.trailers = entries(found),
        });
        const settled = await reply.then(({ containerId }) => containerId, told);
        // Where an error comes in one block, its headers are trailers: that is gRPC's "Trailers-Only".
        answers.push(typeof settled === "string" ? { ...answer, settled } : settled);
      }
      return answers;
    }),
  );

  same(
    `${name} by connect-node, a stream of answers`,
    withTransport(async (transport) => {
      const client = createClient(NodeService, transport);
      const answers: unknown[] = [];
      for (const requestId of [...ids, "fail"]) {
        const event = new Uint8Array(200_000).fill(3);
        const bodies: number[] = [];
        let error: unknown;
        try {
          for await (const { body } of client.invokeFunction({ requestId, event })) bodies.push(body.length);
        } catch (found) {
          error = told(found);
        }
        answers.push({ bodies, error });
      }
      return answers;
    }),
  );

  same(
    `${name} by connect-node, a deadline and a caller that leaves`,
    withTransport(async (transport) => {
      const client = createClient(Scheduler, transport);
      const late = await client.acquireContainer({ requestId: "slow" }, { timeoutMs: 100 }).catch(told);
      const leaving = AbortSignal.timeout(100);
      const left = await client.acquireContainer({ requestId: "slow" }, { signal: leaving }).catch(told);
      return [late, left];
    }),
  );
}

same("grpc-js: replies, errors, metadata, deadlines", async ({ address }) => {
  const client = new grpc.Client(address, grpc.credentials.createInsecure());
  const answers: unknown[] = [];
  for (const requestId of [...ids, "slow"]) {
    const metadata = new grpc.Metadata();
    metadata.set("x-sent", "once");
    metadata.set("sent-bin", Buffer.from([1, 2, 250]));
    const answer = await within(
      new Promise((resolve) => {
        const seen: Record<string, unknown> = {};
        const call = client.makeUnaryRequest(
          ACQUIRE,
          (id: string) => Buffer.from(acquireBytes(id)),
          (bytes: Buffer) => fromBinary(AcquireContainerReplySchema, bytes).containerId,
          requestId,
          metadata,
          { deadline: Date.now() + (requestId === "slow" ? 150 : 20_000) },
          (error, reply) => {
            if (!error) return resolve({ reply, ...seen });
            resolve({
              code: grpc.status[error.code],
              details: deadlineless(error.details),
              metadata: mapOf(error.metadata),
            });
          },
        );
        call.on("metadata", (found) => seen.headers = mapOf(found));
        call.on("status", ({ metadata }) => seen.trailers = mapOf(metadata));
      }),
      requestId,
    );
    answers.push(answer);
  }
  client.close();
  return answers;
});

function mapOf(metadata: grpc.Metadata): Record<string, unknown> {
  const map = metadata.getMap();
  for (const name of [...INSIGNIFICANT, "content-type"]) delete map[name];
  return map;
}

/** grpc-js tells of a deadline with seconds and addresses in it. */
function deadlineless(details: string): string {
  return details.startsWith("Deadline exceeded") ? "Deadline exceeded" : details;
}

/* Requests as nobody's client makes them. */

function acquireBytes(requestId: string): Uint8Array {
  return toBinary(AcquireContainerRequestSchema, create(AcquireContainerRequestSchema, { requestId }));
}

function envelope(bytes: Uint8Array, flags = 0, length = bytes.length): Uint8Array {
  const all = new Uint8Array(5 + bytes.length);
  all[0] = flags;
  new DataView(all.buffer).setUint32(1, length);
  all.set(bytes, 5);
  return all;
}

const hello = acquireBytes("hello");
const none = new Uint8Array(0);
const two = new Uint8Array([...envelope(hello), ...envelope(hello)]);
type Odd = [what: string, headers: Record<string, string>, body: Uint8Array | undefined];
const GRPC = { "content-type": "application/grpc", te: "trailers" };
const JSON_TYPE = { "content-type": "application/json" };
const encode = (text: string) => new TextEncoder().encode(text);
const odd: Odd[] = [
  ["gRPC as it should be", GRPC, envelope(hello)],
  ["gRPC without te", { "content-type": "application/grpc" }, envelope(hello)],
  ["gRPC with proto named", { ...GRPC, "content-type": "application/grpc+proto" }, envelope(hello)],
  ["gRPC in capitals", { ...GRPC, "content-type": "Application/GRPC" }, envelope(hello)],
  ["gRPC with a charset", { ...GRPC, "content-type": "application/grpc; charset=utf-8" }, envelope(hello)],
  ["gRPC of another kind", { ...GRPC, "content-type": "application/grpc+thrift" }, envelope(hello)],
  ["JSON in gRPC", { ...GRPC, "content-type": "application/grpc+json" }, envelope(encode('{"requestId":"j"}'))],
  ["broken JSON in gRPC", { ...GRPC, "content-type": "application/grpc+json" }, envelope(encode("{"))],
  ["gRPC with a query", { ...GRPC, ":path": `${ACQUIRE}?a=b` }, envelope(hello)],
  ["no message", GRPC, undefined],
  ["an empty body", GRPC, none],
  ["an empty message", GRPC, envelope(none)],
  ["two messages", GRPC, two],
  ["a message and a bit", GRPC, two.slice(0, -1)],
  ["half a prefix", GRPC, envelope(hello).slice(0, 3)],
  ["half a message", GRPC, envelope(hello).slice(0, 8)],
  ["what is no message", GRPC, envelope(new Uint8Array([10, 255, 1]))],
  ["a message with a field nobody knows", GRPC, envelope(new Uint8Array([...hello, 0xfa, 0x7f, 1, 65]))],
  ["bad UTF-8 in a message", GRPC, envelope(new Uint8Array([10, 2, 0xc3, 0x28]))],
  ["a compressed message without an encoding", GRPC, envelope(gzipSync(hello), 1)],
  ["a compressed message", { ...GRPC, "grpc-encoding": "gzip" }, envelope(gzipSync(hello), 1)],
  ["an encoding nobody knows", { ...GRPC, "grpc-encoding": "snappy" }, envelope(hello)],
  ["identity as an encoding", { ...GRPC, "grpc-encoding": "identity" }, envelope(hello)],
  ["flags nobody knows", GRPC, envelope(hello, 0x42)],
  ["a message that says it is too long", GRPC, envelope(hello, 0, MESSAGE_BYTES_MAX + 1)],
  ["a timeout of a letter", { ...GRPC, "grpc-timeout": "soon" }, envelope(hello)],
  ["a timeout without a unit", { ...GRPC, "grpc-timeout": "10" }, envelope(hello)],
  ["a timeout of nine digits", { ...GRPC, "grpc-timeout": "123456789m" }, envelope(hello)],
  ["a timeout of eight digits", { ...GRPC, "grpc-timeout": "99999999m" }, envelope(hello)],
  ["a timeout of years", { ...GRPC, "grpc-timeout": "99999999H" }, envelope(hello)],
  ["a negative timeout", { ...GRPC, "grpc-timeout": "-5m" }, envelope(hello)],
  ["a method of nobody", { ...GRPC, ":path": "/schedulerproto.Scheduler/Nothing" }, envelope(hello)],
  ["a service of nobody", { ...GRPC, ":path": "/nobody.Nothing/Nothing" }, envelope(hello)],
  ["a path that is none of gRPC", { ...GRPC, ":path": "/" }, envelope(hello)],
  ["a method that has no handler", { ...GRPC, ":path": "/nodeservoceproto.NodeService/Reserve" }, envelope(none)],
  ["PUT", { ...GRPC, ":method": "PUT" }, envelope(hello)],
  ["GET", { ...GRPC, ":method": "GET" }, undefined],
  ["HEAD", { ":method": "HEAD" }, undefined],
  ["OPTIONS", { ":method": "OPTIONS" }, undefined],
  ["no content type", {}, envelope(hello)],
  ["a form", { "content-type": "application/x-www-form-urlencoded" }, encode("a=b")],
  ["JSON", JSON_TYPE, encode('{"requestId":"j"}')],
  ["JSON with a charset", { "content-type": "application/json; charset=utf-8" }, encode('{"requestId":"j"}')],
  ["broken JSON", JSON_TYPE, encode('{"requestId":')],
  ["JSON with a field nobody knows", JSON_TYPE, encode('{"nothing":1}')],
  ["an empty body as JSON", JSON_TYPE, none],
  ["JSON with a bad timeout", { ...JSON_TYPE, "connect-timeout-ms": "soon" }, encode("{}")],
  ["JSON that fails", JSON_TYPE, encode('{"requestId":"platform error"}')],
  ["Connect's proto", { "content-type": "application/proto" }, hello],
  ["gRPC-Web", { "content-type": "application/grpc-web+proto" }, envelope(hello)],
  [
    "a stream asked for as unary",
    { ...JSON_TYPE, ":path": "/nodeservoceproto.NodeService/InvokeFunction" },
    encode("{}"),
  ],
  ["an own route", { ":path": "/echo?a=1&b=%20", "content-type": "text/plain" }, encode("to and fro")],
  ["an own route without a body", { ":path": "/echo", ":method": "DELETE" }, undefined],
  ["nowhere", { ":path": "/nowhere", ":method": "GET" }, undefined],
  ["health", { ":path": "/healthz", ":method": "GET" }, undefined],
  ["a path that is none of HTTP", { ":path": "//[", ":method": "GET" }, undefined],
];

/** All of an answer: fields of gRPC are where they are found, since errors may come in one block or in two. */
async function ask(session: http2.ClientHttp2Session, [, headers, body]: Odd): Promise<unknown> {
  const stream = session.request({ ":method": "POST", ":path": ACQUIRE, ...headers }, {
    endStream: body === undefined,
  });
  let fields: http2.IncomingHttpHeaders = {};
  const chunks: Uint8Array[] = [];
  stream.on("response", (found) => fields = { ...fields, ...found });
  stream.on("trailers", (found) => fields = { ...fields, ...found });
  stream.on("data", (chunk: Uint8Array) => chunks.push(chunk));
  const closed = new Promise<string | undefined>((resolve) => {
    stream.on("error", ({ message }) => resolve(message));
    stream.on("close", () => resolve(undefined));
  });
  if (body !== undefined) stream.end(body);
  const error = await within(closed, "the answer");
  const found = Object.entries(fields).filter(([name]) => !INSIGNIFICANT.has(name)).sort();
  return { fields: Object.fromEntries(found), body: Buffer.concat(chunks).toString("latin1"), error };
}

/** Asks on a connection of its own; addresses are made the same. */
async function askAll(url: string, requests: Odd[]): Promise<unknown> {
  const session = http2.connect(url);
  const answers: unknown[] = [];
  try {
    for (const request of requests) answers.push(await ask(session, request));
  } finally {
    await new Promise<void>((resolve) => session.close(resolve));
  }
  return JSON.parse(JSON.stringify(answers).replaceAll(url, "http://server"));
}

for (const request of odd) same(request[0], ({ url }) => askAll(url, [request]));

for (const authorization of [undefined, "Bearer wrong", "Basic secret", "Bearer secret"]) {
  const headers = { ...GRPC, ...(authorization ? { authorization } : {}) };
  const paths = [ACQUIRE, "/grpc.health.v1.Health/Check", "/echo", "/nobody.Nothing/Nothing"];
  const requests = paths.map((path): Odd => ["", { ...headers, ":path": path }, envelope(none)]);
  same(`a token: ${authorization}`, ({ url }) => askAll(url, requests), { token: "secret" });
}

/* Where they differ, and why. */

/** What grpc-status the own side answers. */
async function statusOf(timeout: string, handler: Acquire): Promise<string | undefined> {
  let status: string | undefined;
  await withServer({ acquire: handler }, async ({ url }) => {
    const session = http2.connect(url);
    const answer = await ask(session, ["", { ...GRPC, "grpc-timeout": timeout }, envelope(hello)]);
    status = (answer as { fields: Record<string, string> }).fields["grpc-status"];
    await new Promise<void>((resolve) => session.close(resolve));
  });
  return status;
}

const DEADLINE_EXCEEDED = String(Code.DeadlineExceeded);

Deno.test("a handler that ignores its deadline: Connect waits for it, here its caller is answered", async () => {
  assertEquals(await statusOf("50m", () => new Promise(() => {})), DEADLINE_EXCEEDED);
});

Deno.test("a success after the deadline: Connect sends it, here it counts as late, since its handler was told so", async () => {
  const late: Acquire = (_, { signal }) =>
    new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
  assertEquals(await statusOf("50m", late), DEADLINE_EXCEEDED);
});

Deno.test("a timeout of nothing: Connect begins with the handler, here it is over before", async () => {
  let begun = false;
  assertEquals(await statusOf("0m", () => void (begun = true)), DEADLINE_EXCEEDED);
  assertEquals(begun, false);
});
