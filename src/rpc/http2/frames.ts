/** Frames of RFC 9113, 4 and 6: their numbers, how a header is laid out, and the small ones written. */
import type { ByteWriter } from "./bytes.ts";

/** RFC 9113, 6. */
export const FrameType = {
  DATA: 0,
  HEADERS: 1,
  PRIORITY: 2,
  RST_STREAM: 3,
  SETTINGS: 4,
  PUSH_PROMISE: 5,
  PING: 6,
  GOAWAY: 7,
  WINDOW_UPDATE: 8,
  CONTINUATION: 9,
} as const;

/** Flags; END_STREAM and ACK share a bit on different frames. */
export const Flag = {
  END_STREAM: 0x1,
  ACK: 0x1,
  END_HEADERS: 0x4,
  PADDED: 0x8,
  PRIORITY: 0x20,
} as const;

/** Length (24 bits), type, flags, stream id (31 bits): RFC 9113, 4.1. */
export const FRAME_HEADER_BYTES = 9;
/** The largest number of 31 bits: stream ids, windows. */
export const UINT31_MAX = 0x7fffffff;
/** What every peer must take, and what holds until it says more: RFC 9113, 6.5.2. */
export const FRAME_BYTES_DEFAULT = 16384;
/** What a frame's length field can say. */
export const FRAME_BYTES_LIMIT = 0xffffff;

/** What a client sends first: RFC 9113, 3.4. */
export const PREFACE: Uint8Array = new TextEncoder().encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/** Room for a GOAWAY's text, in UTF-16 units: enough for a sentence. */
const REASON_LENGTH_MAX = 200;

const utf8 = new TextEncoder();

/** Reads 24 bits at `at`. */
export function readUint24(bytes: Uint8Array, at: number): number {
  return (bytes[at] << 16) | (bytes[at + 1] << 8) | bytes[at + 2];
}

/** Reads 32 bits at `at`. */
export function readUint32(bytes: Uint8Array, at: number): number {
  return ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0;
}

/** Reads 31 bits at `at`; the highest one is reserved and ignored. */
export function readUint31(bytes: Uint8Array, at: number): number {
  return ((bytes[at] & 0x7f) << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3];
}

/** Appends a frame's header; its `length` bytes of payload must follow. Makes room for both. */
export function writeFrameHeader(out: ByteWriter, length: number, type: number, flags: number, streamId: number): void {
  out.ensure(FRAME_HEADER_BYTES + length);
  writeFrameHeaderAt(out.buffer, out.length, length, type, flags, streamId);
  out.length += FRAME_HEADER_BYTES;
}

/** Writes a frame's header over the nine bytes at `at`. */
export function writeFrameHeaderAt(
  buffer: Uint8Array,
  at: number,
  length: number,
  type: number,
  flags: number,
  streamId: number,
): void {
  buffer[at] = length >>> 16;
  buffer[at + 1] = length >>> 8;
  buffer[at + 2] = length;
  buffer[at + 3] = type;
  buffer[at + 4] = flags;
  buffer[at + 5] = streamId >>> 24;
  buffer[at + 6] = streamId >>> 16;
  buffer[at + 7] = streamId >>> 8;
  buffer[at + 8] = streamId;
}

export function writeRstStream(out: ByteWriter, streamId: number, code: number): void {
  writeFrameHeader(out, 4, FrameType.RST_STREAM, 0, streamId);
  out.uint32(code);
}

export function writeWindowUpdate(out: ByteWriter, streamId: number, increment: number): void {
  writeFrameHeader(out, 4, FrameType.WINDOW_UPDATE, 0, streamId);
  out.uint32(increment);
}

/** `payload` has eight bytes. */
export function writePing(out: ByteWriter, ack: boolean, payload: Uint8Array): void {
  writeFrameHeader(out, 8, FrameType.PING, ack ? Flag.ACK : 0, 0);
  out.bytes(payload);
}

/** `settings` are pairs of identifier and value: RFC 9113, 6.5.1. */
export function writeSettings(out: ByteWriter, settings: readonly (readonly [id: number, value: number])[]): void {
  writeFrameHeader(out, settings.length * 6, FrameType.SETTINGS, 0, 0);
  for (const [id, value] of settings) {
    out.uint16(id);
    out.uint32(value);
  }
}

export function writeSettingsAck(out: ByteWriter): void {
  writeFrameHeader(out, 0, FrameType.SETTINGS, Flag.ACK, 0);
}

/** `reason` is for the people who read the peer's log; long ones are cut. */
export function writeGoaway(out: ByteWriter, lastStreamId: number, code: number, reason: string): void {
  const text = utf8.encode(reason.slice(0, REASON_LENGTH_MAX));
  writeFrameHeader(out, 8 + text.length, FrameType.GOAWAY, 0, 0);
  out.uint32(lastStreamId);
  out.uint32(code);
  out.bytes(text);
}
