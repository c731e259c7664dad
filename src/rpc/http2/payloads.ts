/** What every frame's payload must keep to, apart from any stream: RFC 9113, 6. */
import { ConnectionFault } from "./faults.ts";
import { readUint31 } from "./frames.ts";
import { ErrorCode } from "./types.ts";

/** A broken rule, as PROTOCOL_ERROR. */
export function protocolFault(violation: string, message: string): ConnectionFault {
  return new ConnectionFault(ErrorCode.PROTOCOL_ERROR, violation, message);
}

/** A frame of the wrong length. */
export function sizeFault(frame: string, message: string): ConnectionFault {
  return new ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, "frame_size", `${frame}: ${message}`);
}

/** Throws where a frame that belongs to a stream has none. */
export function mustHaveStream(id: number, frame: string): void {
  if (id === 0) throw protocolFault("stream_zero", `${frame} on stream 0`);
}

/** RFC 7540, 5.3.1: the only thing about priorities that is still looked at, since nobody sane says it. */
export function mustNotDependOnItself(id: number, bytes: Uint8Array, from: number): void {
  if (readUint31(bytes, from) === id) throw protocolFault("priority", `stream ${id} depends on itself`);
}

/** How many bytes stand behind the content: RFC 9113, 6.1. */
export function paddingOf(bytes: Uint8Array, from: number, to: number): number {
  if (from === to) throw sizeFault("padding", "its length is missing");
  const padding = bytes[from];
  if (padding >= to - from) throw protocolFault("padding", "the padding is longer than its frame");
  return padding;
}

/** The peer's words for our log: one line of printable ASCII. */
export function printable(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "?";
  return text;
}

/** HEADERS for a stream number that is not the peer's to use: RFC 9113, 5.1.1. */
export function foreignStream(id: number): ConnectionFault {
  return protocolFault("stream_id", `stream ${id} is not the peer's to open`);
}
