/** The adaptive policy in full and with each of its ideas switched off in turn, on the same calls. */
import { ABLATIONS, adaptive } from "../../policy/mod.ts";
import { WEIGHTS_EVEN, WEIGHTS_FAST } from "../../simulator/mod.ts";
import { compare, type ComparedPolicy, type Comparison } from "../../simulator/report/mod.ts";
import { nearest } from "../suggest.ts";
import { UsageError } from "../usage_error.ts";
import { clusterOptions, type RunValues } from "./sim_flags.ts";
import { runVariants, type Watcher } from "./simulations.ts";
import type { WorkloadSource } from "./workload_source.ts";

/** With nothing switched off. */
export const FULL = "full";

/** Figures of one variant: means over the seeds. */
export interface Scores {
  /** Scores at 0.5/0.5 and at 0.75/0.25 of response time and node time. */
  readonly scoreEven: number;
  readonly scoreFast: number;
  readonly responseRatio: number;
  readonly nodeRatio: number;
  readonly coldStarts: number;
  readonly containersCreated: number;
  readonly oomKills: number;
  readonly failed: number;
}

/** How much worse the score is than the full policy's, of the same seeds; the deviation is a sample's. */
export interface Difference {
  readonly mean: number;
  readonly deviation: number;
}

export interface AblatedPolicy extends Scores {
  /** The idea that is switched off, or {@linkcode FULL}. */
  readonly off: string;
  readonly without: string;
  readonly differenceEven: Difference;
  readonly differenceFast: Difference;
}

export interface AblationResult {
  readonly workload: Comparison["workload"];
  readonly calls: number;
  readonly seeds: readonly number[];
  readonly policies: readonly AblatedPolicy[];
}

/** Runs the full policy and, without each of the ideas in `off`, the rest of it. Throws `UsageError`. */
export async function runAblation(
  values: RunValues & { readonly off: readonly string[] },
  source: WorkloadSource,
  watcher: Watcher,
): Promise<AblationResult> {
  const ablations = chosen(values.off);
  const variants = [
    { name: FULL, policy: () => adaptive() },
    ...ablations.map(({ name, options }) => ({ name, policy: () => adaptive(options) })),
  ];
  const runs = await runVariants({ variants, seeds: values.seed, cluster: clusterOptions(values), source, watcher });
  const even = compare(runs.workload, runs.seeds, WEIGHTS_EVEN);
  const fast = compare(runs.workload, runs.seeds, WEIGHTS_FAST);
  const { workload, calls, seeds } = even;
  const texts = ["all of the policy", ...ablations.map(({ without }) => without)];
  const policies = variants.map(({ name }, at) => ({
    off: name,
    without: texts[at],
    ...scoresOf(even.policies[at], fast.policies[at]),
    differenceEven: differenceOf(even.policies[at], even.policies[0]),
    differenceFast: differenceOf(fast.policies[at], fast.policies[0]),
  }));
  return { workload, calls, seeds, policies };
}

/** One policy's figures under both weights. */
export function scoresOf(even: ComparedPolicy, fast: ComparedPolicy): Scores {
  const { responseRatio, nodeRatio, coldStarts, containersCreated, oomKills, failed } = even;
  return {
    ...{ scoreEven: even.score, scoreFast: fast.score },
    ...{ responseRatio, nodeRatio, coldStarts, containersCreated, oomKills, failed },
  };
}

function differenceOf({ scores }: ComparedPolicy, full: ComparedPolicy): Difference {
  const differences = scores.map((score, seed) => score - full.scores[seed]);
  const mean = differences.reduce((sum, one) => sum + one, 0) / differences.length;
  const squares = differences.reduce((sum, one) => sum + (one - mean) ** 2, 0);
  return { mean, deviation: Math.sqrt(squares / Math.max(1, differences.length - 1)) };
}

function chosen(off: readonly string[]) {
  const names = ABLATIONS.map(({ name }) => name);
  for (const name of off) {
    if (names.includes(name)) continue;
    const meant = nearest(name, names);
    const hint = meant ? `; did you mean ${meant}?` : "";
    throw new UsageError(`--off is "${name}", must be one of ${names.join(", ")}${hint}`);
  }
  return ABLATIONS.filter(({ name }) => off.includes(name));
}
