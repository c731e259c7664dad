/**
 * A server against peers that break the rules of RFC 9113, by its sections. What must end the connection ends it with
 * the right code; what must end one stream leaves the others and the connection alone; what must be ignored is ignored.
 */
import { assertEquals } from "@std/assert";
import { assert } from "../../base/mod.ts";
import {
  ACK,
  bytesOf,
  CANCEL,
  codeOf,
  COMPRESSION_ERROR,
  concat,
  CONTINUATION,
  DATA,
  END_HEADERS,
  END_STREAM,
  FLOW_CONTROL_ERROR,
  frame,
  FRAME_SIZE_ERROR,
  GOAWAY,
  HAS_PRIORITY,
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
  PROTOCOL_ERROR,
  PUSH_PROMISE,
  REFUSED_STREAM,
  RST_STREAM,
  SETTINGS,
  settings,
  STREAM_CLOSED,
  uint32,
  WINDOW_UPDATE,
} from "./hostile_testing.ts";

const NOTHING = new Uint8Array(0);
const octets = (count: number) => new Uint8Array(count).fill(0x61);

/** What ends the connection: by section, what is sent on a connection with stream 1 half open, and the code. */
const FATAL: readonly (readonly [rule: string, code: number | readonly number[], ...frames: Uint8Array[]])[] = [
  ["4.1: HEADERS within a header block", PROTOCOL_ERROR, frame(HEADERS, 0, 3, literals(POST)), post(5)],
  ["4.2: DATA larger than we take", FRAME_SIZE_ERROR, frame(DATA, 0, 1, octets(16385))],
  ["4.2: HEADERS larger than we take", FRAME_SIZE_ERROR, frame(HEADERS, END_HEADERS, 3, octets(16385))],
  ["4.2: an unknown frame larger than we take", FRAME_SIZE_ERROR, frame(0xfa, 0, 0, octets(16385))],
  ["4.3: a header block that is not HPACK", COMPRESSION_ERROR, frame(HEADERS, END_HEADERS, 3, Uint8Array.of(0x80))],
  [
    "4.3: a cut header block",
    COMPRESSION_ERROR,
    frame(HEADERS, END_HEADERS, 3, literals(POST).subarray(0, 10).slice()),
  ],
  [
    "4.3: trailers that are not HPACK",
    COMPRESSION_ERROR,
    frame(HEADERS, END_HEADERS | END_STREAM, 1, Uint8Array.of(0xff)),
  ],
  ["5.1: DATA on an idle stream", PROTOCOL_ERROR, frame(DATA, END_STREAM, 3, octets(1))],
  ["5.1: RST_STREAM on an idle stream", PROTOCOL_ERROR, frame(RST_STREAM, 0, 3, uint32(CANCEL))],
  ["5.1: WINDOW_UPDATE on an idle stream", PROTOCOL_ERROR, frame(WINDOW_UPDATE, 0, 3, uint32(1))],
  ["5.1: CONTINUATION on an idle stream", PROTOCOL_ERROR, frame(CONTINUATION, END_HEADERS, 3, literals(POST))],
  ["5.1: DATA on one of our streams, which we never open", PROTOCOL_ERROR, frame(DATA, 0, 2, octets(1))],
  ["5.1.1: a stream of an even number", PROTOCOL_ERROR, post(2)],
  ["5.1.1: HEADERS on a number below the last, never used", PROTOCOL_ERROR, post(7), post(5)],
  ["6.1: DATA on stream 0", PROTOCOL_ERROR, frame(DATA, 0, 0, octets(1))],
  ["6.1: padding as long as the payload", PROTOCOL_ERROR, frame(DATA, PADDED, 1, Uint8Array.of(5, 1, 2, 3, 4))],
  ["6.1: padding longer than the payload", PROTOCOL_ERROR, frame(DATA, PADDED, 1, Uint8Array.of(255, 0))],
  ["6.1: padded DATA without a pad length", [PROTOCOL_ERROR, FRAME_SIZE_ERROR], frame(DATA, PADDED, 1)],
  ["6.2: HEADERS on stream 0", PROTOCOL_ERROR, post(0)],
  [
    "6.2: padding that leaves no header block",
    PROTOCOL_ERROR,
    frame(HEADERS, END_HEADERS | PADDED, 3, concat(Uint8Array.of(255), literals(POST))),
  ],
  [
    "6.2: padding that reaches into the priority",
    [PROTOCOL_ERROR, FRAME_SIZE_ERROR],
    frame(HEADERS, END_HEADERS | PADDED | HAS_PRIORITY, 3, Uint8Array.of(4, 0, 0, 0, 0, 0, 0, 0)),
  ],
  [
    "6.2: HEADERS too short for their priority",
    [PROTOCOL_ERROR, FRAME_SIZE_ERROR],
    frame(HEADERS, END_HEADERS | HAS_PRIORITY, 3, octets(4)),
  ],
  ["6.3: PRIORITY on stream 0", PROTOCOL_ERROR, frame(PRIORITY, 0, 0, Uint8Array.of(0, 0, 0, 0, 1))],
  ["6.4: RST_STREAM on stream 0", PROTOCOL_ERROR, frame(RST_STREAM, 0, 0, uint32(CANCEL))],
  ["6.4: RST_STREAM of 3 bytes", FRAME_SIZE_ERROR, frame(RST_STREAM, 0, 1, octets(3))],
  ["6.4: RST_STREAM of 5 bytes", FRAME_SIZE_ERROR, frame(RST_STREAM, 0, 1, octets(5))],
  ["6.5: SETTINGS on a stream", PROTOCOL_ERROR, frame(SETTINGS, 0, 1)],
  ["6.5: SETTINGS that end within a setting", FRAME_SIZE_ERROR, frame(SETTINGS, 0, 0, octets(7))],
  ["6.5: an acknowledgement with content", FRAME_SIZE_ERROR, frame(SETTINGS, ACK, 0, settings([4, 1]))],
  ["6.5.2: ENABLE_PUSH above 1", PROTOCOL_ERROR, frame(SETTINGS, 0, 0, settings([2, 2]))],
  ["6.5.2: a window above 2^31-1", FLOW_CONTROL_ERROR, frame(SETTINGS, 0, 0, settings([4, 2 ** 31]))],
  ["6.5.2: frames below 16,384", PROTOCOL_ERROR, frame(SETTINGS, 0, 0, settings([5, 16383]))],
  ["6.5.2: frames above 2^24-1", PROTOCOL_ERROR, frame(SETTINGS, 0, 0, settings([5, 2 ** 24]))],
  [
    "6.6: PUSH_PROMISE from a client",
    PROTOCOL_ERROR,
    frame(PUSH_PROMISE, END_HEADERS, 1, concat(uint32(2), literals(POST))),
  ],
  ["6.7: PING on a stream", PROTOCOL_ERROR, frame(PING, 0, 1, octets(8))],
  ["6.7: PING of 7 bytes", FRAME_SIZE_ERROR, frame(PING, 0, 0, octets(7))],
  ["6.7: PING of 9 bytes", FRAME_SIZE_ERROR, frame(PING, 0, 0, octets(9))],
  ["6.8: GOAWAY on a stream", PROTOCOL_ERROR, frame(GOAWAY, 0, 1, octets(8))],
  ["6.8: GOAWAY of 7 bytes", FRAME_SIZE_ERROR, frame(GOAWAY, 0, 0, octets(7))],
  ["6.9: an update by 0 of the connection's window", PROTOCOL_ERROR, frame(WINDOW_UPDATE, 0, 0, uint32(0))],
  ["6.9: WINDOW_UPDATE of 3 bytes", FRAME_SIZE_ERROR, frame(WINDOW_UPDATE, 0, 1, octets(3))],
  ["6.9: WINDOW_UPDATE of 5 bytes on stream 0", FRAME_SIZE_ERROR, frame(WINDOW_UPDATE, 0, 0, octets(5))],
  ["6.9.1: a connection's window above 2^31-1", FLOW_CONTROL_ERROR, frame(WINDOW_UPDATE, 0, 0, uint32(2 ** 31 - 1))],
  [
    "6.9.2: a setting that lifts a stream's window above 2^31-1",
    FLOW_CONTROL_ERROR,
    frame(WINDOW_UPDATE, 0, 1, uint32(2 ** 31 - 1 - 65535)),
    frame(SETTINGS, 0, 0, settings([4, 65536])),
  ],
  ["6.10: CONTINUATION behind whole HEADERS", PROTOCOL_ERROR, post(3), frame(CONTINUATION, END_HEADERS, 3)],
  ["6.10: CONTINUATION on stream 0", PROTOCOL_ERROR, frame(CONTINUATION, END_HEADERS, 0)],
  [
    "6.10: CONTINUATION of another stream",
    PROTOCOL_ERROR,
    frame(HEADERS, 0, 3, literals(POST)),
    frame(CONTINUATION, END_HEADERS, 5),
  ],
  [
    "6.10: DATA within a header block",
    PROTOCOL_ERROR,
    frame(HEADERS, 0, 3, literals(POST)),
    frame(DATA, 0, 1, octets(1)),
  ],
  [
    "6.10: PING within a header block",
    PROTOCOL_ERROR,
    frame(HEADERS, 0, 3, literals(POST)),
    frame(PING, 0, 0, octets(8)),
  ],
  ["6.10: RST_STREAM within a header block", PROTOCOL_ERROR, frame(HEADERS, 0, 3), frame(RST_STREAM, 0, 3, uint32(8))],
  ["5.5: an unknown frame within a header block", PROTOCOL_ERROR, frame(HEADERS, 0, 3), frame(0xfa, 0, 3)],
];

for (const [rule, code, ...frames] of FATAL) {
  Deno.test(`${rule}: the connection ends`, () => {
    const peer = new Peer().greet().send(post(1));
    assertEquals(peer.requests.length, 1);
    peer.take();
    peer.send(...frames, frame(PING, 0, 0, octets(8)));
    const goodbye = peer.take().at(-1);
    assert(goodbye?.type === GOAWAY && peer.ended, "there is no GOAWAY");
    const codes = typeof code === "number" ? [code] : code;
    assert(codes.includes(codeOf(goodbye, 4)), `the code is ${codeOf(goodbye, 4)}`);
    assertEquals(peer.requests[0].told.at(-1)?.startsWith("reset"), true, "the request under way hears of it");
    assertEquals(peer.connection.streams, 0);
  });
}

/** What ends stream 1 only, which is open and has not ended. */
const STREAM_FAULTS: readonly (readonly [rule: string, code: number, ...frames: Uint8Array[]])[] = [
  ["6.9: an update by 0 of a stream's window", PROTOCOL_ERROR, frame(WINDOW_UPDATE, 0, 1, uint32(0))],
  ["6.9: an update by 0 with the reserved bit set", PROTOCOL_ERROR, frame(WINDOW_UPDATE, 0, 1, uint32(2 ** 31))],
  ["6.9.1: a stream's window above 2^31-1", FLOW_CONTROL_ERROR, frame(WINDOW_UPDATE, 0, 1, uint32(2 ** 31 - 1))],
  ["6.3: PRIORITY of 4 bytes", FRAME_SIZE_ERROR, frame(PRIORITY, 0, 1, octets(4))],
  ["8.1: trailers that do not end the stream", PROTOCOL_ERROR, headers(1, ["x", "y"])],
  ["8.1: pseudo-headers in trailers", PROTOCOL_ERROR, headers(1, [":path", "/"], true)],
  ["8.1: a second header block of a request", PROTOCOL_ERROR, post(1, true)],
  ["8.2: upper case in trailers", PROTOCOL_ERROR, headers(1, ["X-y", "z"], true)],
  ["8.2.2: connection in trailers", PROTOCOL_ERROR, headers(1, ["connection", "close"], true)],
];

for (const [rule, code, ...frames] of STREAM_FAULTS) {
  Deno.test(`${rule}: the stream ends`, () => {
    const peer = new Peer().greet().send(post(1), post(3));
    peer.take();
    peer.send(...frames);
    peer.resetWith(1, code);
    assertEquals(peer.requests.map(({ told }) => told), [[`reset ${code}`], []]);
    assertEquals(peer.connection.streams, 1);
  });
}

const NAMED = [":scheme", "http", ":path", "/", ":authority", "h"];

/** Requests that are malformed: RFC 9113, 8. */
const MALFORMED: readonly (readonly [rule: string, fields: readonly string[]])[] = [
  ["8.2: upper case in a name", [...POST, "Accept", "a"]],
  ["8.2.1: a name with a blank", [...POST, "a b", "c"]],
  ["8.2.1: a name with a colon", [...POST, "a:b", "c"]],
  ["8.2.1: a name with a control character", [...POST, "a\x01", "c"]],
  ["8.2.1: a name with an octet above 0x7f", [...POST, "a\x80", "c"]],
  ["8.2.1: a name with DEL", [...POST, "a\x7f", "c"]],
  ["8.2.1: an empty name", [...POST, "", "c"]],
  ["8.2.1: NUL in a value", [...POST, "a", "b\0c"]],
  ["8.2.1: CR in a value", [...POST, "a", "b\rc"]],
  ["8.2.1: LF in a value", [...POST, "a", "b\nc: d"]],
  ["8.2.1: a value that begins with a blank", [...POST, "a", " b"]],
  ["8.2.1: a value that ends with a tab", [...POST, "a", "b\t"]],
  ["8.2.1: CR and LF in :path", [
    ":method",
    "GET",
    ":scheme",
    "http",
    ":path",
    "/ HTTP/1.1\r\nhost: x",
    ":authority",
    "h",
  ]],
  ["8.2.2: connection", [...POST, "connection", "keep-alive"]],
  ["8.2.2: keep-alive", [...POST, "keep-alive", "timeout=1"]],
  ["8.2.2: proxy-connection", [...POST, "proxy-connection", "keep-alive"]],
  ["8.2.2: transfer-encoding", [...POST, "transfer-encoding", "chunked"]],
  ["8.2.2: upgrade", [...POST, "upgrade", "h2c"]],
  ["8.2.2: te other than trailers", [...POST, "te", "trailers, deflate"]],
  ["8.3: a pseudo-header behind a field", [":method", "GET", "a", "b", ...NAMED]],
  ["8.3: an unknown pseudo-header", [":method", "GET", ...NAMED, ":test", "1"]],
  ["8.3: a pseudo-header of answers", [":method", "GET", ...NAMED, ":status", "200"]],
  ["8.3.1: :method twice", [":method", "GET", ":method", "GET", ...NAMED]],
  ["8.3.1: :path twice", [":method", "GET", ":path", "/", ...NAMED]],
  ["8.3.1: :scheme twice", [":method", "GET", ":scheme", "http", ...NAMED]],
  ["8.3.1: :authority twice", [":method", "GET", ":authority", "h", ...NAMED]],
  ["8.3.1: no :method", NAMED],
  ["8.3.1: no :scheme", [":method", "GET", ":path", "/", ":authority", "h"]],
  ["8.3.1: no :path", [":method", "GET", ":scheme", "http", ":authority", "h"]],
  ["8.3.1: an empty :path", [":method", "GET", ":scheme", "http", ":path", "", ":authority", "h"]],
  ["8.3.1: a :path without a slash", [":method", "GET", ":scheme", "http", ":path", "a", ":authority", "h"]],
  ["8.3.1: * for another method than OPTIONS", [":method", "GET", ":scheme", "http", ":path", "*", ":authority", "h"]],
  ["8.3.1: a user's name in :authority", [":method", "GET", ":scheme", "http", ":path", "/", ":authority", "u:p@h"]],
  ["8.3.1: a path in :authority", [":method", "GET", ":scheme", "http", ":path", "/", ":authority", "h/admin?"]],
  ["8.3.1: a backslash in :authority", [":method", "GET", ":scheme", "http", ":path", "/", ":authority", "h\\\\x"]],
  ["8.3.1: a fragment in :authority", [":method", "GET", ":scheme", "http", ":path", "/", ":authority", "h#"]],
  ["8.3.1: a path in host", [":method", "GET", ":scheme", "http", ":path", "/", "host", "h/admin?"]],
  ["8.3.1: a blank in host", [":method", "GET", ":scheme", "http", ":path", "/", "host", "h h"]],
  ["8.3.1: two hosts", [":method", "GET", ":scheme", "http", ":path", "/", "host", "h", "host", "i"]],
  ["8.3.1: an empty host", [":method", "GET", ":scheme", "http", ":path", "/", "host", ""]],
  ["8.3.1: a blank in :path", [":method", "GET", ":scheme", "http", ":path", "/a HTTP/1.1", ":authority", "h"]],
  ["8.3.1: a blank in :method", [":method", "GET /x", ...NAMED]],
  ["8.3.1: a :scheme that is none", [":method", "GET", ":scheme", "http://x/", ":path", "/", ":authority", "h"]],
  ["8.3.1: a blank in :authority", [":method", "GET", ":scheme", "http", ":path", "/", ":authority", "h h"]],
  ["8.3.1: :authority and host that differ", [...POST, "host", "other"]],
  ["8.3.1: an empty :authority", [":method", "GET", ":scheme", "http", ":path", "/", ":authority", ""]],
  ["8.5: CONNECT with :path", [":method", "CONNECT", ...NAMED]],
  ["8.5: CONNECT without :authority", [":method", "CONNECT"]],
  ["8.1.1: content-length that is no number", [...POST, "content-length", "1x"]],
  ["8.1.1: a negative content-length", [...POST, "content-length", "-1"]],
  ["8.1.1: an empty content-length", [...POST, "content-length", ""]],
  ["8.1.1: content-lengths that differ", [...POST, "content-length", "1", "content-length", "2"]],
];

for (const [rule, fields] of MALFORMED) {
  Deno.test(`${rule}: nobody sees the request`, () => {
    const peer = new Peer().greet().send(post(1));
    peer.take();
    peer.send(headers(3, fields));
    peer.resetWith(3, PROTOCOL_ERROR);
    assertEquals(peer.requests.length, 1);
    // What was under way for the stream that was reset is not an offence (5.4.2).
    peer.send(frame(DATA, END_STREAM, 3, octets(10)));
    peer.worksOn();
  });
}

Deno.test("8.1.1: content-length and DATA must agree", () => {
  const cases: [Uint8Array[], number][] = [
    [[frame(DATA, END_STREAM, 1, octets(4))], PROTOCOL_ERROR],
    [[frame(DATA, 0, 1, octets(6))], PROTOCOL_ERROR],
    [[frame(DATA, 0, 1, octets(3)), frame(DATA, END_STREAM, 1, octets(3))], PROTOCOL_ERROR],
    [[frame(DATA, 0, 1, octets(3)), headers(1, ["x", "y"], true)], PROTOCOL_ERROR],
  ];
  for (const [frames, code] of cases) {
    const peer = new Peer().greet().send(headers(1, [...POST, "content-length", "5"]), ...frames);
    peer.resetWith(1, code);
    assertEquals(peer.requests[0].told.at(-1), `reset ${code}`, "never a whole body");
  }
  const empty = new Peer().greet().send(headers(1, [...POST, "content-length", "5"], true));
  empty.resetWith(1, PROTOCOL_ERROR);
  assertEquals(empty.requests.length, 0);
  const right = new Peer().greet().send(
    headers(1, [...POST, "content-length", "5"]),
    frame(DATA, PADDED, 1, concat(Uint8Array.of(3), octets(5), new Uint8Array(3))),
    frame(DATA, END_STREAM, 1),
  );
  right.worksOn();
  assertEquals(right.requests[0].bodyBytes, 5);
});

Deno.test("3.4: another preface ends the connection", () => {
  for (const start of ["GET / HTTP/1.1\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\r", "\x16\x03\x01\x02\x00\x01"]) {
    const peer = new Peer().send(bytesOf(start));
    assert(peer.ended, start);
    assert(peer.connection.ended, "the connection goes on");
    peer.send(frame(PING, 0, 0, octets(8)));
  }
});

Deno.test("3.4: whatever comes first but SETTINGS ends the connection", () => {
  const first = [
    frame(PING, 0, 0, octets(8)),
    frame(SETTINGS, ACK, 0),
    post(1),
    frame(WINDOW_UPDATE, 0, 0, uint32(1)),
    frame(0xfa, 0, 0),
  ];
  for (const bytes of first) new Peer().send(PREFACE, bytes).endedWith(PROTOCOL_ERROR);
});

Deno.test("3.4: our own first frame is SETTINGS, and theirs is acknowledged", () => {
  const peer = new Peer().send(PREFACE, frame(SETTINGS, 0, 0, settings([3, 100], [0xfafa, 7])));
  const frames = peer.take();
  assertEquals([frames[0].type, frames[0].flags, frames[0].id], [SETTINGS, 0, 0]);
  assertEquals(frames.filter(({ type, flags }) => type === SETTINGS && flags === ACK).length, 1);
});

Deno.test("4.1: all of it one byte at a time is the same", () => {
  const peer = new Peer();
  const bytes = concat(
    PREFACE,
    frame(SETTINGS, 0, 0),
    frame(SETTINGS, ACK, 0),
    post(1),
    frame(DATA, 0, 1, octets(3)),
    frame(DATA, END_STREAM, 1, octets(2)),
  );
  for (const byte of bytes) peer.send(Uint8Array.of(byte));
  assertEquals(peer.requests.map(({ told }) => told), [["data 3", "data 2 end"]]);
  peer.take();
  peer.worksOn();
});

Deno.test("4.1: unknown flags and the reserved bit are ignored", () => {
  const peer = new Peer().greet();
  const reserved = post(1);
  reserved[5] |= 0x80;
  reserved[4] |= 0x82;
  peer.send(reserved, frame(PING, 0xfe, 0, octets(8)), frame(DATA, 0xf6, 1, octets(2)));
  assertEquals(peer.requests.map(({ stream, told }) => [stream.id, told]), [[1, ["data 2"]]]);
  peer.take();
  peer.worksOn();
});

Deno.test("5.5: frames of unknown type are ignored wherever they may stand", () => {
  const peer = new Peer().greet().send(frame(0xfa, 0xff, 0, octets(9)), frame(0x10, 0, 1), post(1), frame(0xff, 0, 99));
  peer.worksOn();
  assertEquals(peer.requests.length, 1);
});

Deno.test("5.1: half closed by the peer: DATA and HEADERS are STREAM_CLOSED", () => {
  for (const late of [frame(DATA, 0, 1, octets(1)), headers(1, ["x", "y"], true), post(1)]) {
    const peer = new Peer().greet().send(post(1, true));
    peer.take();
    peer.send(late);
    const answers = peer.take().filter(({ type }) => type === RST_STREAM || type === GOAWAY);
    assertEquals(answers.map((frame) => codeOf(frame, frame.type === GOAWAY ? 4 : 0)), [STREAM_CLOSED]);
    assertEquals(peer.requests[0].told, [`reset ${STREAM_CLOSED}`]);
  }
});

Deno.test("5.1: half closed by the peer: WINDOW_UPDATE, PRIORITY and RST_STREAM are right", () => {
  const peer = new Peer().greet().send(post(1, true));
  peer.take();
  peer.send(frame(WINDOW_UPDATE, 0, 1, uint32(5)), frame(PRIORITY, 0, 1, Uint8Array.of(0, 0, 0, 0, 1)));
  peer.worksOn();
  peer.send(frame(RST_STREAM, 0, 1, uint32(CANCEL)));
  assertEquals(peer.requests[0].told, [`reset ${CANCEL}`]);
  peer.worksOn();
});

const ANSWER = [":status", "200"];

Deno.test("5.1: closed by both ends: WINDOW_UPDATE, RST_STREAM and PRIORITY are ignored, DATA and HEADERS are not", () => {
  const over = () => {
    const peer = new Peer({}, ({ stream }) => stream.sendHeaders(ANSWER, true)).greet().send(post(1, true));
    assertEquals(peer.connection.streams, 0);
    peer.take();
    return peer;
  };
  const ignored = over().send(
    frame(WINDOW_UPDATE, 0, 1, uint32(5)),
    frame(RST_STREAM, 0, 1, uint32(NO_ERROR)),
    frame(PRIORITY, 0, 1, Uint8Array.of(0, 0, 0, 0, 1)),
  );
  ignored.worksOn();
  for (const late of [frame(DATA, 0, 1, octets(1)), post(1)]) over().send(late).endedWith(STREAM_CLOSED);
});

Deno.test("5.1: reset by the peer: what it sends after that is STREAM_CLOSED", () => {
  for (const late of [frame(DATA, 0, 1, octets(1)), post(1)]) {
    const peer = new Peer().greet().send(post(1), frame(RST_STREAM, 0, 1, uint32(CANCEL)));
    peer.take();
    peer.send(late);
    const answers = peer.take().filter(({ type }) => type === RST_STREAM || type === GOAWAY);
    assertEquals(answers.map((frame) => codeOf(frame, frame.type === GOAWAY ? 4 : 0)), [STREAM_CLOSED]);
    assertEquals(peer.requests.map(({ told }) => told), [[`reset ${CANCEL}`]]);
  }
});

Deno.test("5.4.2: reset by us: what was under way is dropped, and its header blocks are still decoded", () => {
  const peer = new Peer({}, ({ stream }) => stream.id === 1 && stream.reset(CANCEL)).greet().send(post(1));
  peer.take();
  // Trailers that put a field into the table (RFC 7541, 6.2.1), which the next request then names.
  const indexed = Uint8Array.of(0x40, 1, 0x61, 1, 0x62);
  peer.send(
    frame(DATA, 0, 1, octets(100)),
    frame(WINDOW_UPDATE, 0, 1, uint32(1)),
    frame(HEADERS, END_HEADERS | END_STREAM, 1, indexed),
    frame(RST_STREAM, 0, 1, uint32(CANCEL)),
    frame(HEADERS, END_HEADERS, 3, concat(literals(POST), Uint8Array.of(0xbe))),
  );
  assertEquals(peer.requests.map(({ fields }) => fields), [[...POST], [...POST, "a", "b"]]);
  assertEquals(peer.take().filter(({ type }) => type === RST_STREAM || type === GOAWAY), []);
});

Deno.test("4.3: header blocks of refused and malformed requests are decoded too", () => {
  const peer = new Peer({ streamsMax: 1 }).greet().send(post(1));
  peer.take();
  const indexed = Uint8Array.of(0x40, 1, 0x61, 1, 0x62);
  peer.send(frame(HEADERS, END_HEADERS, 3, concat(literals(POST), indexed)));
  peer.resetWith(3, REFUSED_STREAM);
  peer.send(frame(HEADERS, END_HEADERS, 5, Uint8Array.of(0x40, 1, 0x41, 1, 0x62)));
  peer.take();
  peer.send(frame(RST_STREAM, 0, 1, uint32(CANCEL)));
  peer.send(frame(HEADERS, END_HEADERS, 7, concat(literals(POST), Uint8Array.of(0xbf))));
  assertEquals(peer.requests.at(-1)?.fields, [...POST, "a", "b"]);
});

Deno.test("5.1.2: a stream above our limit is refused, and there is room again when one is over", () => {
  const peer = new Peer({ streamsMax: 2 }).greet().send(post(1), post(3), post(5));
  peer.resetWith(5, REFUSED_STREAM);
  assertEquals(peer.requests.length, 2);
  peer.send(frame(RST_STREAM, 0, 1, uint32(CANCEL)), post(7));
  assertEquals(peer.requests.length, 3);
  peer.worksOn();
});

Deno.test("5.1.1: the highest number of all is a stream like others, and nothing may come after it", () => {
  const peer = new Peer().greet().send(post(2 ** 31 - 1, true));
  assertEquals(peer.requests.length, 1);
  peer.requests[0].stream.sendHeaders(ANSWER, true);
  peer.connection.flush();
  assertEquals(peer.take().map(({ type, id }) => [type, id]), [[HEADERS, 2 ** 31 - 1]]);
  peer.send(post(2 ** 31 - 3)).endedWith(PROTOCOL_ERROR);
});

Deno.test("6.1: padding counts against the windows, and is given back", () => {
  const peer = new Peer({ streamWindowBytes: 65_535, connectionWindowBytes: 65_535 }).greet().send(post(1));
  peer.take();
  // 400 frames of 1 byte and 255 bytes of padding are 102,400 bytes, more than the windows.
  let given = 0;
  for (let i = 0; i < 400; i++) {
    peer.send(frame(DATA, PADDED, 1, concat(Uint8Array.of(254), octets(1), new Uint8Array(254))));
    peer.requests[0].stream.consume(1);
    for (const update of peer.take()) {
      assertEquals(update.type, WINDOW_UPDATE);
      if (update.id === 1) given += codeOf(update, 0);
    }
  }
  assertEquals(peer.requests[0].bodyBytes, 400);
  assert(given > 100_000 - 65_535 && given <= 102_400, `${given} bytes were given back`);
  peer.worksOn();
});

Deno.test("6.9.1: more than a stream's window is FLOW_CONTROL_ERROR", () => {
  const peer = new Peer({ streamWindowBytes: 10_000, connectionWindowBytes: 1_000_000 }).greet().send(post(1), post(3));
  peer.take();
  peer.send(frame(DATA, 0, 1, octets(10_000)));
  peer.worksOn();
  peer.send(frame(DATA, 0, 1, octets(1)));
  const answers = peer.take().filter(({ type }) => type === RST_STREAM || type === GOAWAY);
  assertEquals(answers.map((frame) => codeOf(frame, frame.type === GOAWAY ? 4 : 0)), [FLOW_CONTROL_ERROR]);
  assertEquals(peer.requests[0].bodyBytes, 10_000);
});

Deno.test("6.9.1: more than the connection's window ends the connection", () => {
  const peer = new Peer({ streamWindowBytes: 65_535, connectionWindowBytes: 65_535 }).greet();
  peer.send(post(1), post(3), ...[1, 3].map((id) => frame(DATA, 0, id, octets(16_384))));
  peer.send(...[1, 3].map((id) => frame(DATA, 0, id, octets(16_384))));
  peer.endedWith(FLOW_CONTROL_ERROR);
});

Deno.test("6.9.1: DATA for streams that are over counts against the connection's window and is given back", () => {
  const peer = new Peer(
    { streamWindowBytes: 65_535, connectionWindowBytes: 65_535 },
    ({ stream }) => stream.reset(CANCEL),
  )
    .greet();
  for (let i = 0; i < 40; i++) {
    peer.send(post(2 * i + 1), frame(DATA, END_STREAM, 2 * i + 1, octets(16_384)));
    assertEquals(peer.ended, false, `after ${i} streams the window is gone`);
    peer.take();
  }
  peer.worksOn();
});

Deno.test("6.9.2: a lowered window setting may make a stream's window negative", () => {
  const peer = new Peer({}, ({ stream }) => stream.sendHeaders(ANSWER, false)).greet().send(post(1, true));
  const { stream } = peer.requests[0];
  stream.sendData(octets(70_000), false);
  const sent = (frames: ReturnType<Peer["take"]>) =>
    frames.filter(({ type }) => type === DATA).reduce((sum, { payload }) => sum + payload.length, 0);
  assertEquals(sent(peer.take()), 65_535);
  peer.send(frame(WINDOW_UPDATE, 0, 0, uint32(1_000_000)), frame(SETTINGS, 0, 0, settings([4, 10])));
  assertEquals(sent(peer.take()), 0);
  peer.send(frame(WINDOW_UPDATE, 0, 1, uint32(65_525)));
  assertEquals(sent(peer.take()), 0, "the window is 0");
  peer.send(frame(WINDOW_UPDATE, 0, 1, uint32(5)));
  assertEquals(sent(peer.take()), 5);
  peer.send(frame(SETTINGS, 0, 0, settings([4, 1000])));
  assertEquals(sent(peer.take()), 990);
  assertEquals(stream.queuedBytes, 70_000 - 65_535 - 995);
});

Deno.test("6.5.3: of one setting that comes twice the last word holds", () => {
  const peer = new Peer({}, ({ stream }) => stream.sendHeaders(ANSWER, false));
  peer.greet(settings([4, 5], [4, 7])).send(post(1, true));
  peer.requests[0].stream.sendData(octets(100), true);
  assertEquals(peer.take().filter(({ type }) => type === DATA).map(({ payload }) => payload.length), [7]);
});

Deno.test("6.5.3 and RFC 7541, 4.2: a table that was 0 in between is empty", () => {
  const peer = new Peer({}, ({ stream }) => stream.sendHeaders([":status", "200", "x-a", "b"], true)).greet();
  peer.send(post(1, true)).take();
  peer.send(frame(SETTINGS, 0, 0, settings([1, 0], [1, 4096])), post(3, true));
  const block = peer.take().find(({ type }) => type === HEADERS)!.payload;
  assertEquals([...block.subarray(0, 4)], [0x20, 0x3f, 0xe1, 0x1f], "the size updates are missing");
});

Deno.test("6.5.2: our frames are no larger than the peer takes", () => {
  const peer = new Peer({}, ({ stream }) => stream.sendHeaders([":status", "200", "x", "\x01".repeat(30_000)], false))
    .greet(settings([4, 200_000])).send(frame(WINDOW_UPDATE, 0, 0, uint32(200_000)), post(1, true));
  peer.requests[0].stream.sendData(octets(100_000), true);
  const frames = peer.take();
  assertEquals(frames.filter(({ payload }) => payload.length > 16_384), []);
  assertEquals(frames.filter(({ flags, type }) => type !== DATA && (flags & END_HEADERS) !== 0).length, 1);
  assertEquals(frames.at(-1)?.flags, END_STREAM);
});

Deno.test("6.7: a ping's answer is the same eight bytes; answers to pings we never sent are ignored", () => {
  const peer = new Peer().greet().send(frame(PING, ACK, 0, octets(8)));
  assertEquals(peer.take(), []);
  peer.worksOn();
});

Deno.test("6.8: after the client's goodbye the answers still go out", () => {
  const peer = new Peer().greet().send(post(1, true), frame(GOAWAY, 0, 0, concat(uint32(0), uint32(NO_ERROR))));
  peer.take();
  peer.requests[0].stream.sendHeaders(ANSWER, true);
  assertEquals(peer.take().filter(({ type }) => type === HEADERS).length, 1);
  assert(peer.ended, "with the last stream the connection is over");
});

Deno.test("6.8: our goodbye names the last stream we have seen", () => {
  const peer = new Peer().greet().send(post(1), post(3), post(9), frame(PING, 0, 1, octets(8)));
  const goodbye = peer.take().at(-1)!;
  assertEquals([goodbye.type, codeOf(goodbye, 0)], [GOAWAY, 9]);
});

Deno.test("5.4.1: nothing that comes after the end is looked at", () => {
  const peer = new Peer().greet().send(frame(PING, 0, 1, octets(8)), post(1));
  peer.endedWith(PROTOCOL_ERROR);
  peer.send(post(3), NOTHING);
  peer.pass(100);
  peer.connection.shutdown();
  peer.connection.close(NO_ERROR, "");
  peer.connection.closed();
  assertEquals([peer.requests.length, peer.take()], [0, []]);
});

Deno.test("a receiver that throws ends its connection, and says so", () => {
  const peer = new Peer({}, () => {
    throw new Error("a bug");
  }).greet().send(post(1));
  assert(peer.ended, "the connection goes on");
  assertEquals(peer.faults.length, 1);
});
