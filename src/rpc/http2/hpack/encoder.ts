/** Writes header blocks (RFC 7541, 6). */
import { assertInteger } from "../../../base/mod.ts";
import { ByteWriter } from "../bytes.ts";
import type { Fields, HeaderBlock } from "../types.ts";
import { DynamicTable, entryBytes, TABLE_BYTES_DEFAULT } from "./dynamic_table.ts";
import { EncoderIndex, traitsOf, Treatment } from "./encoder_index.ts";
import { writeInteger } from "./integer.ts";
import { STATIC_COUNT } from "./static_table.ts";
import { writeText } from "./text.ts";

/** The table we keep for what we send, however much more the peer allows: enough for the fields of some dozen methods. */
const TABLE_BYTES_MAX = TABLE_BYTES_DEFAULT;
/** A field that would take more than this part of the table is not worth what it evicts. */
const INDEXED_PART = 4;

/** The sending side of one connection's compression: every block that is encoded must be sent, in order. */
export class HpackEncoder {
  readonly #table: DynamicTable;
  readonly #index = new EncoderIndex();
  /** Whether the next block must begin with size updates: the smallest since the last block, and what holds now (4.2). */
  #updateOwed = false;
  #smallest = 0;

  constructor() {
    this.#table = new DynamicTable(TABLE_BYTES_DEFAULT, (name, value) => this.#index.forget(name, value));
  }

  /** The peer's SETTINGS_HEADER_TABLE_SIZE, 0 to 2^32 - 1. More than we use ourselves changes nothing. */
  setTableBytesMax(bytes: number): void {
    assertInteger(bytes, 0, 2 ** 32 - 1, "SETTINGS_HEADER_TABLE_SIZE");
    const wanted = Math.min(bytes, TABLE_BYTES_MAX);
    if (wanted === this.#table.bytesMax) return;
    this.#smallest = this.#updateOwed ? Math.min(this.#smallest, wanted) : wanted;
    this.#updateOwed = true;
    this.#table.resize(wanted);
  }

  /**
   * Appends the whole header block to `out`. One made by {@linkcode encodeStateless} is taken as it is, behind the size
   * updates that may be owed.
   * @throws RangeError when a character is not one byte; nothing is appended then, and the next block is right
   */
  encode(block: HeaderBlock, out: ByteWriter): void {
    const start = out.length;
    if (this.#updateOwed) this.#writeSizeUpdates(out);
    if (block instanceof Uint8Array) return out.bytes(block);
    try {
      for (let i = 0; i < block.length; i += 2) this.#field(block[i], block[i + 1], out);
    } catch (error) {
      out.length = start;
      this.#beginAgain();
      throw error;
    }
  }

  #field(name: string, value: string, out: ByteWriter): void {
    const known = this.#index.known(name);
    const id = known.values?.get(value);
    if (id !== undefined) return writeInteger(out, 0x80, 0x7f, this.#indexOf(id));
    const fixed = known.staticValues?.get(value);
    if (fixed !== undefined) return out.byte(0x80 | fixed);

    const inTable = known.values !== undefined && known.values.size > 0;
    const nameIndex = known.staticIndex === 0 && inTable ? this.#indexOf(known.newestId) : known.staticIndex;
    const indexed = known.treatment === Treatment.INDEXED &&
      entryBytes(name, value) * INDEXED_PART <= this.#table.bytesMax;
    if (!indexed) return writeLiteral(out, known.treatment, nameIndex, name, value);
    writeInteger(out, 0x40, 0x3f, nameIndex);
    if (nameIndex === 0) writeText(out, name);
    writeText(out, value);
    this.#table.add(name, value);
    this.#index.remember(known, value, this.#table.inserted - 1);
  }

  #indexOf(id: number): number {
    return STATIC_COUNT + this.#table.inserted - id;
  }

  #writeSizeUpdates(out: ByteWriter): void {
    const { bytesMax } = this.#table;
    if (this.#smallest < bytesMax) writeInteger(out, 0x20, 0x1f, this.#smallest);
    writeInteger(out, 0x20, 0x1f, bytesMax);
    this.#updateOwed = false;
  }

  /** The table holds what the peer will never hear of: the next block empties the peer's and ours is empty now. */
  #beginAgain(): void {
    const { bytesMax } = this.#table;
    this.#table.resize(0);
    this.#table.resize(bytesMax);
    this.#smallest = 0;
    this.#updateOwed = true;
  }
}

/**
 * A header block of static entries and literals past the table only: it neither needs nor changes any state, and so may
 * be made once and sent on any connection.
 * @throws RangeError when a character is not one byte
 */
export function encodeStateless(fields: Fields): Uint8Array<ArrayBuffer> {
  const out = new ByteWriter(64);
  for (let i = 0; i < fields.length; i += 2) {
    const traits = traitsOf(fields[i]);
    const fixed = traits.staticValues?.get(fields[i + 1]);
    if (fixed !== undefined) out.byte(0x80 | fixed);
    else writeLiteral(out, traits.treatment, traits.staticIndex, fields[i], fields[i + 1]);
  }
  return out.view().slice();
}

function writeLiteral(out: ByteWriter, treatment: Treatment, nameIndex: number, name: string, value: string): void {
  writeInteger(out, treatment === Treatment.NEVER ? 0x10 : 0x00, 0x0f, nameIndex);
  if (nameIndex === 0) writeText(out, name);
  writeText(out, value);
}
