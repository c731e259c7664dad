/**
 * A server against peers that break no single rule but ask too much: each known attack by its CVE, with what it may cost
 * at most, and beside it the honest use that must not be taken for it.
 */
import { assertEquals } from "@std/assert";
import { assert } from "../../base/mod.ts";
import {
  ACK,
  bytesOf,
  CANCEL,
  concat,
  CONTINUATION,
  DATA,
  END_HEADERS,
  END_STREAM,
  ENHANCE_YOUR_CALM,
  frame,
  GOAWAY,
  HEADERS,
  headers,
  literals,
  NO_ERROR,
  PADDED,
  Peer,
  PING,
  POST,
  post,
  PREFACE,
  PRIORITY,
  REFUSED_STREAM,
  type Request,
  RST_STREAM,
  SETTINGS,
  settings,
  SETTINGS_TIMEOUT,
  uint32,
  WINDOW_UPDATE,
} from "./hostile_testing.ts";
import { DEFAULT_LIMITS } from "./limits.ts";

const octets = (count: number) => new Uint8Array(count).fill(0x61);
const ANSWER = [":status", "200", "content-length", "0"];
const BLOCK = literals(POST);

/** Sends `part(i)` for i = 0, 1, … until the connection ends; how often it took. */
function untilEnded(peer: Peer, timesMax: number, part: (i: number) => Uint8Array): number {
  for (let i = 0; i < timesMax; i++) {
    peer.send(part(i));
    if (peer.ended) return i + 1;
  }
  throw new Error(`the connection goes on after ${timesMax} times`);
}

const idAt = (i: number) => 2 * i + 1;

Deno.test("CVE-2023-44487, rapid reset: no more requests are begun than the limit says", () => {
  const { burst } = DEFAULT_LIMITS.resets;
  const peer = new Peer().greet();
  const times = untilEnded(
    peer,
    burst + 10,
    (i) => concat(post(idAt(i), true), frame(RST_STREAM, 0, idAt(i), uint32(CANCEL))),
  );
  assertEquals(times, burst + 1);
  peer.endedWith(ENHANCE_YOUR_CALM, "rapid_reset");
  assert(peer.writtenBytes < 1000, "hardly a word is wasted on it");
});

Deno.test("CVE-2023-44487, rapid reset: some good requests in between do not hide it", () => {
  const peer = new Peer({ resets: { burst: 100, perSecond: 10 } }, (request) => {
    if (request.endStream) request.stream.sendHeaders(ANSWER, true);
  }).greet();
  untilEnded(peer, 400, (i) =>
    concat(
      post(idAt(3 * i), true),
      post(idAt(3 * i + 1)),
      post(idAt(3 * i + 2)),
      frame(RST_STREAM, 0, idAt(3 * i + 1), uint32(CANCEL)),
      frame(RST_STREAM, 0, idAt(3 * i + 2), uint32(CANCEL)),
    ));
  peer.endedWith(ENHANCE_YOUR_CALM, "rapid_reset");
});

Deno.test("a client that goes away cancels all it has open, and may come back", () => {
  const peer = new Peer({}, () => {}).greet();
  for (let round = 0; round < 2; round++) {
    const first = round * 4096;
    for (let i = first; i < first + 4096; i++) peer.send(post(idAt(i)));
    for (let i = first; i < first + 4096; i++) peer.send(frame(RST_STREAM, 0, idAt(i), uint32(CANCEL)));
  }
  assertEquals(peer.connection.streams, 0);
  peer.take();
  peer.worksOn();
});

Deno.test("RFC 9113, 8.1: a reset behind the whole answer is no rapid reset", () => {
  // So ends every call of a streaming client whose server has the last word (grpc-go does it).
  const peer = new Peer({ resets: { burst: 10, perSecond: 1 } }, ({ stream }) => stream.sendHeaders(ANSWER, true))
    .greet();
  for (let i = 0; i < 1000; i++) peer.send(post(idAt(i)), frame(RST_STREAM, 0, idAt(i), uint32(NO_ERROR)));
  peer.take();
  peer.worksOn();
});

/** What makes a server reset stream `id`, which has just been opened: CVE-2025-8671. */
const PROVOCATIONS: readonly (readonly [what: string, frames: (id: number) => Uint8Array[]])[] = [
  ["an update by 0", (id) => [post(id), frame(WINDOW_UPDATE, 0, id, uint32(0))]],
  ["a window above 2^31-1", (id) => [post(id), frame(WINDOW_UPDATE, 0, id, uint32(2 ** 31 - 1))]],
  ["PRIORITY of the wrong size", (id) => [post(id), frame(PRIORITY, 0, id, octets(4))]],
  ["DATA behind the end", (id) => [post(id, true), frame(DATA, 0, id, octets(1))]],
  ["HEADERS behind the end", (id) => [post(id, true), headers(id, ["a", "b"], true)]],
  ["trailers that do not end the request", (id) => [post(id), headers(id, ["a", "b"])]],
  ["malformed trailers", (id) => [post(id), headers(id, [":path", "/"], true)]],
  ["more than content-length", (id) => [headers(id, [...POST, "content-length", "0"]), frame(DATA, 0, id, octets(1))]],
  ["less than content-length", (id) => [headers(id, [...POST, "content-length", "2"], true)]],
  ["a malformed request", (id) => [headers(id, [...POST, "A", "b"])]],
  ["DATA behind a reset", (id) => [post(id), frame(RST_STREAM, 0, id, uint32(8)), frame(DATA, 0, id, octets(1))]],
];

for (const [what, frames] of PROVOCATIONS) {
  Deno.test(`CVE-2025-8671, made you reset: by ${what}`, () => {
    const peer = new Peer().greet();
    const times = untilEnded(peer, 1000, (i) => concat(...frames(idAt(i))));
    assertEquals(times, DEFAULT_LIMITS.streamFaults.burst + 1);
    peer.endedWith(ENHANCE_YOUR_CALM, "made_reset");
    assertEquals(peer.connection.streams, 0);
  });
}

Deno.test("streams above the limit are refused, and a flood of them ends the connection", () => {
  const peer = new Peer({ streamsMax: 2, refusals: { burst: 50, perSecond: 1 } }).greet().send(post(1), post(3));
  const times = untilEnded(peer, 100, (i) => post(idAt(i + 2), true));
  assertEquals([times, peer.requests.length], [51, 2]);
  peer.endedWith(ENHANCE_YOUR_CALM, "refused_streams");
});

Deno.test("CVE-2024-27316, CONTINUATION flood: by number, be they small or empty", () => {
  for (const fragment of [octets(0), octets(1)]) {
    const peer = new Peer().greet().send(frame(HEADERS, END_STREAM, 1, BLOCK));
    const times = untilEnded(peer, 1000, () => frame(CONTINUATION, 0, 1, fragment));
    assertEquals(times, DEFAULT_LIMITS.continuationsMax + 1);
    peer.endedWith(ENHANCE_YOUR_CALM, "continuation_flood");
  }
});

Deno.test("CVE-2024-27316, CONTINUATION flood: by size", () => {
  const peer = new Peer().greet().send(frame(HEADERS, END_STREAM, 1, octets(16_384)));
  const times = untilEnded(peer, 1000, () => frame(CONTINUATION, 0, 1, octets(16_384)));
  assertEquals(times, DEFAULT_LIMITS.headerBlockBytesMax / 16_384);
  peer.endedWith(ENHANCE_YOUR_CALM, "header_block_too_large");
});

Deno.test("a header block over several frames is one", () => {
  const fields = [...POST, ...Array.from({ length: 100 }, (_, i) => [`x-${i}`, "v".repeat(100)]).flat()];
  const block = literals(fields);
  const parts: Uint8Array[] = [];
  for (let at = 0; at < block.length; at += 1000) parts.push(block.slice(at, at + 1000));
  const peer = new Peer().greet().send(
    ...parts.map((part, i) =>
      frame(
        i === 0 ? HEADERS : CONTINUATION,
        (i === 0 ? END_STREAM : 0) | (i === parts.length - 1 ? END_HEADERS : 0),
        1,
        part.slice(),
      )
    ),
  );
  assertEquals(peer.requests.map(({ fields, endStream }) => [fields, endStream]), [[fields, true]]);
});

/** Small frames that may come by the thousand for nothing, and what their flood is called. */
const FLOODS: readonly (readonly [cve: string, name: string, burst: number, bytes: Uint8Array<ArrayBuffer>])[] = [
  ["CVE-2019-9512, PING flood", "ping_flood", DEFAULT_LIMITS.pings.burst, frame(PING, 0, 0, octets(8))],
  ["answers to pings never sent", "ping_flood", DEFAULT_LIMITS.pings.burst, frame(PING, ACK, 0, octets(8))],
  [
    "answers to pings to keep alive",
    "ping_flood",
    DEFAULT_LIMITS.pings.burst,
    frame(PING, ACK, 0, bytesOf("mf-alive")),
  ],
  ["CVE-2019-9515, SETTINGS flood", "settings_flood", DEFAULT_LIMITS.settings.burst, frame(SETTINGS, 0, 0)],
  ["acknowledgements of nothing", "settings_flood", DEFAULT_LIMITS.settings.burst, frame(SETTINGS, ACK, 0)],
  [
    "CVE-2019-9513, PRIORITY shuffling",
    "ignored_flood",
    DEFAULT_LIMITS.ignored.burst,
    frame(PRIORITY, 0, 1, Uint8Array.of(0, 0, 0, 3, 1)),
  ],
  ["unknown frames", "ignored_flood", DEFAULT_LIMITS.ignored.burst, frame(0xfa, 0, 0, octets(100))],
  ["CVE-2019-9518, empty DATA", "empty_data_flood", DEFAULT_LIMITS.emptyData.burst, frame(DATA, 0, 1)],
  [
    "CVE-2019-9518, DATA of padding only",
    "empty_data_flood",
    DEFAULT_LIMITS.emptyData.burst,
    frame(DATA, PADDED, 1, Uint8Array.of(3, 0, 0, 0)),
  ],
  [
    "CVE-2019-9511, WINDOW_UPDATE flood",
    "window_update_flood",
    DEFAULT_LIMITS.windowUpdates.burst,
    frame(WINDOW_UPDATE, 0, 0, uint32(1)),
  ],
  [
    "goodbyes again and again",
    "ignored_flood",
    DEFAULT_LIMITS.ignored.burst,
    frame(GOAWAY, 0, 0, concat(uint32(0), uint32(0), octets(100))),
  ],
];

for (const [cve, name, burst, bytes] of FLOODS) {
  Deno.test(`${cve}: ends after ${burst} at once`, () => {
    const peer = new Peer().greet().send(post(1));
    const times = untilEnded(peer, 2 * burst, () => bytes);
    // One or two were used up or credited by the beginning of the connection.
    assert(Math.abs(times - burst) <= 3, `after ${times}`);
    peer.endedWith(ENHANCE_YOUR_CALM, name);
  });
}

Deno.test("what floods in a moment is right over a longer time", () => {
  const peer = new Peer().greet().send(post(1));
  for (let second = 0; second < 30; second++) {
    for (let i = 0; i < 50; i++) peer.send(frame(PING, 0, 0, octets(8)), frame(DATA, 0, 1));
    peer.send(frame(SETTINGS, 0, 0)).pass(1);
  }
  peer.take();
  peer.worksOn();
});

Deno.test("CVE-2019-9514, reset flood: resets of what is over end the connection in time", () => {
  const peer = new Peer({ lateFrames: { burst: 100, perSecond: 1 } }, ({ stream }) => stream.reset(CANCEL)).greet();
  peer.send(post(1));
  const times = untilEnded(peer, 200, () => frame(RST_STREAM, 0, 1, uint32(CANCEL)));
  assertEquals(times, 101);
  peer.endedWith(ENHANCE_YOUR_CALM, "late_frame_flood");
});

Deno.test("CVE-2019-9516, fields without names: nobody sees them", () => {
  const peer = new Peer().greet();
  untilEnded(peer, 200, (i) => headers(idAt(i), [...POST, "", ""]));
  assertEquals(peer.requests.length, 0);
  peer.endedWith(ENHANCE_YOUR_CALM, "made_reset");
});

Deno.test("too many and too large fields are answered with 431, over and over with the end", () => {
  const many = literals([...POST, ...Array.from({ length: 300 }, () => ["a", ""]).flat()]);
  // The HPACK bomb: one entry of 3,000 bytes, named 10,000 times.
  const entry = concat(Uint8Array.of(0x40, 1, 0x61, 0x7f, 0xb9, 0x16), octets(3000));
  const bomb = concat(BLOCK, entry, new Uint8Array(10_000).fill(0xbe));
  for (const block of [many, bomb]) {
    const peer = new Peer().greet().send(frame(HEADERS, END_HEADERS | END_STREAM, 1, block));
    const [answer] = peer.take();
    assertEquals([answer.type, answer.flags, answer.id], [HEADERS, END_HEADERS | END_STREAM, 1]);
    assert(new TextDecoder().decode(answer.payload).includes("431") || answer.payload.length > 0, "an answer");
    assertEquals([peer.requests.length, peer.connection.streams], [0, 0]);
    peer.worksOn();
    untilEnded(peer, 200, (i) => frame(HEADERS, END_HEADERS | END_STREAM, idAt(i + 1), block));
    peer.endedWith(ENHANCE_YOUR_CALM, "made_reset");
  }
});

/** A server that answers every request with so many bytes. */
const answering = (bytes: number) => ({ stream }: Request) => {
  stream.sendHeaders([":status", "200"], false);
  stream.sendData(octets(bytes), true);
};

Deno.test("CVE-2019-9517, a peer with open windows that reads nothing: what waits for it is bounded", () => {
  const peer = new Peer({
    connectionQueueBytesMax: 200_000,
    connectionQueueBytesHigh: 100_000,
    streamQueueBytesHigh: 50_000,
  }, answering(10_000));
  peer.greet(settings([4, 2 ** 31 - 1])).send(frame(WINDOW_UPDATE, 0, 0, uint32(2 ** 30)));
  peer.takes = false;
  for (let i = 0; i < 1000; i++) peer.send(post(idAt(i), true));
  assert(peer.writtenBytes < 20_000, `${peer.writtenBytes} bytes were written to a socket that is full`);
  const queued = peer.requests.reduce((sum, { stream }) => sum + stream.queuedBytes, 0);
  assert(queued <= 200_000, `${queued} bytes are queued`);
  peer.pass(DEFAULT_LIMITS.blockedMsMax / 1000 + 2);
  assert(peer.ended, "it is not waited for for ever");
  assertEquals(peer.violations.at(-1), "slow_reader");
  assertEquals(peer.connection.streams, 0);
});

Deno.test("CVE-2019-9517, a peer that asks for small answers and reads nothing: likewise", () => {
  const peer = new Peer({ blockedBytesMax: 10_000, pings: { burst: 1_000_000, perSecond: 1 } }).greet();
  peer.takes = false;
  const times = untilEnded(peer, 10_000, () => frame(PING, 0, 0, octets(8)));
  assert(times < 1000, `after ${times} pings`);
  assertEquals(peer.violations.at(-1), "output_backlog");
  assert(peer.writtenBytes < 20_000, `${peer.writtenBytes} bytes were written`);
});

Deno.test("a full socket that empties again goes on where it stood", () => {
  const peer = new Peer({}, answering(10_000)).greet();
  peer.takes = false;
  peer.send(post(1, true), post(3, true)).send(post(5, true));
  peer.takes = true;
  peer.connection.writable();
  const bodies = new Map<number, number>();
  for (const { type, id, payload } of peer.take()) {
    if (type === DATA) bodies.set(id, (bodies.get(id) ?? 0) + payload.length);
  }
  assertEquals([...bodies].sort(), [[1, 10_000], [3, 10_000], [5, 10_000]]);
  assertEquals(peer.connection.streams, 0);
});

Deno.test("CVE-2019-9511, data dribble: a window opened byte by byte ends the connection", () => {
  const peer = new Peer({}, answering(100_000)).greet(settings([4, 0])).send(post(1, true));
  const times = untilEnded(peer, 50_000, () => frame(WINDOW_UPDATE, 0, 1, uint32(1)));
  assert(times <= DEFAULT_LIMITS.windowUpdates.burst + 10, `after ${times}`);
  peer.endedWith(ENHANCE_YOUR_CALM, "window_update_flood");
  assert(peer.writtenBytes < 15 * times, "one byte costs a frame, no more");
});

Deno.test("CVE-2019-9511, a window that never opens ends the connection in time", () => {
  const peer = new Peer({}, answering(100_000)).greet(settings([4, 0])).send(post(1, true));
  for (let i = 0; i < DEFAULT_LIMITS.stalledMsMax / 1000 + 5 && !peer.ended; i++) {
    // It answers all pings, so that keep-alive finds nothing wrong.
    peer.send(frame(PING, 0, 0, octets(8))).pass(1);
  }
  assertEquals(peer.violations.at(-1), "stalled_windows");
  peer.endedWith(ENHANCE_YOUR_CALM);
  assertEquals(peer.requests[0].told.at(-1)?.startsWith("reset"), true);
});

Deno.test("an honest reader of a large answer is not taken for a dribbler", () => {
  const peer = new Peer({}, answering(10_000_000)).greet().send(post(1, true));
  let read = 0;
  for (let i = 0; i < 2000 && read < 10_000_000; i++) {
    for (const { type, payload } of peer.take()) {
      if (type !== DATA) continue;
      read += payload.length;
      // As clients do that measure the way: an update of each window, and a ping, for every frame.
      const increment = uint32(payload.length);
      peer.send(
        frame(WINDOW_UPDATE, 0, 0, increment),
        frame(WINDOW_UPDATE, 0, 1, increment),
        frame(PING, 0, 0, octets(8)),
      );
    }
  }
  assertEquals([read, peer.ended, peer.violations], [10_000_000, false, []]);
});

Deno.test("a connection that never says anything ends, as one that stops within the preface or before SETTINGS", () => {
  const says: Uint8Array[] = [
    octets(0),
    PREFACE.slice(0, 10),
    PREFACE,
    concat(PREFACE, frame(SETTINGS, 0, 0).slice(0, 5)),
  ];
  for (const bytes of says) {
    const peer = new Peer().send(bytes).pass(DEFAULT_LIMITS.handshakeMs / 1000 + 2);
    peer.endedWith(SETTINGS_TIMEOUT, "handshake_timeout");
  }
});

Deno.test("6.5.3: SETTINGS that are never acknowledged end the connection", () => {
  const peer = new Peer().send(PREFACE, frame(SETTINGS, 0, 0), post(1));
  for (let i = 0; i < DEFAULT_LIMITS.settingsAckMs / 1000 + 2 && !peer.ended; i++) peer.pass(1);
  peer.endedWith(SETTINGS_TIMEOUT, "settings_timeout");
});

Deno.test("a peer that went away without a word is found, one that is only quiet is not", () => {
  const seconds = (DEFAULT_LIMITS.keepAliveMs + DEFAULT_LIMITS.keepAliveTimeoutMs) / 1000 + 3;
  const gone = new Peer().greet().send(post(1)).pass(seconds);
  assert(gone.ended, "the connection goes on");
  assertEquals(gone.violations, ["keep_alive_timeout"]);
  assertEquals(gone.requests[0].told.length, 1);

  const quiet = new Peer().greet().send(post(1));
  for (let i = 0; i < 3 * seconds; i++) {
    quiet.pass(1);
    for (const { type, flags, payload } of quiet.take()) {
      if (type === PING && flags === 0) quiet.send(frame(PING, ACK, 0, payload));
    }
  }
  assertEquals([quiet.ended, quiet.violations], [false, []]);
});

Deno.test("a header block that is never ended holds no stream, and the connection ends as idle", () => {
  const peer = new Peer({ idleMs: 30_000 }).greet().send(frame(HEADERS, 0, 1, BLOCK));
  for (let i = 0; i < 60 && !peer.ended; i++) peer.pass(1);
  assert(peer.ended, "the connection goes on");
  assertEquals(peer.requests.length, 0);
});

Deno.test("a body that nobody wants is read for a while, and then cut off without blame", () => {
  const peer = new Peer({ discardBytesMax: 100_000 }, ({ stream }) => stream.sendHeaders(ANSWER, true)).greet().send(
    post(1),
  );
  peer.take();
  for (let i = 0; i < 100 && peer.connection.streams > 0; i++) peer.send(frame(DATA, 0, 1, octets(10_000)));
  peer.resetWith(1, NO_ERROR);
  const slow = new Peer({}, ({ stream }) => stream.sendHeaders(ANSWER, true)).greet().send(post(1));
  slow.take();
  for (let i = 0; i < DEFAULT_LIMITS.discardMsMax / 1000 + 2; i++) slow.send(frame(DATA, 0, 1, octets(1))).pass(1);
  slow.resetWith(1, NO_ERROR);
});

Deno.test("a hundred thousand requests leave nothing behind", () => {
  const peer = new Peer({}, ({ stream }) => stream.sendHeaders(ANSWER, true)).greet();
  for (let i = 0; i < 100_000; i += 100) {
    const requests: Uint8Array[] = [];
    for (let k = i; k < i + 100; k++) requests.push(post(idAt(k), true));
    peer.send(concat(...requests));
    assertEquals(peer.take().length, 100);
    peer.requests.length = 0;
  }
  assertEquals([peer.connection.streams, peer.violations], [0, []]);
  peer.worksOn();
});

Deno.test("after the last word of a shutdown new streams are refused, and the old ones end in peace", () => {
  const peer = new Peer().greet().send(post(1, true));
  peer.take();
  peer.connection.shutdown();
  const [announcement, ping] = peer.take();
  assertEquals([announcement.type, [...announcement.payload.subarray(0, 8)]], [GOAWAY, [
    0x7f,
    255,
    255,
    255,
    0,
    0,
    0,
    0,
  ]]);
  peer.send(post(3, true), frame(PING, ACK, 0, ping.payload), post(5, true));
  assertEquals(peer.requests.length, 2);
  const frames = peer.take();
  assertEquals(frames.map(({ type, id }) => [type, id]), [[GOAWAY, 0], [RST_STREAM, 5]]);
  assertEquals([...frames[0].payload.subarray(0, 8)], [0, 0, 0, 3, 0, 0, 0, 0]);
  assertEquals([...frames[1].payload], [0, 0, 0, REFUSED_STREAM]);
  for (const { stream } of peer.requests) stream.sendHeaders(ANSWER, true);
  peer.take();
  assert(peer.ended, "the connection goes on");
});
