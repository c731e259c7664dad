import { assertEquals, assertMatch } from "@std/assert";
import { generateKeyPairSync } from "node:crypto";
import * as https from "node:https";
import { createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { ManualClock, PlatformError } from "../base/mod.ts";
import { NodeService } from "../../gen/nodeservoceproto/nodeservice_pb.ts";
import { Scheduler } from "../../gen/schedulerproto/scheduler_pb.ts";
import { CERTIFICATE, PRIVATE_KEY } from "./client/identity_testing.ts";
import { errorOf, type TestServer, within, withServer } from "./testing.ts";

const tls = { cert: CERTIFICATE, key: PRIVATE_KEY };
/** What a client must know to believe that certificate. */
const trusted = { ca: CERTIFICATE, servername: "peer.test" };

async function callOverHttp2({ url }: TestServer): Promise<void> {
  const sessions = new Http2SessionManager(url, {}, trusted);
  const transport = createGrpcTransport({ baseUrl: url, sessionManager: sessions });
  const { containerId } = await createClient(Scheduler, transport).acquireContainer({ requestId: "by gRPC" });
  assertEquals(containerId, "by gRPC");
  let received = 0;
  const event = new Uint8Array(300_000);
  for await (const { body } of createClient(NodeService, transport).invokeFunction({ event })) received += body.length;
  assertEquals(received, 600_000);
  sessions.abort();
}

Deno.test("TLS, HTTP/2: gRPC, unary and streaming", () => withServer({ at: { tls } }, callOverHttp2));

Deno.test("TLS: HTTP/1.1 on the same port; handlers see that it was https", () =>
  withServer({ at: { tls } }, async ({ url }) => {
    const transport = createConnectTransport({ baseUrl: url, httpVersion: "1.1", nodeOptions: trusted });
    const { containerId } = await createClient(Scheduler, transport).acquireContainer({ requestId: "by Connect" });
    assertEquals(containerId, "by Connect");
    for (const body of ["short", "long ".repeat(100_000)]) {
      const answer = await within(post(url + "/echo?q=1", body), "the answer");
      assertEquals(answer, { body, url: url + "/echo?q=1" });
    }
  }));

/** What `/echo` answers over HTTP/1.1, and the URL it saw. */
function post(url: string, body: string): Promise<{ body: string; url: string | string[] | undefined }> {
  return new Promise((resolve, reject) => {
    const request = https.request(url, { method: "POST", agent: false, ...trusted }, async (response) => {
      const chunks: Uint8Array[] = [];
      for await (const chunk of response) chunks.push(chunk);
      const text = await new Blob(chunks as BlobPart[]).text();
      resolve({ body: text, url: response.headers["x-url"] });
    });
    request.on("error", reject);
    request.end(body);
  });
}

Deno.test("TLS: who speaks none is cut off, and others are served as before", () =>
  withServer({ at: { tls } }, async (server) => {
    const plain = await Deno.connect({ port: server.listener.port });
    await plain.write(new TextEncoder().encode("GET /healthz HTTP/1.1\r\nhost: here\r\n\r\n"));
    const answer = new Uint8Array(1_000);
    for (;;) {
      const length = await within(plain.read(answer).catch(() => null), "the cut");
      if (length === null) break;
      // An alert may come first: RFC 8446, 6.
      assertEquals(answer[0], 21);
    }
    plain.close();
    await callOverHttp2(server);
  }));

Deno.test("TLS: a connection that does not shake hands within half a minute is cut off", () => {
  const clock = new ManualClock();
  return withServer({ clock, at: { tls } }, async ({ listener, url }) => {
    const silent = await Deno.connect({ port: listener.port });
    // Once this one is answered, the one before it is accepted too.
    await within(post(url + "/echo", ""), "the answer");
    await clock.advance(30_000);
    assertEquals(await within(silent.read(new Uint8Array(1)).catch(() => null), "the cut"), null);
    silent.close();
  });
});

Deno.test("TLS: a certificate that is none is told before anything listens", () =>
  withServer({}, async ({ edge }) => {
    const at = { hostname: "127.0.0.1", port: 0, tls: { cert: "none", key: PRIVATE_KEY } };
    const error = await errorOf(edge.listen(at), PlatformError);
    assertEquals(error.code, "failed_precondition");
    assertMatch(error.message, /^the certificate or its key cannot be used: /);
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "prime256v1" });
    const key = privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    const other = await errorOf(edge.listen({ ...at, tls: { cert: CERTIFICATE, key } }), PlatformError);
    assertEquals(other.message, "the certificate is for another key than the one given");
  }));

Deno.test("TLS is not for node:http2, which Deno's cannot speak over a connection that was accepted before", () =>
  withServer({}, async ({ edge }) => {
    const at = { hostname: "127.0.0.1", port: 0, tls, http2: "node" } as const;
    const error = await errorOf(edge.listen(at), PlatformError);
    assertEquals([error.code, error.message], [
      "invalid_argument",
      'http2 is "node", must be "own" where there is TLS',
    ]);
  }));
