/** What a run leaves behind: all that score and reports are made from. All times are from the workload's start. */
import type { Workload } from "../workloads/types.ts";

/** How a call ended; a number, so that millions of them fit a byte array. */
export const OUTCOME = {
  /** It ran to its end. */
  ok: 0,
  /** No container within 60 s of its arrival, nor an error: counts with 60 s of waiting. */
  unanswered: 1,
  /** The scheduler answered with an error, or gave up at the deadline. */
  refused: 2,
  /** Its container was stopped for its memory while it ran. */
  out_of_memory: 3,
  /** It ran longer than its function's timeout. */
  timeout: 4,
  /** Its container, node or connection went away. */
  lost: 5,
} as const;
export type OutcomeName = keyof typeof OUTCOME;

/** How a call came to its container. */
export const START = {
  /** It had none. */
  none: 0,
  /** A container with room was there. */
  warm: 1,
  /** It waited for room in a container that had served others before. */
  waited: 2,
  /** It waited for a container's start and was the first to run in it. */
  cold: 3,
} as const;

/** What became of the calls, by the call's index in the workload; every array as long as there are calls. */
export interface CallResults {
  /** From arrival to the answer of acquire, good or bad, in milliseconds. */
  readonly acquireMs: Float64Array;
  /** From the answer of acquire to the end of the run in the container, in milliseconds; 0 where it never ran. */
  readonly executionMs: Float64Array;
  /** One of {@linkcode OUTCOME}. */
  readonly outcome: Uint8Array;
  /** One of {@linkcode START}. */
  readonly start: Uint8Array;
  /** Index into the run's containers; −1 where it had none. */
  readonly container: Int32Array;
}

/** The time for which a node was held. */
export interface NodeSpan {
  readonly memoryBytes: number;
  /** When its reservation succeeded. */
  readonly reservedMs: number;
  /** When its release succeeded; the run's end where it was held until then. */
  readonly releasedMs: number;
}

/** The life of a container. */
export interface ContainerSpan {
  readonly functionIndex: number;
  /** Index into the run's nodes. */
  readonly node: number;
  /** Memory that it takes of its node. */
  readonly memoryBytes: number;
  /** When its creation began. */
  readonly createdMs: number;
  /** When it could take its first call; Infinity where it never could. */
  readonly readyMs: number;
  /** When it was gone; the run's end where it was there until then. */
  readonly removedMs: number;
  /** Whether it was stopped for its memory. */
  readonly outOfMemory: boolean;
}

/** One policy on one workload with one seed. */
export interface RunResult {
  readonly policy: string;
  readonly seed: number;
  readonly workload: Workload;
  /** When the run ended: the workload's end or the last answer, whichever is later. */
  readonly endMs: number;
  readonly calls: CallResults;
  readonly nodes: readonly NodeSpan[];
  readonly containers: readonly ContainerSpan[];
}

/** Room for the results of `count` calls: unanswered, until told otherwise. */
export function createCallResults(count: number): CallResults {
  return {
    acquireMs: new Float64Array(count),
    executionMs: new Float64Array(count),
    outcome: new Uint8Array(count).fill(OUTCOME.unanswered),
    start: new Uint8Array(count),
    container: new Int32Array(count).fill(-1),
  };
}
