import { assertEquals, assertMatch } from "@std/assert";
import type * as net from "node:net";
import * as tls from "node:tls";
import { createClient } from "@connectrpc/connect";
import { PlatformError } from "../../base/mod.ts";
import {
  AcquireContainerReplySchema,
  AcquireContainerRequestSchema,
  Scheduler,
} from "../../../gen/schedulerproto/scheduler_pb.ts";
import { createClientTransport } from "../client.ts";
import { errorOf } from "../testing.ts";
import { CERTIFICATE, PRIVATE_KEY } from "./identity_testing.ts";
import { fieldOf } from "./metadata.ts";
import { answerWith, type Incoming, readMessages, withPeer } from "./peer_testing.ts";
import type { ClientTls } from "./socket.ts";

/** Calls a peer with TLS that prefers `protocols`. */
async function call(ca: ClientTls, protocols: string[]): Promise<string> {
  const secureContext = tls.createSecureContext({ cert: CERTIFICATE, key: PRIVATE_KEY });
  const secure = (socket: net.Socket) => {
    const options = { isServer: true, secureContext, ALPNProtocols: protocols };
    const secured = new tls.TLSSocket(socket, options as tls.TLSSocketOptions);
    secured.on("error", () => {});
    socket.once("close", () => secured.destroy());
    return secured;
  };
  let said = "";
  const onStream = ({ stream, fields }: Incoming) => {
    const containerId = fieldOf(fields, ":scheme")!;
    readMessages(
      stream,
      AcquireContainerRequestSchema,
      () => answerWith(stream, AcquireContainerReplySchema, { containerId }),
    );
  };
  await withPeer({ onStream, secure }, async ({ address }) => {
    const client = createClientTransport({ address, tls: ca });
    const reply = createClient(Scheduler, client.transport).acquireContainer({ requestId: "x" });
    said = await reply.then(
      ({ containerId }) => containerId,
      async () => (await errorOf(reply, PlatformError)).message,
    );
    client.close();
  });
  return said;
}

Deno.test("a connection with TLS speaks HTTP/2 by ALPN", async () => {
  assertEquals(await call({ ca: CERTIFICATE }, ["h2", "http/1.1"]), "https");
  assertEquals(await call({ ca: CERTIFICATE, serverName: "peer.test" }, ["h2"]), "https");
});

Deno.test("a peer that nobody vouches for, or of another name, is unavailable", async () => {
  const untrusted = await call({}, ["h2"]);
  assertMatch(untrusted, /^127\.0\.0\.1:\d+ cannot be reached: no trusted CA vouches for its certificate \(.+\)$/);
  const other = await call({ ca: CERTIFICATE, serverName: "other.test" }, ["h2"]);
  assertEquals(
    other.replace(/^127\.0\.0\.1:\d+/, "it"),
    "it cannot be reached: its certificate is for DNS:peer.test, IP:127.0.0.1: " +
      "it needs DNS:other.test among its subjectAltName, or to be dialled by another name",
  );
});

Deno.test("a peer with TLS that speaks no HTTP/2 is told so", async () => {
  assertMatch(await call({ ca: CERTIFICATE }, ["http/1.1"]), /^127\.0\.0\.1:\d+ cannot be reached: /);
});

Deno.test("a peer that speaks TLS where none is expected, or none where it is, is told so", async () => {
  const answers = { "HTTP/1.1 400 Bad Request\r\n\r\n": { ca: CERTIFICATE }, "\x15\x03\x01\0\x02\x02\x46": undefined };
  const said: string[] = [];
  for (const [answer, tls] of Object.entries(answers)) {
    const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
    const client = createClientTransport({ address: `127.0.0.1:${listener.addr.port}`, tls });
    const failed = errorOf(createClient(Scheduler, client.transport).acquireContainer({}), PlatformError);
    const connection = await listener.accept();
    await connection.write(new TextEncoder().encode(answer));
    said.push((await failed).message.replace(/^127\.0\.0\.1:\d+/, "it"));
    connection.close();
    listener.close();
    client.close();
  }
  assertEquals(said, ["it cannot be reached: it speaks no TLS", "it cannot be reached: it speaks TLS"]);
});
