import { assert, assertEquals } from "@std/assert";
import * as http2 from "node:http2";
import * as net from "node:net";
import { MIB } from "../base/mod.ts";
import { within, withServer } from "./testing.ts";

const BODY_BYTES = 48 * MIB;
/** What may be on its way between two ends: windows, pipes and kernel buffers. */
const IN_BETWEEN_BYTES_MAX = 24 * MIB;

/** A body that counts what has been taken from it; each byte is a function of its place. */
function bodyOf(bytes: number) {
  const state = { sent: 0 };
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      if (state.sent === bytes) return controller.close();
      const chunk = new Uint8Array(64 * 1024).map((_, index) => (state.sent / 7 + index) & 255);
      state.sent += chunk.length;
      controller.enqueue(chunk);
    },
  }, { highWaterMark: 0 });
  return { state, body };
}

async function digest(bytes: Uint8Array[]): Promise<string> {
  const all = new Uint8Array(await new Blob(bytes as BlobPart[]).arrayBuffer());
  return new Uint8Array(await crypto.subtle.digest("SHA-256", all)).toHex();
}

async function collect(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}

Deno.test("HTTP/1.1: a large body streams both ways at the reader's pace", () =>
  withServer({}, async ({ url }) => {
    const { state, body } = bodyOf(BODY_BYTES);
    const response = await fetch(url + "/echo", { method: "POST", body });
    const reader = response.body!.getReader();
    const first = (await reader.read()).value!;
    await settled(() => state.sent);
    assert(state.sent < IN_BETWEEN_BYTES_MAX, `${state.sent} bytes were taken with nobody reading`);
    reader.releaseLock();
    const rest = await within(collect(response.body!), "the body", 60_000);
    const expected = await collect(bodyOf(BODY_BYTES).body);
    assertEquals(await digest([first, ...rest]), await digest(expected));
  }));

Deno.test("HTTP/2: a large body streams both ways at the reader's pace", () =>
  withServer({}, async ({ url }) => {
    const session = http2.connect(url);
    const stream = session.request({ ":method": "POST", ":path": "/echo" });
    const { state, body } = bodyOf(BODY_BYTES);
    const sending = (async () => {
      for await (const chunk of body) {
        if (!stream.write(chunk)) await new Promise((resolve) => stream.once("drain", resolve));
      }
      stream.end();
    })();
    await within(new Promise((resolve) => stream.once("response", resolve)), "the response");
    await settled(() => state.sent);
    assert(state.sent < IN_BETWEEN_BYTES_MAX, `${state.sent} bytes were taken with nobody reading`);
    const chunks = await within(collect(stream), "the body", 60_000);
    await sending;
    assertEquals(await digest(chunks), await digest(await collect(bodyOf(BODY_BYTES).body)));
    await new Promise<void>((resolve) => session.close(resolve));
  }));

for (const version of [1, 2]) {
  Deno.test(`HTTP/${version === 1 ? "1.1" : "2"}: a client that leaves a running answer cancels its body`, async () => {
    const cancelled = Promise.withResolvers<void>();
    const endless = () =>
      new ReadableStream({
        pull: (controller) => controller.enqueue(new Uint8Array(64 * 1024)),
        cancel: () => cancelled.resolve(),
      });
    await withServer({ http: (app) => void app.get("/endless", () => new Response(endless())) }, async ({ url }) => {
      if (version === 1) {
        const leaving = new AbortController();
        const response = await fetch(url + "/endless", { signal: leaving.signal });
        await response.body!.getReader().read();
        leaving.abort();
      } else {
        const session = http2.connect(url);
        const stream = session.request({ ":path": "/endless" });
        stream.on("error", () => {});
        await new Promise((resolve) => stream.once("data", resolve));
        stream.close(http2.constants.NGHTTP2_CANCEL);
        await within(cancelled.promise, "the cancellation");
        await new Promise<void>((resolve) => session.close(resolve));
      }
      await within(cancelled.promise, "the cancellation");
    });
  });
}

for (const [version, endless] of [[1, false], [2, false], [2, true]] as const) {
  const name = `HTTP/${version === 1 ? "1.1" : "2"}: an answer to a body that nobody reads comes whole`;
  Deno.test(name + (endless ? ", and ends a body without an end" : ""), async () => {
    const text = "no thanks ".repeat(100_000);
    await withServer({ http: (app) => void app.post("/ignore", () => new Response(text)) }, async ({ url }) => {
      if (version === 1) {
        const response = await fetch(url + "/ignore", { method: "POST", body: bodyOf(4 * MIB).body });
        assertEquals(await within(response.text(), "the answer"), text);
        return;
      }
      const session = http2.connect(url);
      const stream = session.request({ ":method": "POST", ":path": "/ignore" });
      const closed = new Promise((resolve) => stream.once("close", resolve));
      stream.on("error", () => {});
      stream.write(new Uint8Array(4 * MIB));
      assertEquals(await new Blob((await within(collect(stream), "the answer")) as BlobPart[]).text(), text);
      if (endless) {
        while (!stream.closed) await write(stream, new Uint8Array(MIB));
        // A reset without an error leaves what was written before to the client.
        stream.destroy();
      } else stream.end();
      await within(closed, "the stream's end");
      session.destroy();
    });
  });
}

Deno.test("HTTP/2: headers, cookies, HEAD and empty answers come through", () =>
  withServer({
    http: (app) => {
      app.get("/cookies", (c) => {
        c.header("set-cookie", "a=1", { append: true });
        c.header("set-cookie", "b=2", { append: true });
        return c.text(`${c.req.header("x-two")} ${c.req.header("cookie")}`);
      });
      app.get("/nothing", () => new Response(null, { status: 204 }));
    },
  }, async ({ url }) => {
    const session = http2.connect(url);
    const ask = async (headers: http2.OutgoingHttpHeaders) => {
      const stream = session.request(headers);
      const answer = new Promise<http2.IncomingHttpHeaders>((resolve) => stream.once("response", resolve));
      const chunks = await collect(stream);
      return { headers: await answer, text: await new Blob(chunks as BlobPart[]).text() };
    };
    const cookies = await ask({ ":path": "/cookies", "x-two": ["1", "2"], cookie: "c=3" });
    assertEquals(cookies.headers["set-cookie"], ["a=1", "b=2"]);
    assertEquals(cookies.text, "1, 2 c=3");
    const head = await ask({ ":path": "/cookies", ":method": "HEAD" });
    assertEquals([head.headers[":status"], head.text], [200, ""]);
    const nothing = await ask({ ":path": "/nothing" });
    assertEquals([nothing.headers[":status"], nothing.text], [204, ""]);
    await new Promise<void>((resolve) => session.close(resolve));
  }));

/** Resolves when `value` no longer changes from one turn of 100 ms to the next. */
async function settled(value: () => number): Promise<void> {
  for (let before = -1; before !== value();) {
    before = value();
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** Resolves when more may be written to `stream`, or nothing more. */
function write(stream: http2.ClientHttp2Stream, chunk: Uint8Array): Promise<void> {
  return new Promise((resolve) => {
    stream.once("aborted", resolve);
    stream.once("close", resolve);
    stream.write(chunk, () => {
      stream.off("aborted", resolve);
      stream.off("close", resolve);
      resolve();
    });
  });
}

Deno.test("HTTP/2: a client whose process ends cancels what runs for it", async () => {
  const begun = Promise.withResolvers<void>(), cancelled = Promise.withResolvers<void>();
  const acquire = (_: unknown, { signal }: { signal: AbortSignal }) => {
    begun.resolve();
    return new Promise<void>(() => signal.addEventListener("abort", () => cancelled.resolve(), { once: true }));
  };
  await withServer({ acquire }, async ({ address, url }) => {
    const [hostname, port] = address.split(":");
    const socket = net.connect({ host: hostname, port: Number(port) });
    const session = http2.connect(url, { createConnection: () => socket });
    session.on("error", () => {});
    const stream = session.request({
      ":method": "POST",
      ":path": "/schedulerproto.Scheduler/AcquireContainer",
      "content-type": "application/json",
    });
    stream.on("error", () => {});
    stream.end("{}");
    await within(begun.promise, "the handler");
    // The kernel ends a killed process's connections in just this way: no goodbye in HTTP/2's own words.
    socket.end();
    await within(cancelled.promise, "the handler's signal");
    session.destroy();
  });
});
