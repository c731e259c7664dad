/**
 * The dynamic table of RFC 7541, 2.3.2 and 4: the fields last added, newest first, within a size in bytes. A ring of two
 * arrays, which grows with what is in it, never with what the peer only announces.
 */
import { assert } from "../../../base/mod.ts";

/** What an entry counts beside its name and value (4.1). */
export const ENTRY_OVERHEAD_BYTES = 32;
/** The size at which both sides begin (RFC 9113, 6.5.2). */
export const TABLE_BYTES_DEFAULT = 4096;

const RING_INITIAL = 16;

/** The size of a field as tables and limits count it: a character is a byte. */
export function entryBytes(name: string, value: string): number {
  return name.length + value.length + ENTRY_OVERHEAD_BYTES;
}

export class DynamicTable {
  #names: string[] = [];
  #values: string[] = [];
  #mask = -1;
  #count = 0;
  #bytes = 0;
  #bytesMax: number;
  #inserted = 0;
  readonly #onEvict: ((name: string, value: string) => void) | undefined;

  /** `onEvict` hears of every entry that leaves. */
  constructor(bytesMax: number, onEvict?: (name: string, value: string) => void) {
    this.#bytesMax = bytesMax;
    this.#onEvict = onEvict;
  }

  /** Entries held. */
  get count(): number {
    return this.#count;
  }

  /** What the entries add up to (4.1). */
  get bytes(): number {
    return this.#bytes;
  }

  /** What they may add up to. */
  get bytesMax(): number {
    return this.#bytesMax;
  }

  /** Entries ever added. The newest entry has this number less one; one with `id` stands at `inserted - 1 - id`. */
  get inserted(): number {
    return this.#inserted;
  }

  /** The name of the entry at `position`, 0 being the newest; it must be less than `count`. */
  name(position: number): string {
    return this.#names[(this.#inserted - 1 - position) & this.#mask];
  }

  /** The value of the entry at `position`. */
  value(position: number): string {
    return this.#values[(this.#inserted - 1 - position) & this.#mask];
  }

  /**
   * Adds an entry and evicts what it displaces (4.4). One larger than the whole table only empties it.
   * @returns whether the entry is in the table; its number is then `inserted - 1`
   */
  add(name: string, value: string): boolean {
    const bytes = entryBytes(name, value);
    this.#evictDownTo(this.#bytesMax - bytes);
    if (bytes > this.#bytesMax) return false;
    if (this.#count > this.#mask) this.#grow();
    const slot = this.#inserted & this.#mask;
    this.#names[slot] = name;
    this.#values[slot] = value;
    this.#inserted++;
    this.#count++;
    this.#bytes += bytes;
    return true;
  }

  /** Changes the size, evicting what no longer fits (4.3). */
  resize(bytesMax: number): void {
    this.#bytesMax = bytesMax;
    this.#evictDownTo(bytesMax);
  }

  #evictDownTo(bytesMax: number): void {
    while (this.#bytes > bytesMax && this.#count > 0) {
      const id = this.#inserted - this.#count;
      const slot = id & this.#mask;
      const name = this.#names[slot];
      const value = this.#values[slot];
      this.#names[slot] = this.#values[slot] = "";
      this.#count--;
      this.#bytes -= entryBytes(name, value);
      this.#onEvict?.(name, value);
    }
    assert(this.#count > 0 || this.#bytes === 0, "an empty table has a size");
  }

  #grow(): void {
    const size = Math.max(RING_INITIAL, 2 * (this.#mask + 1));
    const names = new Array<string>(size).fill("");
    const values = new Array<string>(size).fill("");
    for (let id = this.#inserted - this.#count; id < this.#inserted; id++) {
      names[id & (size - 1)] = this.#names[id & this.#mask];
      values[id & (size - 1)] = this.#values[id & this.#mask];
    }
    this.#names = names;
    this.#values = values;
    this.#mask = size - 1;
  }
}
