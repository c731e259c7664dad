import { assertEquals } from "@std/assert";
import { type TestServer, within, withServer } from "./testing.ts";

/** What the server's end of a WebSocket was told of its request, and what it was sent. */
async function converse({ address }: TestServer, path: string, words: string): Promise<string[]> {
  const socket = new WebSocket(`ws://${address}${path}`);
  const heard: string[] = [];
  const closed = Promise.withResolvers<void>();
  socket.onopen = () => socket.send(words);
  socket.onmessage = ({ data }) => {
    heard.push(data);
    if (heard.length === 2) socket.close();
  };
  socket.onerror = (event) => closed.reject(new Error((event as ErrorEvent).message));
  socket.onclose = () => closed.resolve();
  await within(closed.promise, "the conversation");
  return heard;
}

Deno.test("HTTP/1.1: a route may make a WebSocket of its request, and both talk through the pipe", () =>
  withServer({
    http: (app) =>
      void app.get("/talk", (c) => {
        const { socket, response } = Deno.upgradeWebSocket(c.req.raw);
        socket.onopen = () => socket.send(c.req.url);
        socket.onmessage = ({ data }) => socket.send(`heard ${data.length}`);
        return response;
      }),
  }, async (server) => {
    const heard = await converse(server, "/talk?of=this", "x".repeat(300_000));
    assertEquals(heard.sort(), ["heard 300000", `${server.url}/talk?of=this`]);
  }));

Deno.test("an upgrade that the route does not make is an answer like any other", () =>
  withServer({}, async ({ url }) => {
    const response = await fetch(url + "/healthz", { headers: { upgrade: "websocket" } });
    assertEquals([response.status, (await response.json()).status], [200, "ok"]);
  }));
