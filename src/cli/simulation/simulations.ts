/** Runs policies on workloads and puts them side by side. */
import { POLICIES } from "../../policy/mod.ts";
import { floorsOf, metricsOf, type RunResult, simulate } from "../../simulator/mod.ts";
import { compare, type Comparison, type SeedRuns } from "../../simulator/report/mod.ts";
import type { OnNote, Workload } from "../../simulator/workloads/mod.ts";
import { clusterOptions, policyNames, type SimValues } from "./sim_flags.ts";
import type { WorkloadSource } from "./workload_source.ts";

/** What scores are measured against; runs in any case. */
const BASELINE = "baseline";

export interface Simulations {
  readonly comparison: Comparison;
  /** Of the first seed, in the order of the policies. */
  readonly workload: Workload;
  readonly results: readonly RunResult[];
  /** Events of virtual time in all. */
  readonly events: number;
}

export interface Watcher {
  readonly onNote: OnNote;
  /** A run goes on: `share` of its calls are over. */
  readonly onProgress: (what: string, share: number) => void;
}

/** Runs every policy with every seed. Throws `UsageError` for a policy or workload that is none. */
export async function runSimulations(
  values: SimValues,
  source: WorkloadSource,
  watcher: Watcher,
): Promise<Simulations> {
  const names = policyNames(values);
  const all: SeedRuns[] = [];
  let first: { workload: Workload; results: readonly RunResult[] } | undefined;
  let events = 0;
  for (const seed of values.seed) {
    watcher.onProgress(`seed ${seed}, workload`, 0);
    const workload = await source.load(seed, first ? () => {} : watcher.onNote);
    const runOne = async (name: string): Promise<RunResult> => {
      const run = await simulate({
        ...{ workload, seed, policy: POLICIES[name](values), cluster: clusterOptions(values) },
        onProgress: (over, of) => watcher.onProgress(`seed ${seed}, ${name}`, over / of),
      });
      events += run.events;
      // The name it was asked for by, whatever it calls itself.
      return { ...run, policy: name };
    };
    const results: RunResult[] = [];
    for (const name of names) {
      watcher.onProgress(`seed ${seed}, ${name}`, 0);
      results.push(await runOne(name));
    }
    const runs = results.map(metricsOf);
    const at = names.indexOf(BASELINE);
    const baseline = at >= 0 ? runs[at] : metricsOf(await runOne(BASELINE));
    const { nodeMemory, containerMemory } = values;
    const floors = floorsOf(workload, { nodeMemoryBytes: nodeMemory, containerIdleBytes: containerMemory });
    all.push({ seed, baseline, floors, runs });
    // Of later seeds only the figures are kept.
    first ??= { workload, results };
  }
  return { comparison: compare(first!.workload, all, values.weights), ...first!, events };
}
