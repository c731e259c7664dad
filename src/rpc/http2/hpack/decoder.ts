/** Reads header blocks (RFC 7541, 3 and 6). */
import { assertInteger } from "../../../base/mod.ts";
import { DynamicTable, entryBytes, TABLE_BYTES_DEFAULT } from "./dynamic_table.ts";
import { FieldsTooLarge, HpackError } from "./errors.ts";
import { decodedBytesMax, huffmanDecode } from "./huffman.ts";
import { BlockReader, INTEGER_MAX } from "./integer.ts";
import { LiteralCache } from "./literal_cache.ts";
import { STATIC_COUNT, STATIC_NAMES, STATIC_VALUES } from "./static_table.ts";
import { latin1 } from "./text.ts";

export interface DecoderLimits {
  /** The size of the dynamic table that we announce in SETTINGS_HEADER_TABLE_SIZE. */
  readonly tableBytesMax: number;
  /** What the fields of one block may add up to: names, values and 32 bytes each (RFC 9113, 6.5.2). */
  readonly listBytesMax: number;
  /** How many fields one block may have. */
  readonly fieldsMax: number;
}

/** Where strings are Huffman-decoded, for all connections of a thread: nothing stays in it. Longer ones take their own. */
const SCRATCH = new Uint8Array(8192);

/** The receiving side of one connection's compression: every block that comes must go through it, in order. */
export class HpackDecoder {
  readonly #limits: DecoderLimits;
  readonly #table = new DynamicTable(TABLE_BYTES_DEFAULT);
  readonly #reader = new BlockReader();
  readonly #cache = new LiteralCache();
  /** The largest size the peer may choose now. */
  #tableBytesAllowed: number;
  /** Whether the next block must begin with a size update, our setting being below the table's size. */
  #updateOwed = false;

  constructor(limits: DecoderLimits) {
    assertInteger(limits.tableBytesMax, 0, INTEGER_MAX - 31, "tableBytesMax");
    this.#limits = limits;
    // Until the peer has acknowledged our setting it may use what was in force before.
    this.#tableBytesAllowed = Math.max(limits.tableBytesMax, TABLE_BYTES_DEFAULT);
  }

  /** The dynamic table, for tests and diagnosis: newest first. */
  get table(): { readonly bytes: number; readonly bytesMax: number; readonly fields: string[] } {
    const { bytes, bytesMax, count } = this.#table;
    const fields: string[] = [];
    for (let i = 0; i < count; i++) fields.push(this.#table.name(i), this.#table.value(i));
    return { bytes, bytesMax, fields };
  }

  /**
   * The peer has acknowledged our SETTINGS: from its next block on, its table must keep to `tableBytesMax`; where it
   * was larger, that block must begin by saying so (4.2).
   */
  settingsAcknowledged(): void {
    this.#tableBytesAllowed = this.#limits.tableBytesMax;
    this.#updateOwed = this.#table.bytesMax > this.#tableBytesAllowed;
  }

  /**
   * The fields of one whole block: name, value, name, value, … Bytes are characters of the same number.
   * @throws HpackError when the block breaks the RFC: nothing can be decoded on this connection any more
   * @throws FieldsTooLarge when it says more than the limits allow: read to its end, the connection can go on
   */
  decode(block: Uint8Array): string[] {
    const reader = this.#reader;
    reader.bytes = block;
    reader.at = 0;
    const end = block.length;
    this.#sizeUpdates(block);

    const table = this.#table;
    const fields: string[] = [];
    let room = this.#limits.listBytesMax;
    let count = 0;
    while (reader.at < end) {
      const first = block[reader.at++];
      const wanted = room >= 0 && count < this.#limits.fieldsMax;
      let name: string;
      let value: string;
      if (first >= 0x80) {
        const index = reader.integer(first, 0x7f);
        name = this.#nameAt(index);
        value = index <= STATIC_COUNT ? STATIC_VALUES[index] : table.value(index - STATIC_COUNT - 1);
      } else if (first >= 0x40) {
        const index = reader.integer(first, 0x3f);
        name = index === 0 ? this.#text(true, false) : this.#nameAt(index);
        value = this.#text(true, false);
        table.add(name, value);
      } else if (first >= 0x20) {
        throw new HpackError("a size update stands behind a field");
      } else {
        // Never-indexed (0x10) tells intermediaries not to index either; to us it is the same.
        const index = reader.integer(first, 0x0f);
        name = index === 0 ? this.#text(wanted, true) : this.#nameAt(index);
        value = this.#text(wanted, true);
      }
      count++;
      room -= entryBytes(name, value);
      if (wanted && room >= 0) fields.push(name, value);
    }
    if (room < 0) throw new FieldsTooLarge(`the header fields take more than ${this.#limits.listBytesMax} bytes`);
    if (count > this.#limits.fieldsMax) {
      throw new FieldsTooLarge(`there are ${count} header fields, more than ${this.#limits.fieldsMax}`);
    }
    return fields;
  }

  #sizeUpdates(block: Uint8Array): void {
    const reader = this.#reader;
    while (reader.at < block.length && (block[reader.at] & 0xe0) === 0x20) {
      const bytes = reader.integer(block[reader.at++], 0x1f);
      if (bytes > this.#tableBytesAllowed) {
        throw new HpackError(`a size update to ${bytes}, where ${this.#tableBytesAllowed} are allowed`);
      }
      this.#table.resize(bytes);
      this.#updateOwed = false;
    }
    if (this.#updateOwed && block.length > 0) {
      throw new HpackError(`no size update though our settings allow ${this.#tableBytesAllowed} bytes only`);
    }
  }

  /** The name at `index` of both tables, which follow one another (2.3.3). Throws where there is nothing. */
  #nameAt(index: number): string {
    if (index <= STATIC_COUNT) {
      if (index === 0) throw new HpackError("index 0 is not an entry");
      return STATIC_NAMES[index];
    }
    const position = index - STATIC_COUNT - 1;
    if (position >= this.#table.count) {
      throw new HpackError(`index ${index} lies behind the last entry, ${STATIC_COUNT + this.#table.count}`);
    }
    return this.#table.name(position);
  }

  /** The string literal that comes next (5.2); empty where it is not `wanted`, checked all the same. */
  #text(wanted: boolean, cached: boolean): string {
    const reader = this.#reader;
    const { bytes } = reader;
    if (reader.at >= bytes.length) throw new HpackError("the block ends where a string should begin");
    const first = bytes[reader.at++];
    const length = reader.integer(first, 0x7f);
    const from = reader.at;
    const to = from + length;
    if (to > bytes.length) throw new HpackError(`the block ends within a string of ${length} bytes`);
    reader.at = to;
    const huffman = first >= 0x80;
    if (!wanted) {
      if (huffman) unpack(bytes, from, to, scratchFor(length));
      return "";
    }
    if (!cached) return huffman ? this.#unpacked(bytes, from, to) : latin1(bytes, from, to);
    const known = this.#cache.find(bytes, from, to, huffman);
    if (known !== undefined) return known;
    const text = huffman ? this.#unpacked(bytes, from, to) : latin1(bytes, from, to);
    this.#cache.keep(bytes, from, to, huffman, text);
    return text;
  }

  #unpacked(bytes: Uint8Array, from: number, to: number): string {
    const scratch = scratchFor(to - from);
    return latin1(scratch, 0, unpack(bytes, from, to, scratch));
  }
}

function scratchFor(encodedBytes: number): Uint8Array {
  const bytesMax = decodedBytesMax(encodedBytes);
  return bytesMax <= SCRATCH.length ? SCRATCH : new Uint8Array(bytesMax);
}

/** Huffman-decodes `bytes[from, to)` and says how many bytes there are. */
function unpack(bytes: Uint8Array, from: number, to: number, into: Uint8Array): number {
  const length = huffmanDecode(bytes, from, to, into);
  if (length < 0) throw new HpackError("a string is not Huffman code: end-of-string symbol or wrong padding");
  return length;
}
