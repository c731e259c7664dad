/** Bytes as text and back: every byte is the character of the same number (ISO 8859-1), so that none is lost. */
import { Buffer } from "node:buffer";
import type { ByteWriter } from "../bytes.ts";
import { huffmanBytes, huffmanEncode } from "./huffman.ts";
import { writeInteger } from "./integer.ts";

/** Below this length a string is made faster here than by a call into the runtime (20 against 60 ns). */
const CALL_FROM_BYTES = 16;
const code = String.fromCharCode;
const slice = (Buffer.prototype as unknown as { latin1Slice(from: number, to: number): string }).latin1Slice;

/** The text of `bytes[from, to)`. */
export function latin1(bytes: Uint8Array, from: number, to: number): string {
  if (to - from >= CALL_FROM_BYTES) return slice.call(bytes, from, to);
  let text = "";
  let at = from;
  if (at + 8 <= to) {
    text = code(
      bytes[at],
      bytes[at + 1],
      bytes[at + 2],
      bytes[at + 3],
      bytes[at + 4],
      bytes[at + 5],
      bytes[at + 6],
      bytes[at + 7],
    );
    at += 8;
  }
  if (at + 4 <= to) {
    text += code(bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]);
    at += 4;
  }
  for (; at < to; at++) text += code(bytes[at]);
  return text;
}

/**
 * Writes `text` as a string literal (RFC 7541, 5.2), in Huffman code where that is shorter.
 * @throws RangeError when a character is not one byte
 */
export function writeText(out: ByteWriter, text: string): void {
  const packed = huffmanBytes(text);
  // The text may be a secret: it is not repeated.
  if (Number.isNaN(packed)) {
    throw new RangeError("a header field has a character above U+00FF, which no byte stands for");
  }
  if (packed < text.length) {
    writeInteger(out, 0x80, 0x7f, packed);
    out.ensure(packed);
    out.length = huffmanEncode(text, out.buffer, out.length);
    return;
  }
  writeInteger(out, 0x00, 0x7f, text.length);
  out.ensure(text.length);
  const { buffer } = out;
  for (let i = 0; i < text.length; i++) buffer[out.length++] = text.charCodeAt(i);
}
