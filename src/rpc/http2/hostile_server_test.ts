/**
 * A client against servers that break the rules of RFC 9113: the connection or the stream ends, with the right code, the
 * caller hears of it, and nothing else happens.
 */
import { assertEquals } from "@std/assert";
import { assert } from "../../base/mod.ts";
import { createClientConnection } from "./client.ts";
import {
  ACK,
  CANCEL,
  codeOf,
  COMPRESSION_ERROR,
  concat,
  CONTINUATION,
  DATA,
  END_HEADERS,
  END_STREAM,
  ENHANCE_YOUR_CALM,
  FLOW_CONTROL_ERROR,
  type Frame,
  frame,
  FRAME_SIZE_ERROR,
  framesOf,
  GOAWAY,
  HEADERS,
  headers,
  literals,
  NO_ERROR,
  PADDED,
  PING,
  POST,
  PREFACE,
  PRIORITY,
  PROTOCOL_ERROR,
  PUSH_PROMISE,
  RST_STREAM,
  SETTINGS,
  settings,
  STREAM_CLOSED,
  uint32,
  WINDOW_UPDATE,
} from "./hostile_testing.ts";
import { DEFAULT_LIMITS, http2Limits } from "./limits.ts";
import { Heard } from "./testing.ts";
import type { Stream } from "./types.ts";

const octets = (count: number) => new Uint8Array(count).fill(0x61);
const OK = [":status", "200"];

/** A client with calls on streams 1 and 3, whose requests are whole, and a test in the server's place. */
class Caller {
  readonly heard = [new Heard(), new Heard()];
  readonly streams: Stream[];
  readonly violations: string[] = [];
  readonly faults: unknown[] = [];
  ended = false;
  #out: Uint8Array = new Uint8Array(0);
  readonly connection = createClientConnection({
    write: (bytes) => {
      this.#out = concat(this.#out, bytes);
    },
    wantFlush: () => {},
    end: () => this.ended = true,
    onViolation: (name) => this.violations.push(name),
    onFault: (error) => this.faults.push(error),
  }, http2Limits({ streamWindowBytes: 65_535, connectionWindowBytes: 100_000 }));

  constructor() {
    this.streams = this.heard.map((heard) => this.connection.open(POST, true, heard)!);
    this.connection.flush();
    assertEquals(this.#out.slice(0, PREFACE.length), PREFACE);
    this.#out = this.#out.slice(PREFACE.length);
    this.send(frame(SETTINGS, 0, 0), frame(SETTINGS, ACK, 0)).take();
  }

  send(...parts: readonly Uint8Array[]): this {
    this.connection.receive(concat(...parts));
    return this;
  }

  take(): Frame[] {
    this.connection.flush();
    const frames = framesOf(this.#out);
    this.#out = new Uint8Array(0);
    return frames;
  }
}

/** What ends the connection, and its code. */
const FATAL: readonly (readonly [rule: string, code: number, ...frames: Uint8Array[]])[] = [
  ["4.2: a frame larger than we take", FRAME_SIZE_ERROR, frame(DATA, 0, 1, octets(16_385))],
  ["4.3: a header block that is not HPACK", COMPRESSION_ERROR, frame(HEADERS, END_HEADERS, 1, Uint8Array.of(0x80))],
  ["5.1: an answer on a stream that was not opened", PROTOCOL_ERROR, headers(5, OK, true)],
  ["5.1: DATA on a stream that was not opened", PROTOCOL_ERROR, frame(DATA, 0, 5, octets(1))],
  ["5.1: WINDOW_UPDATE on a stream that was not opened", PROTOCOL_ERROR, frame(WINDOW_UPDATE, 0, 5, uint32(1))],
  ["5.1: RST_STREAM on a stream that was not opened", PROTOCOL_ERROR, frame(RST_STREAM, 0, 5, uint32(CANCEL))],
  ["5.1: an answer behind the answer", STREAM_CLOSED, headers(1, OK, true), headers(1, OK, true)],
  ["5.1: DATA behind the answer", STREAM_CLOSED, headers(1, OK, true), frame(DATA, 0, 1, octets(1))],
  ["5.1.1: a stream of the server's own", PROTOCOL_ERROR, headers(2, POST, true)],
  ["6.1: DATA on stream 0", PROTOCOL_ERROR, frame(DATA, 0, 0, octets(1))],
  ["6.1: padding longer than its frame", PROTOCOL_ERROR, headers(1, OK), frame(DATA, PADDED, 1, Uint8Array.of(9, 0))],
  ["6.2: HEADERS on stream 0", PROTOCOL_ERROR, headers(0, OK)],
  ["6.3: PRIORITY on stream 0", PROTOCOL_ERROR, frame(PRIORITY, 0, 0, octets(5))],
  ["6.4: RST_STREAM of 3 bytes", FRAME_SIZE_ERROR, frame(RST_STREAM, 0, 1, octets(3))],
  ["6.5: SETTINGS on a stream", PROTOCOL_ERROR, frame(SETTINGS, 0, 1)],
  ["6.5: an acknowledgement with content", FRAME_SIZE_ERROR, frame(SETTINGS, ACK, 0, settings([4, 1]))],
  ["6.5.2: ENABLE_PUSH from a server", PROTOCOL_ERROR, frame(SETTINGS, 0, 0, settings([2, 1]))],
  ["6.5.2: a window above 2^31-1", FLOW_CONTROL_ERROR, frame(SETTINGS, 0, 0, settings([4, 2 ** 31]))],
  ["6.5.2: frames below 16,384", PROTOCOL_ERROR, frame(SETTINGS, 0, 0, settings([5, 100]))],
  [
    "6.6: PUSH_PROMISE, though push is off",
    PROTOCOL_ERROR,
    frame(PUSH_PROMISE, END_HEADERS, 1, concat(uint32(2), literals(POST))),
  ],
  ["6.7: PING of 7 bytes", FRAME_SIZE_ERROR, frame(PING, 0, 0, octets(7))],
  ["6.8: GOAWAY on a stream", PROTOCOL_ERROR, frame(GOAWAY, 0, 1, octets(8))],
  ["6.8: GOAWAY of 7 bytes", FRAME_SIZE_ERROR, frame(GOAWAY, 0, 0, octets(7))],
  ["6.9: an update by 0 of the connection's window", PROTOCOL_ERROR, frame(WINDOW_UPDATE, 0, 0, uint32(0))],
  ["6.9.1: a connection's window above 2^31-1", FLOW_CONTROL_ERROR, frame(WINDOW_UPDATE, 0, 0, uint32(2 ** 31 - 1))],
  [
    "6.9.1: more than the connection's window",
    FLOW_CONTROL_ERROR,
    ...[headers(1, OK), headers(3, OK)],
    ...Array.from({ length: 7 }, (_, i) => frame(DATA, 0, 1 + 2 * (i % 2), octets(16_000))),
  ],
  ["6.10: CONTINUATION alone", PROTOCOL_ERROR, frame(CONTINUATION, END_HEADERS, 1)],
  ["6.10: another frame within a header block", PROTOCOL_ERROR, frame(HEADERS, 0, 1), frame(PING, 0, 0, octets(8))],
  [
    "6.10: CONTINUATION without end",
    ENHANCE_YOUR_CALM,
    frame(HEADERS, 0, 1, literals(OK)),
    ...Array.from({ length: DEFAULT_LIMITS.continuationsMax + 1 }, () => frame(CONTINUATION, 0, 1)),
  ],
  [
    "a PING flood",
    ENHANCE_YOUR_CALM,
    ...Array.from({ length: DEFAULT_LIMITS.pings.burst + 10 }, () => frame(PING, 0, 0, octets(8))),
  ],
  [
    "a SETTINGS flood",
    ENHANCE_YOUR_CALM,
    ...Array.from({ length: DEFAULT_LIMITS.settings.burst + 10 }, () => frame(SETTINGS, 0, 0)),
  ],
  [
    "a flood of empty DATA",
    ENHANCE_YOUR_CALM,
    headers(1, OK),
    ...Array.from({ length: DEFAULT_LIMITS.emptyData.burst + 10 }, () => frame(DATA, 0, 1)),
  ],
];

for (const [rule, code, ...frames] of FATAL) {
  Deno.test(`client, ${rule}: the connection ends`, () => {
    const caller = new Caller().send(...frames);
    const goodbye = caller.take().at(-1);
    assert(goodbye?.type === GOAWAY && caller.ended, "there is no GOAWAY");
    assertEquals([codeOf(goodbye, 0), codeOf(goodbye, 4)], [0, code]);
    assertEquals(caller.faults, []);
    // Every call has ended: by its answer, or by a reset of which its caller hears once.
    for (const heard of caller.heard) {
      const resets = heard.events.filter((event) => event.startsWith("reset")).length;
      assertEquals(resets, heard.ended ? 0 : 1, heard.events.join(", "));
    }
    assertEquals([caller.connection.accepts, caller.connection.capacity], [false, 0]);
    assertEquals(caller.connection.open(POST, true, new Heard()), undefined);
  });
}

/** What ends stream 1 only, and its code. */
const STREAM_FAULTS: readonly (readonly [rule: string, code: number, ...frames: Uint8Array[]])[] = [
  ["6.9: an update by 0", PROTOCOL_ERROR, frame(WINDOW_UPDATE, 0, 1, uint32(0))],
  ["6.9.1: a window above 2^31-1", FLOW_CONTROL_ERROR, frame(WINDOW_UPDATE, 0, 1, uint32(2 ** 31 - 1))],
  ["8.1: DATA before the answer", PROTOCOL_ERROR, frame(DATA, 0, 1, octets(1))],
  ["8.1: trailers that end nothing", PROTOCOL_ERROR, headers(1, OK), headers(1, ["a", "b"])],
  ["8.1: an informational answer that ends the stream", PROTOCOL_ERROR, headers(1, [":status", "103"], true)],
  [
    "8.1.1: less than content-length",
    PROTOCOL_ERROR,
    headers(1, [...OK, "content-length", "5"]),
    frame(DATA, END_STREAM, 1),
  ],
  [
    "8.1.1: more than content-length",
    PROTOCOL_ERROR,
    headers(1, [...OK, "content-length", "0"]),
    frame(DATA, 0, 1, octets(1)),
  ],
  ["8.2: upper case in a name", PROTOCOL_ERROR, headers(1, [...OK, "A", "b"])],
  ["8.2.1: a line end in a value", PROTOCOL_ERROR, headers(1, [...OK, "a", "b\r\nc: d"])],
  ["8.2.2: transfer-encoding", PROTOCOL_ERROR, headers(1, [...OK, "transfer-encoding", "chunked"])],
  ["8.3: a request's pseudo-header", PROTOCOL_ERROR, headers(1, [...OK, ":path", "/"])],
  ["8.3: a pseudo-header behind a field", PROTOCOL_ERROR, headers(1, ["a", "b", ...OK])],
  ["8.3: pseudo-headers in trailers", PROTOCOL_ERROR, headers(1, OK), headers(1, OK, true)],
  ["8.3.2: no :status", PROTOCOL_ERROR, headers(1, ["a", "b"])],
  ["8.3.2: :status twice", PROTOCOL_ERROR, headers(1, [...OK, ...OK])],
  ["8.3.2: a :status of two digits", PROTOCOL_ERROR, headers(1, [":status", "99"])],
  ["8.3.2: a :status that is no number", PROTOCOL_ERROR, headers(1, [":status", "2x0"])],
  ["8.6: 101, which HTTP/2 does not have", PROTOCOL_ERROR, headers(1, [":status", "101"])],
  [
    "a header list that is too large",
    ENHANCE_YOUR_CALM,
    headers(1, [...OK, ...Array.from({ length: 300 }, () => ["a", ""]).flat()]),
  ],
];

for (const [rule, code, ...frames] of STREAM_FAULTS) {
  Deno.test(`client, ${rule}: the call ends, the other one does not`, () => {
    const caller = new Caller().send(...frames);
    const resets = caller.take().filter(({ type }) => type === RST_STREAM || type === GOAWAY);
    assertEquals(resets.map((frame) => [frame.type, frame.id, codeOf(frame, 0)]), [[RST_STREAM, 1, code]]);
    assertEquals([caller.heard[0].reset, caller.heard[0].ended], [code, false]);
    caller.send(headers(3, OK), frame(DATA, END_STREAM, 3, octets(2)));
    assertEquals(caller.heard[1].events, ["headers", "data 2 end"]);
    assertEquals([caller.ended, caller.faults], [false, []]);
  });
}

Deno.test("client, 6.8: a server that takes back what it said of the last stream is not believed", () => {
  const caller = new Caller().send(frame(GOAWAY, 0, 0, concat(uint32(1), uint32(NO_ERROR))));
  assertEquals(caller.heard.map(({ reset }) => reset), [undefined, 7]);
  caller.send(frame(GOAWAY, 0, 0, concat(uint32(99), uint32(NO_ERROR))), headers(3, OK, true), headers(1, OK, true));
  assertEquals(caller.heard.map(({ events }) => events), [["headers end"], ["reset 7"]]);
  assert(caller.ended, "the connection goes on");
});

Deno.test("client, 6.5.2: a server that takes no streams at all leaves callers waiting, and nothing breaks", () => {
  const caller = new Caller().send(frame(SETTINGS, 0, 0, settings([3, 0])));
  assertEquals([caller.connection.capacity, caller.connection.open(POST, true, new Heard())], [0, undefined]);
  caller.send(frame(SETTINGS, 0, 0, settings([3, 3])));
  assertEquals(caller.connection.capacity, 1);
  assertEquals(caller.connection.open(POST, true, new Heard())?.id, 5);
});
