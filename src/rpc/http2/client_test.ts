/** What RFC 9113 asks of a client, by section; what servers must do is in hostile_test.ts. */
import { assertEquals, assertThrows } from "@std/assert";
import { Flag, FrameType } from "./frames.ts";
import { encodeStateless } from "./hpack/mod.ts";
import { frameBytes, Heard, RawPeer, REQUEST, uint32Bytes } from "./testing.ts";
import { ErrorCode, type Fields } from "./types.ts";

const { PROTOCOL_ERROR, STREAM_CLOSED } = ErrorCode;
const OK = [":status", "200"];

/** A client with one request sent, on stream 1. */
function asked(fields: Fields = REQUEST) {
  const peer = new RawPeer("client");
  const answer = new Heard();
  const stream = peer.client!.open(fields, true, answer)!;
  peer.seen();
  return { peer, answer, stream };
}

Deno.test("3.4: a client begins with the preface and SETTINGS without push", () => {
  const peer = new RawPeer("client", {}, false);
  peer.connection.flush();
  const [first] = peer.wire.written;
  assertEquals(String.fromCharCode(...first.slice(0, 24)), "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  const [settings] = peer.seen();
  assertEquals([settings.type, settings.flags], [FrameType.SETTINGS, 0]);
  assertEquals([...settings.payload.slice(6, 12)], [0, 2, 0, 0, 0, 0]);
});

Deno.test("3.4: a server that does not begin with SETTINGS is left", () => {
  const peer = new RawPeer("client", {}, false);
  peer.say(FrameType.PING, 0, 0, [0, 0, 0, 0, 0, 0, 0, 0]);
  assertEquals(peer.words().at(-1), `GOAWAY 0 ${PROTOCOL_ERROR}`);
});

Deno.test("5.1.1: a client's streams have odd numbers that rise", () => {
  const peer = new RawPeer("client");
  const ids = [0, 1, 2].map(() => peer.client!.open(REQUEST, true, new Heard())!.id);
  assertEquals(ids, [1, 3, 5]);
  assertEquals(peer.words(), ["HEADERS 1", "HEADERS 3", "HEADERS 5"]);
});

for (
  const [name, type, id, payload] of [
    ["5.1: HEADERS on a stream that was never opened", FrameType.HEADERS, 5, [...encodeStateless(OK)]],
    ["5.1: DATA on a stream that was never opened", FrameType.DATA, 5, [1]],
    ["5.1.1: a stream of the server's", FrameType.HEADERS, 2, [...encodeStateless(OK)]],
    ["8.4: PUSH_PROMISE, which was switched off", FrameType.PUSH_PROMISE, 1, [0, 0, 0, 2, ...encodeStateless(REQUEST)]],
  ] as const
) {
  Deno.test(`${name} ends the connection`, () => {
    const { peer, answer } = asked();
    peer.say(type, Flag.END_HEADERS, id, payload);
    assertEquals(peer.words(), [`GOAWAY 0 ${PROTOCOL_ERROR}`]);
    assertEquals(answer.reset, PROTOCOL_ERROR);
  });
}

Deno.test("6.5.2: a server must not say ENABLE_PUSH 1", () => {
  const { peer } = asked();
  peer.say(FrameType.SETTINGS, 0, 0, [0, 2, 0, 0, 0, 1]);
  assertEquals(peer.words(), [`GOAWAY 0 ${PROTOCOL_ERROR}`]);
});

Deno.test("5.1.2: before the first SETTINGS a hundred streams may be opened, then what the server says", () => {
  const peer = new RawPeer("client", {}, false);
  assertEquals(peer.client!.capacity, 100);
  peer.say(FrameType.SETTINGS, 0, 0, [0, 3, 0, 0, 0, 2]);
  assertEquals(peer.client!.capacity, 2);
  peer.client!.open(REQUEST, true, new Heard());
  peer.client!.open(REQUEST, true, new Heard());
  assertEquals(peer.client!.open(REQUEST, true, new Heard()), undefined);
  peer.say(FrameType.SETTINGS, 0, 0, [0, 3, 0, 0, 0, 3]);
  assertEquals(peer.wire.capacityCalls, 1);
  // Nobody waits any more, so nobody is called.
  peer.say(FrameType.SETTINGS, 0, 0, [0, 3, 0, 0, 0, 4]);
  assertEquals(peer.wire.capacityCalls, 1);
});

Deno.test("5.1.2: a stream that the client itself gives up makes room", () => {
  const peer = new RawPeer("client");
  peer.say(FrameType.SETTINGS, 0, 0, [0, 3, 0, 0, 0, 1]);
  const stream = peer.client!.open(REQUEST, true, new Heard())!;
  assertEquals(peer.client!.open(REQUEST, true, new Heard()), undefined);
  stream.reset(ErrorCode.CANCEL);
  assertEquals(peer.wire.capacityCalls, 0);
  peer.connection.flush();
  assertEquals([peer.wire.capacityCalls, peer.client!.capacity], [1, 1]);
});

Deno.test("8.1: informational answers come before the final one, trailers behind", () => {
  const { peer, answer } = asked();
  peer.headers(1, [":status", "103", "link", "</a>"], 0);
  peer.headers(1, OK, 0);
  peer.say(FrameType.DATA, 0, 1, [1, 2]);
  peer.headers(1, ["grpc-status", "0"]);
  assertEquals(answer.events, ["headers", "headers", "data 2", "trailers end"]);
  assertEquals(peer.connection.streams, 0);
});

for (
  const [name, blocks] of [
    ["8.1: an informational answer that ends the stream", [[[":status", "100"], true]]],
    ["8.1: trailers that do not end the stream", [[OK, false], [["a", "b"], false]]],
    ["8.1.1: no body where content-length promises one", [[[...OK, "content-length", "3"], true]]],
    ["8.1.1: trailers before content-length is reached", [[[...OK, "content-length", "3"], false], [["a", "b"], true]]],
    ["8.2: a name in upper case", [[[...OK, "Content-Type", "a"], true]]],
    ["8.2.1: a line end in a value", [[[...OK, "a", "b\r\nc"], true]]],
    ["8.2.2: transfer-encoding", [[[...OK, "transfer-encoding", "chunked"], true]]],
    ["8.3: a request's pseudo-header", [[[...OK, ":path", "/"], true]]],
    ["8.3: a pseudo-header in trailers", [[OK, false], [[":status", "200"], true]]],
    ["8.3: a pseudo-header behind a field", [[["a", "b", ...OK], true]]],
    ["8.3.2: no :status", [[["a", "b"], true]]],
    ["8.3.2: two of them", [[[...OK, ...OK], true]]],
    ["8.3.2: a :status that is no number of three digits", [[[":status", "20"], true]]],
    ["8.6: 101", [[[":status", "101"], false]]],
  ] as const
) {
  Deno.test(`${name}: the answer is malformed, the stream is reset`, () => {
    const { peer, answer } = asked();
    for (const [fields, end] of blocks) peer.headers(1, fields, end ? Flag.END_STREAM : 0);
    assertEquals(answer.reset, PROTOCOL_ERROR);
    assertEquals(peer.words(), [`RST_STREAM 1 ${PROTOCOL_ERROR}`]);
    assertEquals([peer.connection.streams, peer.wire.hasEnded], [0, false]);
  });
}

Deno.test("8.1: DATA before any header block: the answer is malformed", () => {
  const { peer, answer } = asked();
  peer.say(FrameType.DATA, 0, 1, [1]);
  assertEquals(answer.events, [`reset ${PROTOCOL_ERROR}`]);
});

Deno.test("8.1: a blank around a value is let pass in answers, since servers do send grpc-message so", () => {
  const { peer, answer } = asked();
  peer.headers(1, [...OK, "grpc-message", "oh no: "]);
  assertEquals(answer.headers, [[...OK, "grpc-message", "oh no: "]]);
});

for (const [method, status] of [["HEAD", "200"], ["GET", "204"], ["GET", "304"]] as const) {
  Deno.test(`8.1.1: ${method} answered with ${status} may name a length and has no body`, () => {
    const fields = [":method", method, ":scheme", "http", ":path", "/", ":authority", "test"];
    const whole = asked(fields);
    whole.peer.headers(1, [":status", status, "content-length", "10"]);
    assertEquals(whole.answer.events, ["headers end"]);
    const faulty = asked(fields);
    faulty.peer.headers(1, [":status", status, "content-length", "10"], 0);
    faulty.peer.say(FrameType.DATA, Flag.END_STREAM, 1, new Uint8Array(10));
    assertEquals(faulty.answer.reset, PROTOCOL_ERROR);
  });
}

Deno.test("8.1: an answer may come before the request has ended, and NO_ERROR after it only stops the request", () => {
  const peer = new RawPeer("client");
  const answer = new Heard();
  const stream = peer.client!.open(REQUEST, false, answer)!;
  peer.headers(1, OK);
  assertEquals([answer.events, stream.closed], [["headers end"], false]);
  peer.say(FrameType.RST_STREAM, 0, 1, uint32Bytes(ErrorCode.NO_ERROR));
  assertEquals([answer.events, stream.closed], [["headers end", "reset 0"], true]);
  stream.sendData(new Uint8Array(3), true);
  assertEquals(peer.words(), ["HEADERS 1"]);
});

Deno.test("5.1: DATA behind the answer's end is STREAM_CLOSED, while the request is still open", () => {
  const peer = new RawPeer("client");
  const answer = new Heard();
  peer.client!.open(REQUEST, false, answer);
  peer.headers(1, OK);
  peer.seen();
  peer.say(FrameType.DATA, 0, 1, [1]);
  assertEquals(peer.words(), [`RST_STREAM 1 ${STREAM_CLOSED}`]);
});

Deno.test("5.1: what a server still sends on a stream that was given up is dropped, its windows given back", () => {
  const peer = new RawPeer("client", { streamWindowBytes: 65_535, connectionWindowBytes: 65_535 });
  const stream = peer.client!.open(REQUEST, true, new Heard())!;
  stream.reset(ErrorCode.CANCEL);
  peer.seen();
  peer.headers(1, [...OK, "x-table", "a"], 0);
  for (let i = 0; i < 40; i++) {
    peer.say(FrameType.DATA, 0, 1, new Uint8Array(4000));
  }
  const given = peer.seen().filter(({ type }) => type === FrameType.WINDOW_UPDATE);
  assertEquals(given.map(({ id }) => id), [0, 0, 0, 0]);
  // Its header block has gone through the compression's table like any other.
  const answer = new Heard();
  peer.client!.open(REQUEST, true, answer);
  peer.headers(3, [...OK, "x-table", "a"]);
  assertEquals(answer.headers, [[...OK, "x-table", "a"]]);
});

Deno.test("a header block that cannot be encoded is the caller's error, and costs nothing else", () => {
  const peer = new RawPeer("client");
  assertThrows(() => peer.client!.open([...REQUEST, "x", "→"], true, new Heard()), RangeError);
  const answer = new Heard();
  const stream = peer.client!.open(REQUEST, false, answer)!;
  assertEquals([stream.id, peer.connection.streams], [1, 1]);
  stream.sendData(new Uint8Array(100_000), false);
  assertThrows(() => stream.sendTrailers(["x", "→"]), RangeError);
  stream.sendTrailers(["x", "y"]);
  peer.say(FrameType.WINDOW_UPDATE, 0, 1, uint32Bytes(100_000));
  peer.say(FrameType.WINDOW_UPDATE, 0, 0, uint32Bytes(100_000));
  assertEquals(peer.words().filter((word) => word.startsWith("HEADERS")), ["HEADERS 1", "HEADERS 1"]);
  assertEquals(peer.wire.faults, []);
});

Deno.test("4.3: a header block larger than the server's frames goes out in CONTINUATION frames", () => {
  const peer = new RawPeer("client");
  peer.client!.open([...REQUEST, "x-large", "~".repeat(40_000)], true, new Heard());
  const frames = peer.seen();
  assertEquals(frames.map(({ type }) => type), [FrameType.HEADERS, FrameType.CONTINUATION, FrameType.CONTINUATION]);
  assertEquals(frames.map(({ flags }) => flags), [Flag.END_STREAM, 0, Flag.END_HEADERS]);
  // And a server of ours reads it.
  const server = new RawPeer("server");
  const heard: Fields[] = [];
  server.wire.onStream = (stream, fields) => {
    stream.receiver = new Heard();
    heard.push(fields);
  };
  for (const { type, flags, id, payload } of frames) server.connection.receive(frameBytes(type, flags, id, payload));
  assertEquals(heard[0].at(-1)?.length, 40_000);
});
