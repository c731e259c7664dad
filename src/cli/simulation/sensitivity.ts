/** The adaptive policy and its main rivals on clusters other than the reference environment. */
import { MIB } from "../../base/mod.ts";
import { POLICIES } from "../../policy/mod.ts";
import { type ClusterOptions, DEFAULT_CLUSTER, SLOW_START, WEIGHTS_EVEN, WEIGHTS_FAST } from "../../simulator/mod.ts";
import { compare, type Comparison } from "../../simulator/report/mod.ts";
import { type Scores, scoresOf } from "./ablation.ts";
import { clusterOptions, type RunValues } from "./sim_flags.ts";
import { runVariants, type Watcher } from "./simulations.ts";
import type { WorkloadSource } from "./workload_source.ts";

/** The policy in question, and those that come closest to it. */
const JUDGED = "adaptive";
const RIVALS = ["memory-share", "spread-and-classify", "fixed-keepalive-60s", "hybrid-histogram"];

interface Setting {
  readonly name: string;
  /** What is otherwise, given the cluster that the flags ask for. */
  readonly change: (cluster: ClusterOptions) => Partial<ClusterOptions>;
}

const startTimes = (factor: number): Setting["change"] => ({ startDelayMs, startCpuMs }) => ({
  startDelayMs: startDelayMs * factor,
  startCpuMs: startCpuMs * factor,
});

const SETTINGS: readonly Setting[] = [
  { name: "as given", change: () => ({}) },
  { name: "starts take half", change: startTimes(0.5) },
  { name: "starts take double", change: startTimes(2) },
  { name: "starts take 3.5 s", change: () => SLOW_START },
  { name: "containers hold 60 MiB", change: () => ({ idleBytes: 60 * MIB }) },
  { name: "no overcommit", change: () => ({ overcommitMax: 1 }) },
];

export interface SensitivePolicy extends Scores {
  readonly policy: string;
}

export interface SensitivityResult {
  readonly workload: Comparison["workload"];
  readonly calls: number;
  readonly seeds: readonly number[];
  readonly settings: readonly {
    readonly setting: string;
    readonly policies: readonly SensitivePolicy[];
    /** Whether adaptive's score is below every rival's. */
    readonly winsEven: boolean;
    readonly winsFast: boolean;
  }[];
}

/** Runs all of them under every setting; the baseline too, since it is slower where starts are. */
export async function runSensitivity(
  values: RunValues,
  source: WorkloadSource,
  watcher: Watcher,
): Promise<SensitivityResult> {
  const variants = [JUDGED, ...RIVALS].map((name) => ({ name, policy: POLICIES[name] }));
  const given: Partial<ClusterOptions> = clusterOptions(values);
  const settings: SensitivityResult["settings"][number][] = [];
  let told: Pick<SensitivityResult, "workload" | "calls" | "seeds"> | undefined;
  for (const { name, change } of SETTINGS) {
    const cluster = { ...given, ...change({ ...DEFAULT_CLUSTER, ...given }) };
    const runs = await runVariants({
      ...{ variants, seeds: values.seed, cluster, source },
      watcher: {
        onNote: told ? () => {} : watcher.onNote,
        onProgress: (what, share) => watcher.onProgress(`${name}, ${what}`, share),
      },
    });
    const even = compare(runs.workload, runs.seeds, WEIGHTS_EVEN);
    const fast = compare(runs.workload, runs.seeds, WEIGHTS_FAST);
    const policies = even.policies.map((one, at) => ({ policy: one.policy, ...scoresOf(one, fast.policies[at]) }));
    const [judged, ...rivals] = policies;
    settings.push({
      ...{ setting: name, policies },
      winsEven: rivals.every(({ scoreEven }) => judged.scoreEven < scoreEven),
      winsFast: rivals.every(({ scoreFast }) => judged.scoreFast < scoreFast),
    });
    told ??= { workload: even.workload, calls: even.calls, seeds: even.seeds };
  }
  return { ...told!, settings };
}
