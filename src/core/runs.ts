/**
 * Which invocations ended lately, and how: one ring of records per worker, overwritten when full. Words of a record:
 *
 * | word | what                                                       |
 * |------|------------------------------------------------------------|
 * | 0    | number of the record + 2, 0 while it is being written      |
 * | 1    | function slot                                              |
 * | 2    | container slot                                             |
 * | 3    | container generation                                       |
 * | 4    | microseconds it ran, at most 2^31 − 1                      |
 * | 5    | memory that its return told, in KiB, at most 2^31 − 1      |
 * | 6    | how it failed: index into FAILURE_KINDS, −1 = not           |
 * | 7    | invocations in its container then, itself included         |
 * | 8    | when it was returned, wrapped milliseconds                 |
 *
 * Only its worker writes a ring; the controller reads them all for its policy, from where it stopped. Published as
 * decisions are: the number goes to 0 first and to itself last, both atomically. Nothing here decides anything: a
 * record that was overwritten before it was read is a gap in what the policy learns.
 */
import { FAILURE_KINDS, type FailureKind } from "../base/mod.ts";
import { numberOf, RecordReader } from "./record_reader.ts";

export const RUN_WORDS = 16;

/** An invocation that ended. */
export interface EndedRun {
  readonly functionSlot: number;
  readonly containerSlot: number;
  readonly containerGeneration: number;
  readonly micros: number;
  readonly kib: number;
  readonly failure: FailureKind | undefined;
  readonly inFlight: number;
  readonly atMs: number;
}

const WORD_MAX = 0x7fffffff;

export class RunRings {
  private next = 0;

  /** `depth` records for each of `workers` threads; this thread is `worker`. */
  constructor(
    private readonly words: Int32Array,
    private readonly base: number,
    private readonly depth: number,
    private readonly workers: number,
    private readonly worker: number,
  ) {}

  /** Adds a record to this thread's ring. Plain writes between two atomic ones: it is on every release's way. */
  record(
    functionSlot: number,
    containerSlot: number,
    containerGeneration: number,
    micros: number,
    kib: number,
    errorCode: string,
    inFlight: number,
    nowMs: number,
  ): void {
    const { words } = this;
    const at = this.base + (this.worker * this.depth + this.next % this.depth) * RUN_WORDS;
    Atomics.store(words, at, 0);
    words[at + 1] = functionSlot;
    words[at + 2] = containerSlot;
    words[at + 3] = containerGeneration;
    words[at + 4] = Math.min(micros, WORD_MAX);
    words[at + 5] = Math.min(kib, WORD_MAX);
    words[at + 6] = errorCode === "" ? -1 : FAILURE_KINDS.indexOf(errorCode as FailureKind);
    words[at + 7] = inFlight;
    words[at + 8] = nowMs;
    Atomics.store(words, at, numberOf(this.next));
    this.next = (this.next + 1) & 0x3fffffff;
  }

  /** Reads what has ended on all workers since: see {@linkcode runOf}. */
  reader(): RecordReader {
    return new RecordReader(this.words, this.base, this.depth, this.workers, RUN_WORDS);
  }
}

/** The run in the words of a record. */
export function runOf(record: Int32Array): EndedRun {
  return {
    functionSlot: record[1],
    containerSlot: record[2],
    containerGeneration: record[3],
    micros: record[4],
    kib: record[5],
    failure: FAILURE_KINDS[record[6]],
    inFlight: record[7],
    atMs: record[8],
  };
}
