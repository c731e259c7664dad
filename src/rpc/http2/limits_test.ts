/** Every limit by its name: what exceeds it, with which code it is answered, and what a sane peer does that does not. */
import { assertEquals, assertThrows } from "@std/assert";
import { expect } from "@std/expect";
import { Flag, FrameType, UINT31_MAX } from "./frames.ts";
import { DEFAULT_LIMITS, http2Limits } from "./limits.ts";
import { frameBytes, Heard, RawPeer, REQUEST, uint32Bytes } from "./testing.ts";
import { ErrorCode, type Stream } from "./types.ts";

const { ENHANCE_YOUR_CALM, NO_ERROR, REFUSED_STREAM, SETTINGS_TIMEOUT } = ErrorCode;
const OK = [":status", "200"];

/** The connection must have ended with `code`, counted as `violation`. */
function assertEnded(peer: RawPeer, violation: string, code: number): void {
  assertEquals(peer.words().at(-1), `GOAWAY 0 ${code}`);
  assertEquals([peer.wire.violations.at(-1), peer.wire.hasEnded, peer.wire.faults], [violation, true, []]);
}

function assertAlive(peer: RawPeer): void {
  assertEquals([peer.wire.violations, peer.wire.hasEnded, peer.wire.faults], [[], false, []]);
}

/** Takes every stream and answers nothing. */
function taking(peer: RawPeer): { stream: Stream; heard: Heard }[] {
  const taken: { stream: Stream; heard: Heard }[] = [];
  peer.wire.onStream = (stream) => {
    const heard = new Heard();
    stream.receiver = heard;
    taken.push({ stream, heard });
  };
  return taken;
}

/** Answers every stream at once. */
function answering(peer: RawPeer): void {
  peer.wire.onStream = (stream) => {
    stream.receiver = new Heard();
    stream.sendHeaders(OK, true);
  };
}

Deno.test("limits: numbers that contradict one another are not taken", () => {
  assertThrows(() => http2Limits({ frameBytesMax: 1000 }), Error, "frameBytesMax is 1000");
  assertThrows(() => http2Limits({ connectionWindowBytes: 1000 }), Error, "65,535");
  assertThrows(() => http2Limits({ streamsMax: 0 }), Error, "room for a stream");
  assertThrows(() => http2Limits({ pings: { burst: 0, perSecond: 1 } }), Error, "pings");
});

Deno.test("limits: headerListBytesMax: the request is answered with 431, and the connection goes on", () => {
  const peer = new RawPeer("server", { headerListBytesMax: 1000, headerBlockBytesMax: 10_000 });
  const taken = taking(peer);
  peer.headers(1, [...REQUEST, "x-large", "x".repeat(1000)]);
  assertEquals(peer.words(), ["HEADERS 1"]);
  assertEquals(peer.wire.violations, ["header_list_too_large"]);
  peer.headers(3);
  assertEquals([taken.length, peer.wire.hasEnded], [1, false]);
});

Deno.test("limits: headerFieldsMax: the same for many small ones", () => {
  const peer = new RawPeer("server", { headerFieldsMax: 10 });
  peer.headers(1, [...REQUEST, ...Array.from({ length: 14 }, () => "x")]);
  assertEquals(peer.words(), ["HEADERS 1"]);
  assertEquals([peer.wire.violations, peer.connection.streams], [["header_list_too_large"], 0]);
});

Deno.test("limits: trailers that are too large reset their stream", () => {
  const peer = new RawPeer("server", { headerListBytesMax: 1000, headerBlockBytesMax: 10_000 });
  const taken = taking(peer);
  peer.headers(1, REQUEST, 0);
  peer.headers(1, ["x-large", "x".repeat(1000)]);
  assertEquals(peer.words(), [`RST_STREAM 1 ${ENHANCE_YOUR_CALM}`]);
  assertEquals(taken[0].heard.events, [`reset ${ENHANCE_YOUR_CALM}`]);
});

Deno.test("limits: headerBlockBytesMax: a block that goes on and on ends the connection", () => {
  const peer = new RawPeer("server", { headerListBytesMax: 1000, headerBlockBytesMax: 20_000 });
  peer.say(FrameType.HEADERS, 0, 1, new Uint8Array(16_000));
  assertAlive(peer);
  peer.say(FrameType.CONTINUATION, 0, 1, new Uint8Array(16_000));
  assertEnded(peer, "header_block_too_large", ENHANCE_YOUR_CALM);
});

Deno.test("limits: continuationsMax: empty CONTINUATION frames are counted too", () => {
  const peer = new RawPeer("server");
  peer.say(FrameType.HEADERS, 0, 1);
  peer.sayTimes(DEFAULT_LIMITS.continuationsMax, FrameType.CONTINUATION, 0, 1);
  assertAlive(peer);
  peer.say(FrameType.CONTINUATION, 0, 1);
  assertEnded(peer, "continuation_flood", ENHANCE_YOUR_CALM);
});

Deno.test("limits: frameBytesMax: known from the header alone, before the payload comes", () => {
  const peer = new RawPeer("server");
  peer.connection.receive(frameBytes(FrameType.DATA, 0, 1, new Uint8Array(16385)).slice(0, 9));
  assertEnded(peer, "frame_too_large", ErrorCode.FRAME_SIZE_ERROR);
});

Deno.test("limits: streamsMax: one more is refused, and there is room again when one is over", () => {
  const peer = new RawPeer("server", { streamsMax: 2 });
  const taken = taking(peer);
  for (const id of [1, 3, 5]) peer.headers(id);
  assertEquals(peer.words(), [`RST_STREAM 5 ${REFUSED_STREAM}`]);
  assertEquals(peer.wire.violations, ["too_many_streams"]);
  taken[0].stream.sendHeaders(OK, true);
  peer.headers(7);
  assertEquals(taken.length, 3);
});

Deno.test("limits: refusals: a client that goes on opening streams beyond the limit is sent away", () => {
  const peer = new RawPeer("server", { streamsMax: 1, refusals: { burst: 10, perSecond: 0 } });
  taking(peer);
  for (let i = 0; i <= 11; i++) peer.headers(1 + 2 * i);
  assertEnded(peer, "refused_streams", ENHANCE_YOUR_CALM);
});

Deno.test("limits: resets: rapid reset ends the connection", () => {
  const peer = new RawPeer("server", { resets: { burst: 4096, perSecond: 0 } });
  taking(peer);
  for (let i = 0; i <= 4096; i++) {
    assertAlive(peer);
    peer.headers(1 + 2 * i);
    peer.say(FrameType.RST_STREAM, 0, 1 + 2 * i, uint32Bytes(ErrorCode.CANCEL));
  }
  assertEnded(peer, "rapid_reset", ENHANCE_YOUR_CALM);
  assertEquals(peer.connection.streams, 0);
});

Deno.test("limits: resets: a client that cancels all it has open, again and again at its pace, is not disturbed", () => {
  const peer = new RawPeer("server");
  const taken = taking(peer);
  let id = -1;
  for (let round = 0; round < 3; round++) {
    for (let i = 0; i < 4096; i++) peer.headers(id += 2);
    for (let i = 0; i < 4096; i++) {
      peer.say(FrameType.RST_STREAM, 0, id - 2 * i, uint32Bytes(ErrorCode.CANCEL));
    }
    peer.wait(5);
  }
  assertAlive(peer);
  assertEquals(taken.filter(({ heard }) => heard.reset === ErrorCode.CANCEL).length, 3 * 4096);
});

Deno.test("limits: resets: as many as there are streams that end well are always allowed", () => {
  const peer = new RawPeer("server", { resets: { burst: 4, perSecond: 0 } });
  peer.wire.onStream = (stream, _, endStream) => {
    stream.receiver = new Heard();
    if (endStream) stream.sendHeaders(OK, true);
  };
  for (let id = 1; id < 400; id += 4) {
    peer.headers(id);
    peer.headers(id + 2, REQUEST, 0);
    peer.say(FrameType.RST_STREAM, 0, id + 2, uint32Bytes(ErrorCode.CANCEL));
  }
  assertAlive(peer);
});

Deno.test("limits: streamFaults: made you reset: faults that reset our streams are counted as the peer's", () => {
  const peer = new RawPeer("server", { streamFaults: { burst: 50, perSecond: 0 } });
  const taken = taking(peer);
  for (let i = 0; i <= 50; i++) {
    peer.headers(1 + 2 * i);
    peer.say(FrameType.WINDOW_UPDATE, 0, 1 + 2 * i, uint32Bytes(0));
  }
  assertEnded(peer, "made_reset", ENHANCE_YOUR_CALM);
  assertEquals(taken.length, 51);
});

Deno.test("limits: streamFaults: malformed requests too", () => {
  const peer = new RawPeer("server", { streamFaults: { burst: 10, perSecond: 0 } });
  for (let i = 0; i <= 10; i++) peer.headers(1 + 2 * i, [":method", "GET"]);
  assertEnded(peer, "made_reset", ENHANCE_YOUR_CALM);
});

Deno.test("limits: emptyData: DATA that says nothing", () => {
  const peer = new RawPeer("server", { emptyData: { burst: 100, perSecond: 0 } });
  taking(peer);
  peer.headers(1, REQUEST, 0);
  peer.sayTimes(100, FrameType.DATA, 0, 1);
  assertAlive(peer);
  // Nothing but padding is nothing.
  peer.say(FrameType.DATA, Flag.PADDED, 1, [2, 0, 0]);
  assertEnded(peer, "empty_data_flood", ENHANCE_YOUR_CALM);
});

Deno.test("limits: pings: a flood ends the connection, one ping for each answer does not", () => {
  const peer = new RawPeer("server", { pings: { burst: 100, perSecond: 0 } });
  answering(peer);
  for (let i = 0; i < 1000; i++) {
    peer.headers(1 + 2 * i);
    peer.say(FrameType.PING, 0, 0, [1, 2, 3, 4, 5, 6, 7, 8]);
  }
  assertAlive(peer);
  peer.sayTimes(101, FrameType.PING, 0, 0, [1, 2, 3, 4, 5, 6, 7, 8]);
  assertEnded(peer, "ping_flood", ENHANCE_YOUR_CALM);
});

Deno.test("limits: pings: time gives back", () => {
  const peer = new RawPeer("server", { pings: { burst: 10, perSecond: 10 }, keepAliveMs: 0 });
  for (let i = 0; i < 20; i++) {
    peer.sayTimes(10, FrameType.PING, 0, 0, [1, 2, 3, 4, 5, 6, 7, 8]);
    peer.wait(1);
  }
  assertAlive(peer);
});

Deno.test("limits: settings: a flood ends the connection", () => {
  const peer = new RawPeer("server");
  peer.sayTimes(101, FrameType.SETTINGS, 0, 0, [0, 4, 0, 0, 0, 1]);
  assertEnded(peer, "settings_flood", ENHANCE_YOUR_CALM);
});

for (
  const [name, type, payload] of [
    ["PRIORITY", FrameType.PRIORITY, [0, 0, 0, 1, 0]],
    ["an unknown type", 0xfa, []],
    ["GOAWAY", FrameType.GOAWAY, [0, 0, 0, 0, 0, 0, 0, 0]],
  ] as const
) {
  Deno.test(`limits: ignored: a flood of ${name} ends the connection`, () => {
    const peer = new RawPeer("server");
    taking(peer);
    peer.headers(1);
    peer.sayTimes(DEFAULT_LIMITS.ignored.burst, type, 0, type === FrameType.PRIORITY ? 3 : 0, payload);
    assertAlive(peer);
    peer.say(type, 0, type === FrameType.PRIORITY ? 3 : 0, payload);
    assertEnded(peer, "ignored_flood", ENHANCE_YOUR_CALM);
  });
}

Deno.test("limits: windowUpdates: windows of one byte, over and over", () => {
  const peer = new RawPeer("server", { windowUpdates: { burst: 100, perSecond: 0 } });
  const taken = taking(peer);
  peer.say(FrameType.SETTINGS, 0, 0, [0, 4, 0, 0, 0, 1]);
  peer.headers(1);
  taken[0].stream.sendHeaders(OK, false);
  taken[0].stream.sendData(new Uint8Array(10_000), false);
  peer.connection.flush();
  for (let i = 0; i < 100; i++) peer.say(FrameType.WINDOW_UPDATE, 0, 1, uint32Bytes(1));
  assertEquals(peer.seen().filter(({ type }) => type === FrameType.DATA).length, 101);
  assertAlive(peer);
  peer.say(FrameType.WINDOW_UPDATE, 0, 1, uint32Bytes(1));
  assertEnded(peer, "window_update_flood", ENHANCE_YOUR_CALM);
});

Deno.test("limits: windowUpdates: two for every message that we send are always allowed", () => {
  const peer = new RawPeer("server", { windowUpdates: { burst: 100, perSecond: 0 } });
  const taken = taking(peer);
  peer.headers(1);
  taken[0].stream.sendHeaders(OK, false);
  for (let i = 0; i < 1000; i++) {
    taken[0].stream.sendData(new Uint8Array(10), false);
    peer.say(FrameType.WINDOW_UPDATE, 0, 1, uint32Bytes(10));
    peer.say(FrameType.WINDOW_UPDATE, 0, 0, uint32Bytes(10));
  }
  assertAlive(peer);
});

Deno.test("limits: lateFrames: a flood for streams that are over", () => {
  const peer = new RawPeer("server", { lateFrames: { burst: 100, perSecond: 0 } });
  const taken = taking(peer);
  peer.headers(1, REQUEST, 0);
  taken[0].stream.reset(ErrorCode.CANCEL);
  peer.sayTimes(100, FrameType.DATA, 0, 1, [1]);
  assertAlive(peer);
  peer.say(FrameType.DATA, 0, 1, [1]);
  assertEnded(peer, "late_frame_flood", ENHANCE_YOUR_CALM);
});

Deno.test("limits: blockedBytesMax: a peer that makes us answer and reads nothing", () => {
  const peer = new RawPeer("server", { blockedBytesMax: 10_000, pings: { burst: 1_000_000, perSecond: 0 } });
  peer.wire.full = true;
  const ping = [1, 2, 3, 4, 5, 6, 7, 8];
  // The first answer finds the socket full, the others wait.
  peer.sayTimes(1, FrameType.PING, 0, 0, ping);
  peer.sayTimes(500, FrameType.PING, 0, 0, ping);
  assertEquals(peer.seen().length, 1);
  assertAlive(peer);
  peer.sayTimes(100, FrameType.PING, 0, 0, ping);
  assertEnded(peer, "output_backlog", ENHANCE_YOUR_CALM);
});

Deno.test("limits: a socket that is full holds stream data back, and only that, until it is writable", () => {
  const peer = new RawPeer("server");
  const taken = taking(peer);
  peer.headers(1);
  peer.wire.full = true;
  taken[0].stream.sendHeaders(OK, false);
  peer.connection.flush();
  taken[0].stream.sendData(new Uint8Array(100), true);
  peer.say(FrameType.PING, 0, 0, [1, 2, 3, 4, 5, 6, 7, 8]);
  assertEquals([peer.words(), taken[0].stream.queuedBytes], [["HEADERS 1"], 100]);
  peer.wire.full = false;
  peer.connection.writable();
  assertEquals([peer.words(), taken[0].stream.closed], [["PING 0", "DATA 1"], true]);
});

Deno.test("limits: blockedMsMax: a reader that has stopped is given up", () => {
  const peer = new RawPeer("server", { keepAliveMs: 0, idleMs: 0 });
  peer.wire.full = true;
  peer.say(FrameType.PING, 0, 0, [1, 2, 3, 4, 5, 6, 7, 8]);
  peer.wait(59);
  assertAlive(peer);
  peer.wait(3);
  assertEnded(peer, "slow_reader", ENHANCE_YOUR_CALM);
});

Deno.test("limits: stalledMsMax: windows that never grow do not pin queued data for ever", () => {
  const peer = new RawPeer("server", { keepAliveMs: 0 });
  const taken = taking(peer);
  peer.say(FrameType.SETTINGS, 0, 0, [0, 4, 0, 0, 0, 0]);
  peer.headers(1);
  taken[0].stream.sendHeaders(OK, false);
  taken[0].stream.sendData(new Uint8Array(10), true);
  for (let i = 0; i < 5; i++) {
    peer.wait(200);
    peer.say(FrameType.WINDOW_UPDATE, 0, 1, uint32Bytes(1));
  }
  assertAlive(peer);
  peer.wait(302);
  assertEnded(peer, "stalled_windows", ENHANCE_YOUR_CALM);
  assertEquals(taken[0].heard.reset, ENHANCE_YOUR_CALM);
});

Deno.test("limits: connectionQueueBytesMax: a stream that would queue more is reset, and told so later", () => {
  const limits = { connectionQueueBytesMax: 300_000, connectionQueueBytesHigh: 200_000, streamQueueBytesHigh: 200_000 };
  const peer = new RawPeer("server", limits);
  const taken = taking(peer);
  peer.say(FrameType.SETTINGS, 0, 0, [0, 4, 0, 0, 0, 0]);
  for (const id of [1, 3]) {
    peer.headers(id);
    taken.at(-1)!.stream.sendHeaders(OK, false);
  }
  peer.seen();
  assertEquals(taken[0].stream.sendData(new Uint8Array(190_000), false), true);
  assertEquals(taken[1].stream.sendData(new Uint8Array(190_000), false), false);
  assertEquals(taken[1].heard.events, []);
  assertEquals(peer.words(), [`RST_STREAM 3 ${ENHANCE_YOUR_CALM}`]);
  assertEquals([taken[1].heard.events, peer.wire.violations], [[`reset ${ENHANCE_YOUR_CALM}`], ["send_queue"]]);
  assertEquals([peer.connection.streams, peer.wire.hasEnded], [1, false]);
});

Deno.test("limits: handshakeMs: who connects and says nothing is sent away", () => {
  const peer = new RawPeer("server", {}, false);
  peer.wait(10);
  assertAlive(peer);
  peer.wait(2);
  assertEnded(peer, "handshake_timeout", SETTINGS_TIMEOUT);
});

Deno.test("limits: settingsAckMs: RFC 9113, 6.5.3: SETTINGS that are not acknowledged in time", () => {
  const peer = new RawPeer("client", {}, false);
  peer.say(FrameType.SETTINGS, 0, 0);
  peer.wait(10);
  assertAlive(peer);
  peer.wait(2);
  assertEnded(peer, "settings_timeout", SETTINGS_TIMEOUT);
});

Deno.test("limits: keepAliveMs: a quiet peer is asked, and given up when it does not answer", () => {
  const peer = new RawPeer("server");
  const taken = taking(peer);
  peer.headers(1, REQUEST, 0);
  peer.wait(62);
  const pings = peer.seen();
  assertEquals(pings.map(({ type, flags }) => [type, flags]), [[FrameType.PING, 0]]);
  peer.say(FrameType.PING, Flag.ACK, 0, pings[0].payload);
  peer.wait(62);
  assertEquals(peer.words(), ["PING 0"]);
  peer.wait(22);
  assertEnded(peer, "keep_alive_timeout", NO_ERROR);
  assertEquals(taken[0].heard.events, ["reset -1"]);
});

Deno.test("limits: keepAliveMs: that this process stood still is not held against the peer", () => {
  const peer = new RawPeer("server", { idleMs: 0 });
  peer.connection.tick(0);
  for (let i = 1; i <= 16; i++) {
    peer.connection.tick(i * 1_000_000);
    peer.say(FrameType.PING, Flag.ACK, 0, [0, 0, 0, 0, 0, 0, 0, 0]);
  }
  assertEquals([peer.words(), peer.wire.hasEnded], [[], false]);
});

Deno.test("limits: idleMs: a server's connection without streams is shut down gently", () => {
  const peer = new RawPeer("server", { idleMs: 30_000, keepAliveMs: 0 });
  peer.wait(32);
  assertEquals(peer.words(), [`GOAWAY 0 ${NO_ERROR}`, "PING 0"]);
  peer.wait(7);
  assertEquals([peer.words(), peer.wire.hasEnded], [[`GOAWAY 0 ${NO_ERROR}`], true]);
});

Deno.test("limits: discardBytesMax: what comes after the answer is read up to there, its windows kept open", () => {
  const limits = { discardBytesMax: 3_000_000, streamWindowBytes: 100_000, connectionWindowBytes: 200_000 };
  const peer = new RawPeer("server", limits);
  answering(peer);
  peer.headers(1, REQUEST, 0);
  assertEquals(peer.words(), ["HEADERS 1"]);
  let given = 100_000, sent = 0;
  const resets: number[] = [];
  while (resets.length === 0) {
    expect(given).toBeGreaterThanOrEqual(10_000);
    peer.say(FrameType.DATA, 0, 1, new Uint8Array(10_000));
    sent += 10_000;
    given -= 10_000;
    for (const { type, id, payload } of peer.seen()) {
      const value = new DataView(payload.buffer).getUint32(0);
      if (type === FrameType.WINDOW_UPDATE && id === 1) given += value;
      if (type === FrameType.RST_STREAM) resets.push(value);
    }
  }
  assertEquals([sent, resets], [3_010_000, [NO_ERROR]]);
  assertEquals(peer.connection.streams, 0);
  // What was under way is still dropped without a word.
  peer.say(FrameType.DATA, 0, 1, new Uint8Array(10_000));
  assertAlive(peer);
});

Deno.test("limits: discardMsMax: and it is not waited for long", () => {
  const peer = new RawPeer("server");
  answering(peer);
  peer.headers(1, REQUEST, 0);
  peer.wait(12);
  assertEquals(peer.words(), ["HEADERS 1", `RST_STREAM 1 ${NO_ERROR}`]);
  assertEquals(peer.connection.streams, 0);
});

Deno.test("limits: informationalMax: a final answer must come", () => {
  const peer = new RawPeer("client", { informationalMax: 3 });
  const answer = new Heard();
  peer.client!.open(REQUEST, true, answer);
  for (let i = 0; i < 3; i++) peer.headers(1, [":status", "103"], 0);
  assertEquals(answer.headers.length, 3);
  peer.headers(1, [":status", "103"], 0);
  assertEquals(answer.reset, ErrorCode.PROTOCOL_ERROR);
});

Deno.test("limits: what each of ours allows is announced to the peer", () => {
  const peer = new RawPeer(
    "server",
    { streamsMax: 7, streamWindowBytes: 70_000, connectionWindowBytes: 80_000 },
    false,
  );
  const [settings, update] = peer.seen();
  const view = new DataView(settings.payload.buffer);
  const said = new Map<number, number>();
  for (let at = 0; at < settings.payload.length; at += 6) said.set(view.getUint16(at), view.getUint32(at + 2));
  assertEquals([...said], [[1, 4096], [3, 7], [4, 70_000], [5, 16384], [6, 65536]]);
  assertEquals([update.type, update.id, ...update.payload], [FrameType.WINDOW_UPDATE, 0, ...uint32Bytes(14_465)]);
  expect(UINT31_MAX).toBeGreaterThan(DEFAULT_LIMITS.connectionWindowBytes);
});

Deno.test("limits: connectionQueueBytesMax: what a stream that is over had queued makes room again", () => {
  const limits = { connectionQueueBytesMax: 300_000, connectionQueueBytesHigh: 200_000, streamQueueBytesHigh: 200_000 };
  const peer = new RawPeer("server", limits);
  const taken = taking(peer);
  peer.say(FrameType.SETTINGS, 0, 0, [0, 4, 0, 0, 0, 0]);
  for (let id = 1; id < 40; id += 2) {
    peer.headers(id);
    taken.at(-1)!.stream.sendHeaders(OK, false);
    taken.at(-1)!.stream.sendData(new Uint8Array(190_000), true);
    if (id % 4 === 1) peer.say(FrameType.RST_STREAM, 0, id, uint32Bytes(ErrorCode.CANCEL));
    else taken.at(-1)!.stream.reset(ErrorCode.CANCEL);
  }
  assertAlive(peer);
});
