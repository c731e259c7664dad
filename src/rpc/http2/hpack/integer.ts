/** Integers of RFC 7541, 5.1: a prefix of the first byte, and where it is full, seven bits a byte, lowest first. */
import type { ByteWriter } from "../bytes.ts";
import { HpackError } from "./errors.ts";

/** Bytes after the prefix that are read at most: 28 bits, far above any length or size that a limit lets through. */
const CONTINUATION_BYTES_MAX = 4;

/** The largest value that is read whatever the prefix; larger ones are refused (5.1 leaves the bound to us). */
export const INTEGER_MAX = 2 ** (7 * CONTINUATION_BYTES_MAX) - 1;

/** Reads a header block from front to back. */
export class BlockReader {
  bytes: Uint8Array = new Uint8Array(0);
  at = 0;

  /**
   * The integer whose first byte, already read, is `first`, with the prefix `prefixMax` = 2^bits - 1.
   * @throws HpackError when it is cut off, longer or larger than allowed
   */
  integer(first: number, prefixMax: number): number {
    const prefix = first & prefixMax;
    return prefix < prefixMax ? prefix : this.#continued(prefixMax);
  }

  #continued(prefixMax: number): number {
    const { bytes } = this;
    let value = 0;
    for (let i = 0; i < CONTINUATION_BYTES_MAX; i++) {
      if (this.at >= bytes.length) throw new HpackError("the block ends within an integer");
      const byte = bytes[this.at++];
      value += (byte & 0x7f) << (7 * i);
      if (byte < 0x80) {
        if (value > INTEGER_MAX - prefixMax) throw new HpackError(`an integer is larger than ${INTEGER_MAX}`);
        return value + prefixMax;
      }
    }
    throw new HpackError(`an integer takes more than ${CONTINUATION_BYTES_MAX} bytes after its prefix`);
  }
}

/** Writes `value` with the prefix `prefixMax` = 2^bits - 1, the bits above the prefix being `flags`. */
export function writeInteger(out: ByteWriter, flags: number, prefixMax: number, value: number): void {
  if (value < prefixMax) return out.byte(flags | value);
  out.byte(flags | prefixMax);
  let rest = value - prefixMax;
  for (; rest >= 0x80; rest >>>= 7) out.byte(0x80 | (rest & 0x7f));
  out.byte(rest);
}
