/** A server's and a client's connection together. */
import { assertEquals } from "@std/assert";
import { expect } from "@std/expect";
import { encodeStateless } from "./hpack/mod.ts";
import { Flag, FrameType, PREFACE } from "./frames.ts";
import { Heard, pair, RawPeer, REQUEST, uint32Bytes } from "./testing.ts";
import { CALLS, UnaryCalls } from "./unary_testing.ts";
import { CONNECTION_LOST, ErrorCode, type Stream } from "./types.ts";

const utf8 = new TextEncoder();
const OK = [":status", "200"];

Deno.test("connection: a unary call: request and answer arrive whole, and nothing is left open", () => {
  const { client, server, serverWire, clientWire, run } = pair();
  const request = new Heard(), answer = new Heard();
  serverWire.onStream = (stream, fields) => {
    assertEquals(fields, [...REQUEST, "te", "trailers"]);
    stream.receiver = request;
    request.then = () => {
      if (!request.ended) return;
      stream.sendHeaders(OK, false);
      stream.sendData(utf8.encode("pong"), false);
      stream.sendTrailers(["grpc-status", "0"]);
    };
  };
  const stream = client.open([...REQUEST, "te", "trailers"], false, answer)!;
  stream.sendData(utf8.encode("ping"), true);
  run();
  assertEquals(request.events, ["data 4 end"]);
  assertEquals(answer.events, ["headers", "data 4", "trailers end"]);
  assertEquals(answer.trailers, ["grpc-status", "0"]);
  assertEquals(String.fromCharCode(...answer.body), "pong");
  assertEquals([client.streams, server.streams, stream.closed], [0, 0, true]);
  assertEquals([...serverWire.faults, ...clientWire.faults], []);
});

Deno.test("connection: header blocks that were encoded before go out as they are", () => {
  const { client, serverWire, run } = pair();
  const answer = new Heard();
  serverWire.onStream = (stream) => {
    stream.receiver = new Heard();
    stream.sendHeaders(encodeStateless([...OK, "x-a", "1"]), true);
  };
  client.open(encodeStateless(REQUEST), true, answer);
  run();
  assertEquals(answer.headers, [[...OK, "x-a", "1"]]);
  assertEquals(answer.events, ["headers end"]);
});

Deno.test("connection: all answers of one chunk leave in one write", () => {
  const { client, server, serverWire, clientWire, run } = pair();
  run();
  serverWire.onStream = (stream) => {
    stream.receiver = new Heard();
    stream.sendHeaders(OK, true);
  };
  for (let i = 0; i < 50; i++) client.open(REQUEST, true, new Heard());
  client.flush();
  assertEquals(clientWire.written.length, 1);
  server.receive(clientWire.take());
  assertEquals(serverWire.written.length, 1);
});

Deno.test("connection: what is sent outside of a turn asks for a flush once", () => {
  const { client, clientWire, run } = pair();
  run();
  assertEquals(clientWire.flushWanted, false);
  client.open(REQUEST, true, new Heard());
  assertEquals([clientWire.flushWanted, clientWire.written.length], [true, 0]);
  client.flush();
  assertEquals(clientWire.written.length, 1);
});

Deno.test("connection: a body larger than every window arrives whole while it is consumed, and stalls while not", () => {
  const { client, server, serverWire, run } = pair({ streamWindowBytes: 100_000, connectionWindowBytes: 150_000 });
  const heard = new Heard();
  let taken: Stream | undefined;
  serverWire.onStream = (stream) => {
    stream.receiver = heard;
    taken = stream;
  };
  run();
  const stream = client.open(REQUEST, false, new Heard())!;
  const body = Uint8Array.from({ length: 1_000_000 }, (_, i) => i * 7);
  assertEquals(stream.sendData(body, true), false);
  run();
  assertEquals(heard.body.length, 100_000);
  assertEquals(stream.queuedBytes, 900_000);
  while (!heard.ended) {
    taken!.consume(100_000);
    run();
  }
  assertEquals(Uint8Array.from(heard.body), body);
  assertEquals(server.streams, 1);
});

Deno.test("connection: a stream that waits for its window does not hold up another one", () => {
  const { client, serverWire, run } = pair({ streamWindowBytes: 1000 });
  const heard: Heard[] = [];
  serverWire.onStream = (stream) => heard.push(stream.receiver = new Heard());
  run();
  for (let i = 0; i < 2; i++) client.open(REQUEST, false, new Heard())!.sendData(new Uint8Array(5000), false);
  run();
  assertEquals(heard.map((one) => one.body.length), [1000, 1000]);
});

Deno.test("connection: streams share a short connection window a frame each", () => {
  const { client, serverWire, run } = pair({ streamWindowBytes: 65_535, connectionWindowBytes: 65_535 });
  const heard: Heard[] = [];
  serverWire.onStream = (stream) => heard.push(stream.receiver = new Heard());
  run();
  for (let i = 0; i < 4; i++) client.open(REQUEST, false, new Heard())!.sendData(new Uint8Array(60_000), false);
  run();
  assertEquals(heard.map((one) => one.body.length), [16384, 16384, 16384, 65_535 - 3 * 16384]);
});

Deno.test("connection: sendData says when to wait, and onDrain when to go on", () => {
  const { client, serverWire, run } = pair({ streamWindowBytes: 65_535 });
  let taken: Stream | undefined;
  const heard = new Heard(), mine = new Heard();
  serverWire.onStream = (stream) => (taken = stream).receiver = heard;
  const stream = client.open(REQUEST, false, mine)!;
  run();
  let sent = 0;
  while (stream.sendData(new Uint8Array(10_000), false)) sent++;
  run();
  expect(sent * 10_000).toBeGreaterThan(65_535 + 100_000);
  assertEquals(mine.events, []);
  for (let i = 0; i < 4 && mine.events.length === 0; i++) {
    taken!.consume(65_535);
    run();
  }
  assertEquals(mine.events, ["drain"]);
});

Deno.test("connection: reset by either side is told to the other, once", () => {
  const { client, server, serverWire, run } = pair();
  const heard = new Heard(), answer = new Heard();
  let taken: Stream | undefined;
  serverWire.onStream = (stream) => (taken = stream).receiver = heard;
  client.open(REQUEST, false, answer);
  run();
  taken!.reset(ErrorCode.CANCEL);
  run();
  assertEquals(answer.events, ["reset 8"]);
  assertEquals(heard.events, []);
  client.open(REQUEST, false, answer)!.reset(ErrorCode.CANCEL);
  run();
  assertEquals(heard.events, ["reset 8"]);
  assertEquals([client.streams, server.streams], [0, 0]);
});

Deno.test("connection: more streams than the server takes wait until there is room", () => {
  const { client, serverWire, clientWire, run } = pair({ streamsMax: 2 });
  const taken: Stream[] = [];
  serverWire.onStream = (stream) => {
    stream.receiver = new Heard();
    taken.push(stream);
  };
  run();
  assertEquals(client.capacity, 2);
  for (let i = 0; i < 2; i++) client.open(REQUEST, true, new Heard());
  assertEquals(client.open(REQUEST, true, new Heard()), undefined);
  assertEquals([client.capacity, client.accepts], [0, true]);
  run();
  taken[0].sendHeaders(OK, true);
  run();
  assertEquals([clientWire.capacityCalls, client.capacity], [1, 1]);
});

Deno.test("connection: a lost connection resets every stream on both sides", () => {
  const { client, server, serverWire, run } = pair();
  const heard = new Heard(), answer = new Heard();
  serverWire.onStream = (stream) => stream.receiver = heard;
  client.open(REQUEST, false, answer);
  run();
  client.closed();
  server.closed();
  assertEquals(heard.reset, CONNECTION_LOST);
  assertEquals(answer.reset, CONNECTION_LOST);
  assertEquals([client.streams, server.streams, client.accepts, serverWire.hasEnded], [0, 0, false, false]);
});

Deno.test("6.9.2: a window that has become negative grows by updates, and data goes on when it is positive", () => {
  const peer = new RawPeer("server");
  let taken: Stream | undefined;
  peer.wire.onStream = (stream) => (taken = stream).receiver = new Heard();
  peer.headers(1);
  taken!.sendHeaders(OK, false);
  taken!.sendData(new Uint8Array(66_000), true);
  peer.seen();
  // The peer's window is used up; now it says that it was only 100 bytes: 65,435 below nothing.
  peer.say(FrameType.SETTINGS, 0, 0, [0, 4, 0, 0, 0, 100]);
  peer.say(FrameType.WINDOW_UPDATE, 0, 0, uint32Bytes(100_000));
  for (const increment of [1000, 64_000, 435]) peer.say(FrameType.WINDOW_UPDATE, 0, 1, uint32Bytes(increment));
  assertEquals(peer.words().filter((word) => !word.startsWith("SETTINGS")), []);
  peer.say(FrameType.WINDOW_UPDATE, 0, 1, uint32Bytes(465));
  assertEquals(peer.seen().map(({ flags, payload }) => [flags, payload.length]), [[Flag.END_STREAM, 465]]);
});

Deno.test("connection: the calls of the benchmark are answered", () => {
  const calls = new UnaryCalls();
  const before = calls.writtenBytes;
  for (let i = 0; i < 3; i++) calls.step();
  // HEADERS, DATA with 96 bytes, HEADERS: more than 120 bytes a call.
  expect(calls.writtenBytes - before).toBeGreaterThan(3 * CALLS * 120);
  assertEquals([calls.connection.streams, calls.connection.ended], [0, false]);
});

Deno.test("6.5.2: larger frames are used once the peer takes them", () => {
  const peer = new RawPeer("client");
  peer.say(FrameType.SETTINGS, 0, 0, [0, 5, ...uint32Bytes(20_000)]);
  const stream = peer.client!.open(REQUEST, false, new Heard())!;
  stream.sendData(new Uint8Array(45_000), true);
  const frames = peer.seen().filter(({ type }) => type === FrameType.DATA);
  assertEquals(frames.map(({ payload }) => payload.length), [20_000, 20_000, 5_000]);
});

Deno.test("6.5.3: the compression table that we allow holds from the peer's acknowledgement on", () => {
  const peer = new RawPeer("server", { tableBytesMax: 0 }, false);
  peer.wire.onStream = (stream) => stream.receiver = new Heard();
  peer.connection.receive(PREFACE);
  peer.say(FrameType.SETTINGS, 0, 0);
  peer.headers(1, [...REQUEST, "x-table", "a"]);
  assertEquals(peer.connection.streams, 1);
  peer.say(FrameType.SETTINGS, Flag.ACK, 0);
  peer.headers(3, [...REQUEST, "x-table", "a"]);
  assertEquals(peer.words().at(-1), `GOAWAY 0 ${ErrorCode.COMPRESSION_ERROR}`);
});

Deno.test("8.1: a whole answer that waits for the client's window leaves the request's windows open meanwhile", () => {
  const peer = new RawPeer("server", { streamWindowBytes: 65_535, connectionWindowBytes: 65_535 });
  let taken: Stream | undefined;
  const heard = new Heard();
  peer.wire.onStream = (stream) => (taken = stream).receiver = heard;
  peer.headers(1, REQUEST, 0);
  for (let i = 0; i < 4; i++) peer.say(FrameType.DATA, 0, 1, new Uint8Array(16_000));
  assertEquals(peer.seen(), []);
  taken!.sendHeaders(OK, false);
  taken!.sendData(new Uint8Array(100_000), true);
  assertEquals(taken!.queuedBytes > 0, true);
  const updates = peer.seen().filter(({ type }) => type === FrameType.WINDOW_UPDATE);
  assertEquals(updates.map(({ id, payload }) => [id, ...payload]), [[0, ...uint32Bytes(64_000)], [
    1,
    ...uint32Bytes(64_000),
  ]]);
  // And what comes now is nobody's.
  peer.say(FrameType.DATA, Flag.END_STREAM, 1, new Uint8Array(10));
  assertEquals(heard.body.length, 64_000);
});

Deno.test("connection: who is owed an onReset when the connection is lost gets it", () => {
  const peer = new RawPeer("client", {
    connectionQueueBytesMax: 1000,
    connectionQueueBytesHigh: 1000,
    streamQueueBytesHigh: 1000,
  });
  const answer = new Heard();
  const stream = peer.client!.open(REQUEST, false, answer)!;
  stream.sendData(new Uint8Array(1001), true);
  assertEquals([stream.closed, answer.events], [true, []]);
  peer.connection.closed();
  assertEquals(answer.events, [`reset ${ErrorCode.ENHANCE_YOUR_CALM}`]);
});
