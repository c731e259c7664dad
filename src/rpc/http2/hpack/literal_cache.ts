/**
 * Text of literals seen before, by their bytes on the wire. Peers send some fields of every call as literals (nghttp2
 * never indexes `:path`, nobody should index `authorization`); finding them again here saves Huffman decoding and
 * a fresh string whose hash must be computed at its first look-up. Content decides a hit, the hash only where to look, so that a
 * peer that forces collisions wins nothing. One per connection: nothing is shared with other peers.
 */
const SLOTS = 32;
/** Longer literals are not kept; this bounds the cache to 32 × 128 bytes and their texts. */
const SLOT_BYTES = 128;
/** Shorter ones are made as fast as they are found. */
const SHORTEST = 6;

export class LiteralCache {
  // All three are made at the first use: an idle connection has none.
  #bytes: Uint8Array | undefined;
  /** Length of the kept bytes, twice, plus one for Huffman code; 0 where a slot is empty. */
  #kinds: number[] = [];
  #texts: string[] = [];

  /** The text of `bytes[from, to)` if it was kept. */
  find(bytes: Uint8Array, from: number, to: number, huffman: boolean): string | undefined {
    const length = to - from;
    const kept = this.#bytes;
    if (kept === undefined || length < SHORTEST || length > SLOT_BYTES) return undefined;
    const slot = slotOf(bytes, from, to);
    if (this.#kinds[slot] !== kindOf(length, huffman)) return undefined;
    for (let i = 0, k = slot * SLOT_BYTES; i < length; i++, k++) if (kept[k] !== bytes[from + i]) return undefined;
    return this.#texts[slot];
  }

  /** Keeps `text` as that of `bytes[from, to)` in place of what its slot holds. */
  keep(bytes: Uint8Array, from: number, to: number, huffman: boolean, text: string): void {
    const length = to - from;
    if (length < SHORTEST || length > SLOT_BYTES) return;
    const kept = this.#bytes ?? this.#allocate();
    const slot = slotOf(bytes, from, to);
    for (let i = 0, k = slot * SLOT_BYTES; i < length; i++, k++) kept[k] = bytes[from + i];
    this.#kinds[slot] = kindOf(length, huffman);
    this.#texts[slot] = text;
  }

  #allocate(): Uint8Array {
    this.#kinds = new Array<number>(SLOTS).fill(0);
    this.#texts = new Array<string>(SLOTS).fill("");
    return this.#bytes = new Uint8Array(SLOTS * SLOT_BYTES);
  }
}

function kindOf(length: number, huffman: boolean): number {
  return 2 * length + (huffman ? 1 : 0);
}

/** Length, middle and end tell the literals of one connection apart: paths share their beginning. */
function slotOf(bytes: Uint8Array, from: number, to: number): number {
  const middle = (from + to) >>> 1;
  let hash = to - from;
  hash = Math.imul(hash, 31) + bytes[middle];
  hash = Math.imul(hash, 31) + bytes[to - 5];
  hash = Math.imul(hash, 31) + bytes[to - 4];
  hash = Math.imul(hash, 31) + bytes[to - 3];
  hash = Math.imul(hash, 31) + bytes[to - 2];
  return (Math.imul(hash, 0x9e3779b1) >>> 16) & (SLOTS - 1);
}
