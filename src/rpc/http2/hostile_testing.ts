/**
 * A peer that sends just what a test says, byte by byte, and what a server answers it: no socket, no clock, and no code
 * shared with what it tests, but for the connection itself.
 */
import { assertEquals } from "@std/assert";
import { assert } from "../../base/mod.ts";
import { type Http2Limits, http2Limits } from "./limits.ts";
import { createServerConnection } from "./server.ts";
import type { Connection, Fields, Stream, StreamReceiver } from "./types.ts";

export const DATA = 0, HEADERS = 1, PRIORITY = 2, RST_STREAM = 3, SETTINGS = 4, PUSH_PROMISE = 5, PING = 6;
export const GOAWAY = 7, WINDOW_UPDATE = 8, CONTINUATION = 9;
export const END_STREAM = 0x1, ACK = 0x1, END_HEADERS = 0x4, PADDED = 0x8, HAS_PRIORITY = 0x20;

export const NO_ERROR = 0, PROTOCOL_ERROR = 1, FLOW_CONTROL_ERROR = 3, SETTINGS_TIMEOUT = 4, STREAM_CLOSED = 5;
export const FRAME_SIZE_ERROR = 6, REFUSED_STREAM = 7, CANCEL = 8, COMPRESSION_ERROR = 9, ENHANCE_YOUR_CALM = 11;

export const PREFACE = bytesOf("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly id: number;
  readonly payload: Uint8Array<ArrayBuffer>;
}

/** The bytes of `text`, a character each. */
export function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

export function concat(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** 32 bits, the high byte first. */
export function uint32(value: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

/** A frame as RFC 9113, 4.1 lays it out. */
export function frame(type: number, flags: number, id: number, payload = new Uint8Array(0)): Uint8Array<ArrayBuffer> {
  const { length } = payload;
  return concat(Uint8Array.of(length >> 16, (length >> 8) & 0xff, length & 0xff, type, flags), uint32(id), payload);
}

/** Whole frames. */
export function framesOf(bytes: Uint8Array): Frame[] {
  const frames: Frame[] = [];
  while (bytes.length > 0) {
    const length = (bytes[0] << 16) | (bytes[1] << 8) | bytes[2];
    assert(bytes.length >= 9 + length, "half a frame was written");
    const id = new DataView(bytes.buffer, bytes.byteOffset).getUint32(5);
    frames.push({ type: bytes[3], flags: bytes[4], id, payload: bytes.slice(9, 9 + length) });
    bytes = bytes.subarray(9 + length);
  }
  return frames;
}

/** The payload of SETTINGS. */
export function settings(...pairs: readonly (readonly [id: number, value: number])[]): Uint8Array<ArrayBuffer> {
  return concat(...pairs.map(([id, value]) => concat(Uint8Array.of(id >> 8, id & 0xff), uint32(value))));
}

/** A header block of literals past the table (RFC 7541, 6.2.2), texts shorter than 127 bytes. */
export function literals(fields: Fields): Uint8Array<ArrayBuffer> {
  const parts: Uint8Array[] = [];
  for (let i = 0; i < fields.length; i += 2) {
    assert(fields[i].length < 127 && fields[i + 1].length < 127, "a text is too long for one byte of length");
    parts.push(Uint8Array.of(0, fields[i].length), bytesOf(fields[i]));
    parts.push(Uint8Array.of(fields[i + 1].length), bytesOf(fields[i + 1]));
  }
  return concat(...parts);
}

export const POST: Fields = [":method", "POST", ":scheme", "http", ":path", "/a", ":authority", "h"];
const POST_BLOCK = literals(POST);

/** What a request's receiver was told, a line each. */
export class Request implements StreamReceiver {
  readonly told: string[] = [];
  bodyBytes = 0;

  constructor(readonly stream: Stream, readonly fields: Fields, readonly endStream: boolean) {}

  onHeaders(): void {
    this.told.push("headers");
  }

  onData(bytes: Uint8Array, endStream: boolean): void {
    this.bodyBytes += bytes.length;
    this.told.push(endStream ? `data ${bytes.length} end` : `data ${bytes.length}`);
  }

  onTrailers(fields: Fields): void {
    this.told.push(`trailers ${fields.join(" ")}`);
  }

  onDrain(): void {
    this.told.push("drain");
  }

  onReset(code: number): void {
    this.told.push(`reset ${code}`);
  }
}

/** A server's connection with a test in the peer's place. */
export class Peer {
  readonly requests: Request[] = [];
  readonly violations: string[] = [];
  readonly faults: unknown[] = [];
  readonly connection: Connection;
  /** `end` was called. */
  ended = false;
  /** What `write` answers. */
  takes = true;
  /** Bytes written so far. */
  writtenBytes = 0;
  #nowMs = 0;
  #out: Uint8Array = new Uint8Array(0);

  /** `onRequest` is called for every stream that the server takes. */
  constructor(limits: Partial<Http2Limits> = {}, onRequest: (request: Request) => void = () => {}) {
    this.connection = createServerConnection({
      write: (bytes) => {
        assert(!this.ended, "written after the end");
        this.writtenBytes += bytes.length;
        this.#out = concat(this.#out, bytes);
        return this.takes;
      },
      wantFlush: () => {},
      end: () => {
        assert(!this.ended, "ended twice");
        this.ended = true;
      },
      onStream: (stream, fields, endStream) => {
        const request = new Request(stream, fields, endStream);
        stream.receiver = request;
        this.requests.push(request);
        onRequest(request);
      },
      onViolation: (name) => this.violations.push(name),
      onFault: (error) => this.faults.push(error),
    }, http2Limits(limits));
  }

  /** Sends the preface and SETTINGS, and acknowledges the server's; what comes back is dropped. */
  greet(payload = new Uint8Array(0)): this {
    this.send(PREFACE, frame(SETTINGS, 0, 0, payload), frame(SETTINGS, ACK, 0));
    const [first] = this.take();
    assertEquals([first.type, first.flags], [SETTINGS, 0]);
    return this;
  }

  /** All in one chunk. */
  send(...parts: readonly Uint8Array[]): this {
    this.connection.receive(concat(...parts));
    this.connection.flush();
    return this;
  }

  /** Time goes on in ticks of a second. */
  pass(seconds: number): this {
    for (let i = 0; i <= seconds && !this.ended; i++) this.connection.tick(this.#nowMs += i === 0 ? 0 : 1000);
    this.connection.flush();
    return this;
  }

  /** The frames that have come since the last call. */
  take(): Frame[] {
    this.connection.flush();
    const frames = framesOf(this.#out);
    this.#out = new Uint8Array(0);
    return frames;
  }

  /** The connection must have ended with this code, in its last frame. */
  endedWith(code: number, violation?: string): void {
    const last = this.take().at(-1);
    assert(last?.type === GOAWAY, `the last frame is ${JSON.stringify(last)}, and not GOAWAY`);
    assertEquals(codeOf(last, 4), code, new TextDecoder().decode(last.payload.subarray(8)));
    assert(this.ended, "the connection was not ended");
    assertEquals(this.faults, []);
    if (violation !== undefined) assertEquals(this.violations.at(-1), violation);
  }

  /** The stream must have been reset with this code, and the connection must work on. */
  resetWith(id: number, code: number): void {
    const resets = this.take().filter(({ type }) => type === RST_STREAM);
    assertEquals(resets.map((frame) => [frame.id, codeOf(frame, 0)]), [[id, code]]);
    this.worksOn();
  }

  /** The connection must answer a ping, and nothing else be wrong with it. */
  worksOn(): void {
    const payload = bytesOf("stillok?");
    this.send(frame(PING, 0, 0, payload));
    const answers = this.take();
    assertEquals(answers.filter(({ type }) => type === GOAWAY), [], "the connection says goodbye");
    assertEquals(answers.filter(({ type }) => type === PING).map((frame) => [frame.flags, frame.payload]), [[
      ACK,
      payload,
    ]]);
    assertEquals([this.ended, this.faults], [false, []]);
  }
}

/** The 32 bits at `at` of a frame's payload. */
export function codeOf(frame: Frame, at: number): number {
  return new DataView(frame.payload.buffer, frame.payload.byteOffset).getUint32(at);
}

/** HEADERS of a POST, whole. */
export function post(id: number, endStream = false): Uint8Array<ArrayBuffer> {
  return frame(HEADERS, END_HEADERS | (endStream ? END_STREAM : 0), id, POST_BLOCK);
}

/** HEADERS with these fields, whole. */
export function headers(id: number, fields: Fields, endStream = false): Uint8Array<ArrayBuffer> {
  return frame(HEADERS, END_HEADERS | (endStream ? END_STREAM : 0), id, literals(fields));
}
