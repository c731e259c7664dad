import { assert, assertEquals } from "@std/assert";
import { createClient } from "@connectrpc/connect";
import { KIB, MIB, PlatformError } from "../../base/mod.ts";
import { FetchRequestSchema, FetchResponseSchema, NodeAgentService } from "../../../gen/minifaas/node/v1/node_pb.ts";
import { InvokeFunctionReplySchema, NodeService } from "../../../gen/nodeservoceproto/nodeservice_pb.ts";
import { AcquireContainerReplySchema, Scheduler } from "../../../gen/schedulerproto/scheduler_pb.ts";
import { createClientTransport } from "../client.ts";
import { ErrorCode, type Stream } from "../http2/mod.ts";
import { errorOf, within } from "../testing.ts";
import { fieldOf } from "./metadata.ts";
import { answerWith, type Incoming, readMessages, sendMessage, withPeer } from "./peer_testing.ts";
import { OK_HEAD, OK_TRAILERS } from "./testing.ts";

const PART_BYTES = 64 * KIB;
/** What may be on its way to a reader that does not read: a stream's window and the sender's own queue. */
const IN_BETWEEN_BYTES_MAX = 4 * MIB;

/** Sends `count` parts, each a body of one byte over and over, as fast as they are taken. */
function sendParts(stream: Stream, count: number, sent: { parts: number; reset?: number }): void {
  stream.sendHeaders(OK_HEAD, false);
  const more = () => {
    while (sent.parts < count && sent.reset === undefined) {
      const body = new Uint8Array(PART_BYTES).fill(sent.parts++);
      if (!sendMessage(stream, InvokeFunctionReplySchema, { body })) return;
    }
    if (sent.reset === undefined) stream.sendTrailers(OK_TRAILERS);
  };
  stream.receiver = {
    onHeaders() {},
    onData: (bytes) => stream.consume(bytes.length),
    onTrailers() {},
    onDrain: more,
    onReset: (code) => void (sent.reset = code),
  };
  more();
}

Deno.test("a slow reader holds up its own stream and nothing else", async () => {
  const sent = { parts: 0 };
  const onStream = ({ stream, fields }: Incoming) => {
    if (fieldOf(fields, ":path")!.includes("Scheduler")) answerWith(stream, AcquireContainerReplySchema, {});
    else sendParts(stream, 256, sent);
  };
  await withPeer({ onStream }, async ({ address }) => {
    const client = createClientTransport({ address });
    const messages = createClient(NodeService, client.transport).invokeFunction({})[Symbol.asyncIterator]();
    assertEquals((await within(messages.next(), "the first part")).value!.body[0], 0);
    // Each call comes behind what the peer had sent before it.
    for (let i = 0; i < 50; i++) await createClient(Scheduler, client.transport).acquireContainer({});
    assert(sent.parts * PART_BYTES < IN_BETWEEN_BYTES_MAX, `${sent.parts} parts were sent with nobody reading`);
    for (let i = 1; i < 256; i++) {
      const { value } = await within(messages.next(), `part ${i}`);
      assertEquals([value!.body.length, value!.body[0]], [PART_BYTES, i]);
    }
    assertEquals((await messages.next()).done, true);
    client.close();
  });
});

Deno.test("a request is taken from its source at the peer's pace", async () => {
  let held: { stream: Stream; bytes: number } | undefined;
  const began = Promise.withResolvers<void>();
  let received = 0, reading = false;
  const onStream = ({ stream, fields }: Incoming) => {
    if (fieldOf(fields, ":path")!.includes("Scheduler")) return answerWith(stream, AcquireContainerReplySchema, {});
    held = { stream, bytes: 0 };
    stream.receiver = {
      onHeaders() {},
      onTrailers() {},
      onDrain() {},
      onReset() {},
      onData(bytes, endStream) {
        received += bytes.length;
        if (reading) stream.consume(bytes.length);
        else held!.bytes += bytes.length;
        began.resolve();
        if (endStream) answerWith(stream, FetchResponseSchema, {});
      },
    };
  };
  await withPeer({ onStream }, async ({ address }) => {
    const client = createClientTransport({ address });
    let taken = 0;
    async function* parts() {
      await Promise.resolve();
      for (; taken < 256; taken++) yield { part: { case: "body" as const, value: new Uint8Array(PART_BYTES) } };
    }
    const replies = createClient(NodeAgentService, client.transport).fetch(parts())[Symbol.asyncIterator]();
    const reply = replies.next();
    await within(began.promise, "the first bytes");
    for (let i = 0; i < 50; i++) await createClient(Scheduler, client.transport).acquireContainer({});
    assert(taken * PART_BYTES < IN_BETWEEN_BYTES_MAX, `${taken} parts were taken with nobody reading`);
    reading = true;
    held!.stream.consume(held!.bytes);
    assertEquals((await within(reply, "the answer")).done, false);
    assertEquals(taken, 256);
    assert(received > 256 * PART_BYTES);
    assertEquals((await replies.next()).done, true);
    client.close();
  });
});

Deno.test("both directions at once: every message is answered before the next is sent", async () => {
  const onStream = ({ stream }: Incoming) => {
    stream.sendHeaders(OK_HEAD, false);
    readMessages(stream, FetchRequestSchema, ({ part }) => {
      const value = part.case === "body" ? part.value : new Uint8Array(0);
      sendMessage(stream, FetchResponseSchema, { part: { case: "body", value } });
    }, () => stream.sendTrailers(OK_TRAILERS));
  };
  await withPeer({ onStream }, async ({ address }) => {
    const client = createClientTransport({ address });
    let answered = Promise.withResolvers<void>();
    async function* parts() {
      for (let i = 0; i < 20; i++) {
        yield { part: { case: "body" as const, value: new Uint8Array([i]) } };
        await within(answered.promise, "the answer");
        answered = Promise.withResolvers();
      }
    }
    const seen: number[] = [];
    for await (const { part } of createClient(NodeAgentService, client.transport).fetch(parts())) {
      if (part.case === "body") seen.push(part.value[0]);
      answered.resolve();
    }
    assertEquals(seen, Array.from({ length: 20 }, (_, index) => index));
    client.close();
  });
});

Deno.test("a reader that leaves early, or whose signal is aborted, has the peer stop", async () => {
  for (const how of ["return", "abort"]) {
    const sent: { parts: number; reset?: number } = { parts: 0 };
    const stopped = Promise.withResolvers<void>();
    const onStream = ({ stream }: Incoming) => {
      sendParts(stream, 10_000, sent);
      const { onReset } = stream.receiver;
      stream.receiver.onReset = (code, reason) => {
        onReset(code, reason);
        stopped.resolve();
      };
    };
    await withPeer({ onStream }, async ({ address }) => {
      const client = createClientTransport({ address });
      const leaving = new AbortController();
      async function* one() {
        await Promise.resolve();
        yield {};
      }
      const method = NodeService.method.invokeFunction;
      const { message } = await client.transport.stream(method, leaving.signal, undefined, undefined, one());
      const messages = message[Symbol.asyncIterator]();
      await messages.next();
      if (how === "return") await messages.return!();
      else {
        leaving.abort();
        assertEquals((await errorOf(messages.next(), PlatformError)).code, "cancelled");
      }
      await within(stopped.promise, "the reset");
      assertEquals(sent.reset, ErrorCode.CANCEL);
      client.close();
    });
  }
});

Deno.test("a connection killed in the midst of a stream ends it, behind what came before", async () => {
  const onStream = ({ stream, connection }: Incoming) => {
    stream.sendHeaders(OK_HEAD, false);
    sendMessage(stream, InvokeFunctionReplySchema, { body: new Uint8Array([1]) });
    queueMicrotask(() => {
      connection.http2.flush();
      connection.socket.end();
    });
  };
  await withPeer({ onStream }, async ({ address }) => {
    const client = createClientTransport({ address });
    const messages = createClient(NodeService, client.transport).invokeFunction({})[Symbol.asyncIterator]();
    assertEquals((await messages.next()).value!.body[0], 1);
    const error = await errorOf(messages.next(), PlatformError);
    assertEquals([error.code, error.message], [
      "unavailable",
      `the connection to ${address} was lost: the peer hung up`,
    ]);
    client.close();
  });
});
