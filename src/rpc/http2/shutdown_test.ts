/** How connections end: RFC 9113, 5.4.1 and 6.8. */
import { assertEquals } from "@std/assert";
import { Flag, FrameType, UINT31_MAX } from "./frames.ts";
import { Heard, pair, RawPeer, REQUEST, uint32Bytes } from "./testing.ts";
import { CONNECTION_LOST, ErrorCode, type Stream } from "./types.ts";

const OK = [":status", "200"];

function lastStreamOf(payload: Uint8Array): number {
  return new DataView(payload.buffer, payload.byteOffset).getUint32(0);
}

Deno.test("6.8: a server says that it will go, then how far it got, and ends when all is answered", () => {
  const peer = new RawPeer("server");
  const taken: Stream[] = [];
  peer.wire.onStream = (stream) => {
    stream.receiver = new Heard();
    taken.push(stream);
  };
  peer.headers(1);
  peer.connection.shutdown();
  const [first, ping] = peer.seen();
  assertEquals([first.type, lastStreamOf(first.payload)], [FrameType.GOAWAY, UINT31_MAX]);
  assertEquals([ping.type, ping.flags], [FrameType.PING, 0]);
  // What the client sent before it knew is taken.
  peer.headers(3);
  assertEquals(taken.length, 2);
  peer.say(FrameType.PING, Flag.ACK, 0, ping.payload);
  const [final] = peer.seen();
  assertEquals([final.type, lastStreamOf(final.payload)], [FrameType.GOAWAY, 3]);
  peer.headers(5);
  assertEquals(peer.words(), [`RST_STREAM 5 ${ErrorCode.REFUSED_STREAM}`]);
  taken[0].sendHeaders(OK, true);
  peer.connection.flush();
  assertEquals(peer.wire.hasEnded, false);
  taken[1].sendHeaders(OK, true);
  peer.connection.flush();
  assertEquals([peer.wire.hasEnded, peer.connection.ended], [true, true]);
});

Deno.test("6.8: another ping's answer does not count as the announcement seen", () => {
  const peer = new RawPeer("server");
  peer.wire.onStream = (stream) => stream.receiver = new Heard();
  peer.headers(1);
  peer.connection.shutdown();
  peer.seen();
  peer.say(FrameType.PING, Flag.ACK, 0, [1, 2, 3, 4, 5, 6, 7, 8]);
  assertEquals(peer.seen(), []);
});

Deno.test("6.8: a client that does not answer the announcement does not hold it up for long", () => {
  const peer = new RawPeer("server");
  peer.wire.onStream = (stream) => stream.receiver = new Heard();
  peer.headers(1);
  peer.connection.shutdown();
  peer.connection.shutdown();
  assertEquals(peer.words(), ["GOAWAY 0 0", "PING 0"]);
  peer.wait(7);
  assertEquals(peer.words(), ["GOAWAY 0 0"]);
  assertEquals(peer.wire.hasEnded, false);
});

Deno.test("6.8: a shutdown between our own two sides loses no call", () => {
  const { client, server, serverWire, clientWire, run } = pair();
  const answers: Heard[] = [];
  const taken: Stream[] = [];
  serverWire.onStream = (stream) => {
    stream.receiver = new Heard();
    taken.push(stream);
  };
  const open = () => {
    const heard = new Heard();
    if (client.open(REQUEST, true, heard)) answers.push(heard);
  };
  open();
  run();
  server.shutdown();
  open();
  run();
  open();
  assertEquals([answers.length, client.accepts], [2, false]);
  for (const stream of taken) stream.sendHeaders(OK, true);
  run();
  assertEquals(answers.map(({ events }) => events), [["headers end"], ["headers end"]]);
  assertEquals([serverWire.hasEnded, clientWire.hasEnded], [true, true]);
  assertEquals(clientWire.goaways.map(({ lastStreamId }) => lastStreamId), [UINT31_MAX, 3]);
});

Deno.test("6.8: a client hears which of its streams will not be taken up, and the others go on", () => {
  const peer = new RawPeer("client");
  const answers = [new Heard(), new Heard()];
  for (const answer of answers) peer.client!.open(REQUEST, true, answer);
  peer.seen();
  peer.say(FrameType.GOAWAY, 0, 0, [...uint32Bytes(1), ...uint32Bytes(11), 0x62, 0x79, 0x65, 0x0a]);
  assertEquals(answers.map(({ reset }) => reset), [undefined, ErrorCode.REFUSED_STREAM]);
  assertEquals(peer.wire.goaways, [{ lastStreamId: 1, code: 11, reason: "bye?" }]);
  assertEquals(peer.client!.open(REQUEST, true, new Heard()), undefined);
  // A late frame for the one that is given up means nothing.
  peer.headers(3, OK);
  peer.headers(1, OK);
  assertEquals(answers[0].events, ["headers end"]);
  assertEquals(peer.wire.hasEnded, true);
});

Deno.test("6.8: a client that shuts down finishes what it has open", () => {
  const { client, server, serverWire, clientWire, run } = pair();
  const answer = new Heard();
  let taken: Stream | undefined;
  serverWire.onStream = (stream) => (taken = stream).receiver = new Heard();
  client.open(REQUEST, true, answer);
  run();
  client.shutdown();
  run();
  assertEquals(client.open(REQUEST, true, new Heard()), undefined);
  assertEquals([clientWire.hasEnded, serverWire.hasEnded], [false, false]);
  taken!.sendHeaders(OK, true);
  run();
  assertEquals(answer.events, ["headers end"]);
  assertEquals([clientWire.hasEnded, serverWire.hasEnded, server.ended], [true, true, true]);
});

Deno.test("5.4.1: close tells every stream and the peer, and nothing is heard or said after it", () => {
  const { client, server, serverWire, clientWire, run } = pair();
  const request = new Heard(), answer = new Heard();
  let taken: Stream | undefined;
  serverWire.onStream = (stream) => (taken = stream).receiver = request;
  client.open(REQUEST, false, answer);
  run();
  server.close(ErrorCode.ENHANCE_YOUR_CALM, "too much");
  assertEquals([request.reset, serverWire.hasEnded], [ErrorCode.ENHANCE_YOUR_CALM, true]);
  taken!.sendHeaders(OK, true);
  assertEquals(taken!.sendData(new Uint8Array(1), true), true);
  taken!.reset(ErrorCode.CANCEL);
  taken!.consume(1);
  server.close(ErrorCode.CANCEL, "again");
  server.closed();
  run();
  assertEquals(serverWire.written, []);
  assertEquals(clientWire.goaways, [{ lastStreamId: 1, code: ErrorCode.ENHANCE_YOUR_CALM, reason: "too much" }]);
  assertEquals(answer.events, []);
  client.closed();
  assertEquals(answer.events, [`reset ${CONNECTION_LOST}`]);
});

Deno.test("5.4.1: a connection may be closed from within a callback", () => {
  const peer = new RawPeer("server");
  const heard = new Heard();
  peer.wire.onStream = (stream) => stream.receiver = heard;
  heard.then = (event) => {
    if (event.startsWith("data")) peer.connection.close(ErrorCode.NO_ERROR, "enough");
  };
  peer.headers(1, REQUEST, 0);
  peer.sayTimes(3, FrameType.DATA, 0, 1, [1]);
  assertEquals(heard.events, ["data 1", `reset ${CONNECTION_LOST}`]);
  assertEquals(peer.words(), ["GOAWAY 0 0"]);
});

Deno.test("a receiver that throws ends its connection with INTERNAL_ERROR, and the others hear of it", () => {
  const peer = new RawPeer("server");
  const heard: Heard[] = [];
  peer.wire.onStream = (stream) => heard.push(stream.receiver = new Heard());
  peer.headers(1, REQUEST, 0);
  peer.headers(3, REQUEST, 0);
  heard[0].then = () => {
    throw new Error("a bug");
  };
  peer.say(FrameType.DATA, 0, 1, [1]);
  assertEquals(peer.words(), [`GOAWAY 0 ${ErrorCode.INTERNAL_ERROR}`]);
  assertEquals(peer.wire.faults.map(String), ["Error: a bug", "Error: a bug"]);
  assertEquals(heard[1].events, [`reset ${ErrorCode.INTERNAL_ERROR}`]);
});
