import { assert, assertEquals } from "@std/assert";
import { create, toBinary } from "@bufbuild/protobuf";
import { PlatformError } from "../../base/mod.ts";
import { NodeAgentService } from "../../../gen/minifaas/node/v1/node_pb.ts";
import { InvokeFunctionReplySchema, NodeService } from "../../../gen/nodeservoceproto/nodeservice_pb.ts";
import { ErrorCode } from "../http2/mod.ts";
import { errorOf } from "../testing.ts";
import { REPLAY_BYTES_MAX } from "./limits.ts";
import { callStreaming } from "./streaming.ts";
import { fakeChannel, type FakeStream, frameOf, OK_HEAD, OK_TRAILERS, settle } from "./testing.ts";

/** A call to a method that answers with a stream, on a connection that is ready. */
async function invoke(options: { signal?: AbortSignal; timeoutMs?: number } = {}) {
  const { links, clock, parts } = fakeChannel();
  async function* one() {
    await Promise.resolve();
    yield { requestId: "r" };
  }
  const reply = callStreaming(NodeService.method.invokeFunction, one(), parts(options));
  reply.catch(() => {});
  links[0].events.onReady();
  await settle();
  return { reply, clock, link: links[0], stream: links[0].streams[0] };
}

/** A call that streams both ways; what `feed` is given is its input. */
async function exchange() {
  const { links, parts } = fakeChannel();
  const queue: Uint8Array[] = [];
  const state = { taken: 0, returned: false, wake: () => {} };
  const input = {
    [Symbol.asyncIterator]: () => ({
      async next() {
        while (queue.length === 0) await new Promise<void>((resolve) => state.wake = resolve);
        state.taken++;
        return { done: false as const, value: { part: { case: "body" as const, value: queue.shift()! } } };
      },
      return() {
        state.returned = true;
        return Promise.resolve({ done: true as const, value: undefined });
      },
    }),
  };
  const feed = async (body: Uint8Array) => {
    queue.push(body);
    state.wake();
    await settle();
  };
  const reply = callStreaming(NodeAgentService.method.fetch, input, parts());
  reply.catch(() => {});
  links[0].events.onReady();
  await settle();
  return { reply, feed, state, links, link: links[0], stream: links[0].streams[0] };
}

function send(stream: FakeStream, text: string): void {
  const body = new TextEncoder().encode(text);
  const message = create(InvokeFunctionReplySchema, { body });
  stream.receiver.onData(frameOf(toBinary(InvokeFunctionReplySchema, message)), false);
}

async function read(messages: AsyncIterable<{ body: Uint8Array }>): Promise<string[]> {
  const texts: string[] = [];
  for await (const { body } of messages) texts.push(new TextDecoder().decode(body));
  return texts;
}

Deno.test("an answer's messages, header and trailer; the one request ends its side at once", async () => {
  const { reply, stream } = await invoke();
  assertEquals([stream.sent.length, stream.sentEnd], [1, true]);
  stream.receiver.onHeaders([":status", "103", "link", "early"], false);
  stream.receiver.onHeaders([...OK_HEAD, "x-head", "1"], false);
  const { header, trailer, message } = await reply;
  assertEquals([header.get("x-head"), header.get("link")], ["1", null]);
  send(stream, "a");
  send(stream, "b");
  stream.closed = true;
  stream.receiver.onTrailers([...OK_TRAILERS, "x-tail", "2"]);
  assertEquals(await read(message), ["a", "b"]);
  assertEquals(trailer.get("x-tail"), "2");
  assertEquals(stream.resetWith, undefined);
});

Deno.test("an error before the answer rejects the call; one after it ends the messages", async () => {
  const early = await invoke();
  early.stream.receiver.onHeaders([...OK_HEAD, "grpc-status", "5", "grpc-message", "none"], true);
  assertEquals((await errorOf(early.reply, PlatformError)).code, "not_found");

  const { reply, stream } = await invoke();
  stream.receiver.onHeaders(OK_HEAD, false);
  const { message } = await reply;
  send(stream, "a");
  stream.receiver.onTrailers(["grpc-status", "10", "grpc-message", "late"]);
  const messages = message[Symbol.asyncIterator]();
  assertEquals((await messages.next()).done, false);
  assertEquals((await errorOf(messages.next(), PlatformError)).message, "late");
});

Deno.test("an answer that just ends, and one whose connection ends", async () => {
  for (const [code, text] of [["internal", "ended without a grpc-status"], ["unavailable", "hung up"]]) {
    const { reply, stream, link } = await invoke();
    stream.receiver.onHeaders(OK_HEAD, false);
    const { message } = await reply;
    send(stream, "a");
    if (code === "internal") stream.receiver.onData(new Uint8Array(0), true);
    else link.close(new PlatformError("unavailable", "the peer hung up"));
    const messages = message[Symbol.asyncIterator]();
    assertEquals((await messages.next()).done, false);
    const error = await errorOf(messages.next(), PlatformError);
    assertEquals(error.code, code);
    assert(error.message.includes(text), error.message);
  }
});

Deno.test("a reader that leaves cancels the call", async () => {
  const { reply, stream } = await invoke();
  stream.receiver.onHeaders(OK_HEAD, false);
  const { message } = await reply;
  send(stream, "a");
  for await (const _ of message) break;
  assertEquals(stream.resetWith, ErrorCode.CANCEL);
});

Deno.test("signal and deadline end the messages at once, whatever still waits to be read", async () => {
  const leaving = new AbortController();
  const aborted = await invoke({ signal: leaving.signal });
  const late = await invoke({ timeoutMs: 100 });
  for (const { stream } of [aborted, late]) {
    stream.receiver.onHeaders(OK_HEAD, false);
    send(stream, "a");
  }
  leaving.abort();
  await late.clock.advance(200);
  for (const [{ reply, stream }, code] of [[aborted, "cancelled"], [late, "deadline_exceeded"]] as const) {
    const messages = (await reply).message[Symbol.asyncIterator]();
    assertEquals((await errorOf(messages.next(), PlatformError)).code, code);
    assertEquals(stream.resetWith, ErrorCode.CANCEL);
  }
});

Deno.test("a request is taken from its source as fast as the peer takes it", async () => {
  const { feed, state, stream } = await exchange();
  stream.hasRoom = false;
  await feed(new Uint8Array(10));
  await feed(new Uint8Array(10));
  await feed(new Uint8Array(10));
  assertEquals([stream.sent.length, state.taken], [1, 1]);
  stream.hasRoom = true;
  stream.receiver.onDrain();
  await settle();
  assertEquals([stream.sent.length, state.taken], [3, 3]);
});

Deno.test("an answer that ends before the request stops its source and resets the stream", async () => {
  const { reply, feed, state, stream } = await exchange();
  await feed(new Uint8Array(10));
  stream.receiver.onHeaders(OK_HEAD, false);
  const { message } = await reply;
  stream.receiver.onTrailers(OK_TRAILERS);
  assertEquals(await read(message as never), []);
  assertEquals([state.returned, stream.resetWith], [true, ErrorCode.CANCEL]);
  await feed(new Uint8Array(10));
  assertEquals(stream.sent.length, 1);
});

Deno.test("a source that throws fails the call", async () => {
  const { links, parts } = fakeChannel();
  async function* broken() {
    await Promise.resolve();
    yield { requestId: "r" };
    throw new PlatformError("data_loss", "the source broke");
  }
  const reply = callStreaming(NodeAgentService.method.fetch, broken() as never, parts());
  links[0].events.onReady();
  assertEquals((await errorOf(reply, PlatformError)).message, "the source broke");
  assertEquals(links[0].streams[0].resetWith, ErrorCode.CANCEL);
});

Deno.test("a refused stream is sent again with all that was sent, and goes on", async () => {
  const { feed, link, stream } = await exchange();
  await feed(new Uint8Array([1]));
  await feed(new Uint8Array([2]));
  stream.closed = true;
  stream.receiver.onReset(ErrorCode.REFUSED_STREAM, "");
  await settle();
  const again = link.streams[1];
  assertEquals(again.sent, stream.sent);
  await feed(new Uint8Array([3]));
  assertEquals(again.sent.length, 3);
});

Deno.test("a refused stream whose request is too long to be kept is unavailable", async () => {
  const { reply, feed, link, stream } = await exchange();
  await feed(new Uint8Array(REPLAY_BYTES_MAX));
  stream.closed = true;
  stream.receiver.onReset(ErrorCode.REFUSED_STREAM, "");
  assertEquals((await errorOf(reply, PlatformError)).code, "unavailable");
  assertEquals(link.streams.length, 1);
});
