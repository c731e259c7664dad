/** Evaluates schedulers over real sockets, one after the other, and puts them beside a simulated baseline. */
import { PlatformError } from "../../base/mod.ts";
import { POLICIES } from "../../policy/mod.ts";
import { floorsOf, metricsOf, type RunResult, simulate } from "../../simulator/mod.ts";
import { compare, type Comparison } from "../../simulator/report/mod.ts";
import type { Workload } from "../../simulator/workloads/mod.ts";
import type { WorkloadSource } from "../simulation/workload_source.ts";
import { evaluatePlan, type EvaluateValues } from "./evaluate_flags.ts";
import { measure, type Measured, type Watcher } from "./measure.ts";
import { workloadSoFar } from "./run_result.ts";

/** What scores are measured against: the same calls in virtual time. */
const BASELINE = "baseline";
const BASELINE_LABEL = "baseline (simulated)";

export interface Evaluation {
  readonly comparison: Comparison;
  readonly workload: Workload;
  /** In the order of the comparison: those measured, then the baseline. */
  readonly results: readonly RunResult[];
  readonly measured: readonly Measured[];
  /** Set where it was stopped: how many calls of the workload are over, and who was left out. */
  readonly stopped?: { readonly over: number; readonly of: number; readonly leftOut: readonly string[] };
}

/** Errors: `UsageError`; where a scheduler cannot be reached, those of `schedulerReady`; `cancelled`: nothing measured. */
export async function evaluate(
  values: EvaluateValues,
  source: WorkloadSource,
  watcher: Watcher,
  cwd: string,
): Promise<Evaluation> {
  const { targets, cluster, settings } = evaluatePlan(values, cwd);
  const workload = await source.load(values.seed, watcher.onNote);
  const measured: Measured[] = [];
  let soFar = workload;
  const { signal } = watcher;
  for (const target of targets) {
    if (signal.aborted) break;
    const one = await measure(target, { values, workload, cluster, settings, watcher }).catch((error) => {
      if (signal.aborted && measured.length > 0) return undefined;
      throw error;
    });
    // Runs that are compared have the same calls: a part of one is told only where there is nothing else.
    if (!one) break;
    const { load, ...rest } = one;
    const isWhole = load.over.every((over) => over === 1);
    if (!isWhole && measured.length > 0) break;
    measured.push(rest);
    if (!isWhole) soFar = workloadSoFar(workload, load);
  }
  const leftOut = targets.map(({ name }) => name).filter((name) => !measured.some((one) => one.name === name));
  const isStopped = leftOut.length > 0 || soFar !== workload;
  const stopped = isStopped ? { over: soFar.calls.count, of: workload.calls.count, leftOut } : undefined;
  if (stopped && stopped.over === 0) throw new PlatformError("cancelled", "stopped before any call was over");
  const { seed, weights } = values;
  const baseline = {
    ...await simulate({
      ...{ workload: soFar, seed, policy: POLICIES[BASELINE](), cluster },
      onProgress: (over, of) => watcher.onProgress(BASELINE_LABEL, over / of),
    }),
    policy: BASELINE_LABEL,
  };
  const results = [...measured.map(({ result }) => result), baseline];
  const runs = results.map(metricsOf);
  const floors = floorsOf(soFar, { nodeMemoryBytes: cluster.nodeMemoryBytes });
  const comparison = compare(soFar, [{ seed, baseline: runs[runs.length - 1], floors, runs }], weights);
  return { comparison, workload, results, measured, stopped };
}
