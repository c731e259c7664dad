import type { RunResult } from "../../simulator/mod.ts";
import type { Calls, Workload } from "../../simulator/workloads/mod.ts";
import type { LoadResult } from "./load.ts";
import type { Measurements } from "./measurements.ts";

/**
 * A measured run in the form of a simulated one. Its workload has the calls that are over, at the times at which they
 * were sent: what somebody else's run is compared with must have had the same calls.
 */
export function runResultOf(
  parts: { policy: string; seed: number; workload: Workload; load: LoadResult; measurements: Measurements },
): RunResult {
  const { policy, seed, load, measurements } = parts;
  const { calls, over, sentMs, endMs } = load;
  const pick = picker(over);
  return {
    ...{ policy, seed, endMs },
    workload: {
      ...parts.workload,
      calls: pickCalls({ ...parts.workload.calls, atMs: sentMs }, over),
      durationMs: endMs,
    },
    calls: {
      acquireMs: pick(calls.acquireMs),
      executionMs: pick(calls.executionMs),
      outcome: pick(calls.outcome),
      start: pick(calls.start),
      container: pick(calls.container),
    },
    ...measurements.close(endMs),
  };
}

/** The workload as far as a stopped run came: the calls that are over, at the times for which they were planned. */
export function workloadSoFar(workload: Workload, { over, endMs }: Pick<LoadResult, "over" | "endMs">): Workload {
  return { ...workload, calls: pickCalls(workload.calls, over), durationMs: Math.min(workload.durationMs, endMs) };
}

function pickCalls(calls: Calls, over: Uint8Array): Calls {
  const pick = picker(over);
  const atMs = pick(calls.atMs);
  return {
    count: atMs.length,
    atMs,
    functionIndex: pick(calls.functionIndex),
    cpuMs: pick(calls.cpuMs),
    sleepMs: pick(calls.sleepMs),
    peakBytes: pick(calls.peakBytes),
  };
}

type Values = Float64Array | Uint32Array | Int32Array | Uint8Array;

function picker(over: Uint8Array): <T extends Values>(values: T) => T {
  const isAll = over.every((one) => one === 1);
  return <T extends Values>(values: T) => isAll ? values : values.filter((_, i) => over[i] === 1) as T;
}
