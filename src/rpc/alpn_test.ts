import { assertEquals } from "@std/assert";
import * as tls from "node:tls";
import { CERTIFICATE, PRIVATE_KEY } from "./client/identity_testing.ts";
import { type TestServer, within, withServer } from "./testing.ts";

const PREFACE = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/** An empty SETTINGS frame: RFC 9113, 6.5. */
const SETTINGS = "\0\0\0\x04\0\0\0\0\0";
const HTTP1 = "GET /healthz HTTP/1.1\r\nhost: peer.test\r\nconnection: close\r\n\r\n";

const withTls = (use: (server: TestServer) => Promise<void>) =>
  withServer({ at: { tls: { cert: CERTIFICATE, key: PRIVATE_KEY } } }, use);

/** What a client that offered `protocols` by ALPN is answered first, where it says `words`; empty when it is cut off. */
async function firstAnswer(server: TestServer, protocols: string[] | undefined, words: string): Promise<string> {
  const { hostname: host, port } = server.listener;
  const socket = tls.connect({ host, port, ALPNProtocols: protocols, rejectUnauthorized: false });
  const answer = Promise.withResolvers<string>();
  socket.on("error", () => {});
  socket.once("data", (bytes: Uint8Array) => answer.resolve(String.fromCharCode(...bytes)));
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  closed.then(() => answer.resolve(""));
  socket.write(words, "latin1");
  try {
    return await within(answer.promise, "the answer");
  } finally {
    socket.destroy();
    await closed;
  }
}

/** The type of an answer's first frame: RFC 9113, 4.1. */
const frameType = (answer: string) => answer.charCodeAt(3);
const SETTINGS_TYPE = 4, GOAWAY_TYPE = 7;

Deno.test("RFC 9113, 3.2: where ALPN chose h2, nothing but HTTP/2 is spoken", () =>
  withTls(async (server) => {
    assertEquals(frameType(await firstAnswer(server, ["h2"], PREFACE + SETTINGS)), SETTINGS_TYPE);
    const refused = await firstAnswer(server, ["h2", "http/1.1"], HTTP1);
    // Its last words may be lost where the connection is cut with some of the client's bytes unread.
    const expected = refused === "" || [SETTINGS_TYPE, GOAWAY_TYPE].includes(frameType(refused));
    assertEquals(expected, true, JSON.stringify(refused));
  }));

Deno.test("where ALPN chose HTTP/1.1, or nobody chose, the first bytes say what they always say", () =>
  withTls(async (server) => {
    for (const protocols of [["http/1.1"], undefined]) {
      assertEquals((await firstAnswer(server, protocols, HTTP1)).split("\r\n")[0], "HTTP/1.1 200 OK");
    }
    assertEquals(frameType(await firstAnswer(server, undefined, PREFACE + SETTINGS)), SETTINGS_TYPE);
  }));
