/** Runs made by hand, for tests of score and reports. */
import { MIB } from "../../base/mod.ts";
import { CallsBuilder, createWorkload, type Workload } from "../workloads/types.ts";
import { type ContainerSpan, createCallResults, type NodeSpan, OUTCOME, type RunResult, START } from "./types.ts";

/** A call and what became of it; what is missing went well, warm, in no time. */
export interface HandCall {
  readonly fn: number;
  readonly atMs: number;
  readonly cpuMs?: number;
  readonly sleepMs?: number;
  readonly peakMiB?: number;
  readonly acquireMs?: number;
  readonly executionMs?: number;
  readonly outcome?: keyof typeof OUTCOME;
  readonly start?: keyof typeof START;
  readonly container?: number;
}

/** A workload of functions with these memories, called f1, f2, … */
export function handWorkload(
  memoriesMiB: readonly number[],
  calls: readonly HandCall[],
  durationMs?: number,
): Workload {
  const builder = new CallsBuilder();
  for (const { fn, atMs, cpuMs = 0, sleepMs = 0, peakMiB = 0 } of calls) {
    builder.add({ functionIndex: fn, atMs, cpuMs, sleepMs, peakBytes: peakMiB * MIB });
  }
  const functions = memoriesMiB.map((memoryMiB, i) => ({
    id: `fn-${i}`,
    label: `f${i + 1}`,
    memoryBytes: memoryMiB * MIB,
    timeoutMs: 60_000,
  }));
  return createWorkload({ name: "by hand", functions, calls: builder.build(), durationMs });
}

/** A run of such a workload; `calls` stand in the order of their arrival. */
export function handRun(parts: {
  readonly policy?: string;
  readonly memoriesMiB: readonly number[];
  readonly calls: readonly HandCall[];
  readonly nodes?: readonly Partial<NodeSpan>[];
  readonly containers?: readonly Partial<ContainerSpan>[];
  readonly endMs: number;
}): RunResult {
  const { policy = "by-hand", memoriesMiB, endMs } = parts;
  const workload = handWorkload(memoriesMiB, parts.calls, endMs);
  const calls = createCallResults(workload.calls.count);
  parts.calls.forEach(({ acquireMs = 0, executionMs = 0, outcome = "ok", start = "warm", container = -1 }, i) => {
    calls.acquireMs[i] = acquireMs;
    calls.executionMs[i] = executionMs;
    calls.outcome[i] = OUTCOME[outcome];
    calls.start[i] = START[start];
    calls.container[i] = container;
  });
  const node = { memoryBytes: 3072 * MIB, reservedMs: 0, releasedMs: endMs };
  const container = { functionIndex: 0, node: 0, createdMs: 0, readyMs: 0, removedMs: endMs, outOfMemory: false };
  return {
    ...{ policy, seed: 1, workload, endMs, calls },
    nodes: (parts.nodes ?? []).map((one) => ({ ...node, ...one })),
    containers: (parts.containers ?? []).map((one) => ({
      ...container,
      memoryBytes: memoriesMiB[one.functionIndex ?? 0] * MIB,
      ...one,
    })),
  };
}
