/**
 * What each thread decided lately: one ring of records per worker, overwritten when full. Words of a record:
 *
 * | word   | what                                                             |
 * |--------|------------------------------------------------------------------|
 * | 0      | number of the record + 1, 0 while it is being written            |
 * | 1, 2   | hash of the request id, low and high                             |
 * | 3      | function slot                                                    |
 * | 4      | outcome: bits 0–3, see {@linkcode Outcome}                       |
 * | 5      | container slot, −1 = none                                        |
 * | 6      | container generation                                             |
 * | 7      | node slot, −1 = none                                             |
 * | 8      | acquires that waited when this one came                          |
 * | 9      | microseconds it waited, at most 2^31 − 1                         |
 * | 10     | when it was decided, wrapped milliseconds                        |
 * | 11     | which of the function's first 32 ranks seemed to have room       |
 *
 * Only its worker writes a ring. The record's number is written as 0 first and stored atomically as itself last; a reader
 * that finds the same number before and after has a whole record, unless it was overtaken on a machine that reorders
 * stores (an atomic store of the 0 would not keep later plain ones behind it either). Nothing here decides anything, so
 * a record lost to the next lap is a gap in the memory, never an error.
 */
import { RecordReader } from "./record_reader.ts";

export const Outcome = { warm: 1, waited: 2, coldStart: 3, cancelled: 4, refused: 5 } as const;
export type Outcome = (typeof Outcome)[keyof typeof Outcome];

export const DECISION_WORDS = 16;

export interface Decision {
  readonly functionSlot: number;
  readonly outcome: Outcome;
  readonly containerSlot: number;
  readonly containerGeneration: number;
  readonly nodeSlot: number;
  readonly waitingBefore: number;
  readonly waitedMicros: number;
  readonly atMs: number;
  readonly ranksWithRoom: number;
}

const NUMBER = 0, HASH_LO = 1, HASH_HI = 2, FIELDS = 3;

export class DecisionRings {
  private next = 0;

  /** `depth` records for each of `workers` threads; this thread is `worker`. */
  constructor(
    private readonly words: Int32Array,
    private readonly base: number,
    private readonly depth: number,
    private readonly workers: number,
    private readonly worker: number,
  ) {}

  /** Adds a record to this thread's ring. Plain writes and one atomic one: it is on every acquire's way. */
  record(
    hash: { readonly lo: number; readonly hi: number },
    functionSlot: number,
    outcome: Outcome,
    containerSlot: number,
    containerGeneration: number,
    nodeSlot: number,
    waitingBefore: number,
    waitedMicros: number,
    nowMs: number,
    ranksWithRoom: number,
  ): void {
    const { words } = this;
    const at = this.at(this.worker, this.next % this.depth);
    words[at + NUMBER] = 0;
    words[at + HASH_LO] = hash.lo;
    words[at + HASH_HI] = hash.hi;
    words[at + FIELDS] = functionSlot;
    words[at + FIELDS + 1] = outcome;
    words[at + FIELDS + 2] = containerSlot;
    words[at + FIELDS + 3] = containerGeneration;
    words[at + FIELDS + 4] = nodeSlot;
    words[at + FIELDS + 5] = waitingBefore;
    words[at + FIELDS + 6] = waitedMicros;
    words[at + FIELDS + 7] = nowMs;
    words[at + FIELDS + 8] = ranksWithRoom;
    this.next = (this.next + 1) & 0x3fffffff;
    Atomics.store(words, at + NUMBER, this.next + 1);
  }

  /** The records of a request id that are still there, oldest first by worker. Any thread; walks all rings. */
  find(hash: { readonly lo: number; readonly hi: number }): Decision[] {
    const found: Decision[] = [];
    for (let worker = 0; worker < this.workers; worker++) {
      for (let index = 0; index < this.depth; index++) {
        const at = this.at(worker, index);
        const number = Atomics.load(this.words, at + NUMBER);
        if (number === 0 || this.words[at + HASH_LO] !== hash.lo || this.words[at + HASH_HI] !== hash.hi) continue;
        const decision = decisionOf(this.words.slice(at, at + DECISION_WORDS));
        if (Atomics.load(this.words, at + NUMBER) === number) found.push(decision);
      }
    }
    return found;
  }

  /** Reads what all workers have decided since: see {@linkcode decisionOf}. */
  reader(): RecordReader {
    return new RecordReader(this.words, this.base, this.depth, this.workers, DECISION_WORDS);
  }

  private at(worker: number, index: number): number {
    return this.base + (worker * this.depth + index) * DECISION_WORDS;
  }
}

/** The decision in the words of a record. */
export function decisionOf(record: Int32Array): Decision {
  return {
    functionSlot: record[FIELDS],
    outcome: record[FIELDS + 1] as Outcome,
    containerSlot: record[FIELDS + 2],
    containerGeneration: record[FIELDS + 3],
    nodeSlot: record[FIELDS + 4],
    waitingBefore: record[FIELDS + 5],
    waitedMicros: record[FIELDS + 6],
    atMs: record[FIELDS + 7],
    ranksWithRoom: record[FIELDS + 8],
  };
}
