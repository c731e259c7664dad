/** What the tests of HPACK share. */
import { ByteWriter } from "../bytes.ts";
import type { HeaderBlock } from "../types.ts";
import { HpackDecoder } from "./decoder.ts";
import type { HpackEncoder } from "./encoder.ts";

/** Bytes from hexadecimal digits; spaces do not count. */
export function hex(text: string): Uint8Array<ArrayBuffer> {
  const digits = text.replaceAll(/\s/g, "");
  return Uint8Array.from({ length: digits.length / 2 }, (_, i) => parseInt(digits.slice(2 * i, 2 * i + 2), 16));
}

/** Hexadecimal digits of bytes. */
export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** A decoder with generous limits. */
export function decoderOf(tableBytesMax = 4096): HpackDecoder {
  return new HpackDecoder({ tableBytesMax, listBytesMax: 1 << 20, fieldsMax: 10_000 });
}

/** One block by itself. */
export function encoded(encoder: HpackEncoder, block: HeaderBlock): Uint8Array<ArrayBuffer> {
  const out = new ByteWriter();
  encoder.encode(block, out);
  return out.take();
}
