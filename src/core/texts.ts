/**
 * Short texts in the buffer, so that every thread can answer with them: container ids, and what is to be told of a
 * node. Word 0 of a cell is the length in bytes, the rest UTF-8, four bytes a word. Written by the controller before the
 * slot it belongs to is published, kept until that slot is free again.
 */
import { assert } from "../base/mod.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export class TextTable {
  private readonly bytes: Uint8Array;

  constructor(private readonly words: Int32Array, private readonly base: number, private readonly cellWords: number) {
    this.bytes = new Uint8Array(words.buffer);
  }

  /** Whether `text` fits a cell. */
  fits(text: string): boolean {
    const most = (this.cellWords - 1) * 4;
    // A character takes three bytes at most: one that is short needs no counting.
    return text.length * 3 <= most || encoder.encode(text).length <= most;
  }

  set(slot: number, text: string): void {
    const encoded = encoder.encode(text);
    assert(encoded.length <= (this.cellWords - 1) * 4, `a text of ${encoded.length} bytes does not fit its cell`);
    const at = this.base + slot * this.cellWords;
    this.bytes.set(encoded, (at + 1) * 4);
    Atomics.store(this.words, at, encoded.length);
  }

  get(slot: number): string {
    const at = this.base + slot * this.cellWords;
    const start = (at + 1) * 4;
    // A copy: TextDecoder does not take shared memory.
    return decoder.decode(this.bytes.slice(start, start + Atomics.load(this.words, at)));
  }
}
