/** Numbers of records come round after so many. */
const NUMBERS = 2 ** 30;

/**
 * Reads rings of records, one ring per worker, from where it stopped: every record once, in each worker's order. Word 0
 * of record k (from 0) says k + 2, and 0 while it is being written. A ring that went a whole lap ahead is caught up
 * with, and what was overwritten is left out and counted.
 */
export class RecordReader {
  /** Records that were overwritten before they could be read. */
  missed = 0;
  private readonly next: number[];
  private readonly copy: Int32Array;

  constructor(
    private readonly words: Int32Array,
    private readonly base: number,
    private readonly depth: number,
    workers: number,
    private readonly recordWords: number,
  ) {
    this.next = new Array(workers).fill(0);
    this.copy = new Int32Array(recordWords);
  }

  /** Calls `visit` with a copy of each record that is new, which is overwritten by the next. One thread only. */
  read(visit: (record: Int32Array) => void): void {
    for (let worker = 0; worker < this.next.length; worker++) {
      for (;;) {
        const next = this.next[worker];
        const at = this.base + (worker * this.depth + next % this.depth) * this.recordWords;
        const number = Atomics.load(this.words, at);
        const ahead = (number - numberOf(next) + NUMBERS) % NUMBERS;
        // Being written, or of the lap before.
        if (number === 0 || ahead >= NUMBERS / 2) break;
        if (ahead === 0) {
          for (let i = 1; i < this.recordWords; i++) this.copy[i] = this.words[at + i];
          if (Atomics.load(this.words, at) === number) {
            this.next[worker] = (next + 1) % NUMBERS;
            visit(this.copy);
            continue;
          }
        }
        // Overtaken: on from half a lap before what is there now, to be clear of the writer.
        const skipped = Math.max(1, ahead - (this.depth >> 1));
        this.missed += skipped;
        this.next[worker] = (next + skipped) % NUMBERS;
      }
    }
  }
}

/** What word 0 of record `index` says. */
export function numberOf(index: number): number {
  return (index + 1) % NUMBERS + 1;
}
