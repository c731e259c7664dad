/** Runs policies on workloads and puts them side by side. */
import { POLICIES, type Policy } from "../../policy/mod.ts";
import { type ClusterOptions, floorsOf, metricsOf, type RunResult, simulate } from "../../simulator/mod.ts";
import { compare, type Comparison, type SeedRuns } from "../../simulator/report/mod.ts";
import type { OnNote, Workload } from "../../simulator/workloads/mod.ts";
import { clusterOptions, policyNames, type SimValues } from "./sim_flags.ts";
import type { WorkloadSource } from "./workload_source.ts";

/** What scores are measured against; runs in any case. */
const BASELINE = "baseline";

export interface Simulations extends Runs {
  readonly comparison: Comparison;
}

/** What was run: every variant with every seed. */
export interface Runs {
  readonly seeds: readonly SeedRuns[];
  /** Of the first seed, in the order of the variants. */
  readonly workload: Workload;
  readonly results: readonly RunResult[];
  /** Events of virtual time in all. */
  readonly events: number;
}

/** A policy under the name that reports show. */
export interface Variant {
  readonly name: string;
  /** Makes a fresh one. */
  readonly policy: () => Policy;
}

export interface RunOptions {
  readonly variants: readonly Variant[];
  readonly seeds: readonly number[];
  readonly cluster: Partial<ClusterOptions>;
  readonly source: WorkloadSource;
  readonly watcher: Watcher;
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
  const variants = policyNames(values).map((name) => ({ name, policy: () => POLICIES[name](values) }));
  const runs = await runVariants({ variants, seeds: values.seed, cluster: clusterOptions(values), source, watcher });
  return { ...runs, comparison: compare(runs.workload, runs.seeds, values.weights) };
}

/** Runs every variant, and the baseline, with every seed. */
export async function runVariants({ variants, seeds, cluster, source, watcher }: RunOptions): Promise<Runs> {
  const all: SeedRuns[] = [];
  let first: { workload: Workload; results: readonly RunResult[] } | undefined;
  let events = 0;
  for (const seed of seeds) {
    watcher.onProgress(`seed ${seed}, workload`, 0);
    const workload = await source.load(seed, first ? () => {} : watcher.onNote);
    const runOne = async ({ name, policy }: Variant): Promise<RunResult> => {
      const run = await simulate({
        ...{ workload, seed, policy: policy(), cluster },
        onProgress: (over, of) => watcher.onProgress(`seed ${seed}, ${name}`, over / of),
      });
      events += run.events;
      // The name it was asked for by, whatever it calls itself.
      return { ...run, policy: name };
    };
    const results: RunResult[] = [];
    for (const variant of variants) {
      watcher.onProgress(`seed ${seed}, ${variant.name}`, 0);
      results.push(await runOne(variant));
    }
    const runs = results.map(metricsOf);
    const at = variants.findIndex(({ name }) => name === BASELINE);
    const baseline = at >= 0 ? runs[at] : metricsOf(await runOne({ name: BASELINE, policy: POLICIES[BASELINE] }));
    const { nodeMemoryBytes, idleBytes: containerIdleBytes } = cluster;
    all.push({ seed, baseline, floors: floorsOf(workload, { nodeMemoryBytes, containerIdleBytes }), runs });
    // Of later seeds only the figures are kept.
    first ??= { workload, results };
  }
  return { ...first!, seeds: all, events };
}
