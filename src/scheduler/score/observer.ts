/** What somebody else may be told of the live calls, to try them on other policies: never within an acquire. */
import type { FunctionSpec } from "../../base/mod.ts";
import type { ShadowsView } from "./view.ts";

/** Numbers that a call takes in {@linkcode Observations.calls}; see {@linkcode ObservedCall}. */
export const CALL_NUMBERS = 7;

/** A call that is over, as far as the scheduler saw it. Moments are of the controller's clock. */
export interface ObservedCall {
  /** Slot of its function: see {@linkcode Observations.functions}. */
  readonly slot: number;
  readonly arrivedMs: number;
  /** From its arrival to the answer, good or bad. */
  readonly waitedMs: number;
  /** How long it ran, with all the crowding that it met; as long as its function's on average where it never ran. */
  readonly durationMs: number;
  /** What it computed, in core-milliseconds, by its function's average from the nodes' stats. */
  readonly cpuMs: number;
  /** Memory beyond what its container holds anyway: what its return told, by those who ran in the container then. */
  readonly peakKiB: number;
  readonly answered: boolean;
}

/** What happened since the last batch. */
export interface Observations {
  readonly nowMs: number;
  /** Functions whose slot or configuration is new. */
  readonly functions: readonly { readonly slot: number; readonly spec: FunctionSpec }[];
  /** {@linkcode CALL_NUMBERS} for each call, in the order of their ends. */
  readonly calls: Float64Array<ArrayBuffer>;
  /** How many nodes were held from which moment on, where that changed. */
  readonly nodes: readonly (readonly [atMs: number, count: number])[];
  /** Calls left out so far. */
  readonly dropped: number;
  /** Means of what was measured; 0 where nothing was yet. */
  readonly startMs: number;
  readonly idleBytes: number;
  readonly nodeBytes: number;
  /** Nodes there are in all, as far as that showed: the resource manager had no more to give. 0: it never did. */
  readonly nodesMax: number;
}

export interface Observer {
  /** Takes a batch; false where it has too many already, and the batch is lost. */
  observed(batch: Observations): boolean;
  /** What came of it. */
  view(): ShadowsView;
  close(): void;
}

/** The numbers of a call at `at`. */
export function writeCall(to: Float64Array, at: number, call: ObservedCall): void {
  to[at] = call.slot;
  to[at + 1] = call.arrivedMs;
  to[at + 2] = call.waitedMs;
  to[at + 3] = call.durationMs;
  to[at + 4] = call.cpuMs;
  to[at + 5] = call.peakKiB;
  to[at + 6] = call.answered ? 1 : 0;
}

/** The call whose numbers begin at `at`. */
export function readCall(from: Float64Array, at: number): ObservedCall {
  return {
    slot: from[at],
    arrivedMs: from[at + 1],
    waitedMs: from[at + 2],
    durationMs: from[at + 3],
    cpuMs: from[at + 4],
    peakKiB: from[at + 5],
    answered: from[at + 6] === 1,
  };
}
