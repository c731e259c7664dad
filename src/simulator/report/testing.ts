/** A small comparison, made by hand, for the tests of reports. */
import { type Costs, floorsOf, metricsOf, type RunResult, WEIGHTS_EVEN } from "../score/mod.ts";
import { handRun } from "../score/testing.ts";
import { compare, type Comparison } from "./comparison.ts";

/** Two policies on the same three calls: `slow` holds two nodes and lets calls wait, `quick` does neither. */
export function handComparison(): { comparison: Comparison; results: RunResult[] } {
  const run = (policy: string, waitMs: number, nodes: number) =>
    handRun({
      policy,
      memoriesMiB: [256, 128, 128],
      endMs: 20_000,
      calls: [
        { fn: 0, atMs: 1_000, sleepMs: 500, acquireMs: 600, executionMs: 500, start: "cold", container: 0 },
        { fn: 0, atMs: 5_000, sleepMs: 500, acquireMs: waitMs, executionMs: 500, container: 0 },
        { fn: 1, atMs: 6_000, sleepMs: 1_000, acquireMs: 400, executionMs: 1_000, start: "cold", container: 1 },
      ],
      nodes: Array.from({ length: nodes }, () => ({ reservedMs: 500 })),
      containers: [
        { createdMs: 1_000, readyMs: 1_600 },
        { functionIndex: 1, createdMs: 6_000, readyMs: 6_400, removedMs: 12_000 },
      ],
    });
  const results = [run("slow", 1_900, 2), run("quick", 0, 1)];
  const runs = results.map(metricsOf);
  const baseline: Costs = runs[0];
  const floors = floorsOf(results[0].workload);
  return { comparison: compare(results[0].workload, [{ seed: 7, baseline, floors, runs }], WEIGHTS_EVEN), results };
}
