/** Policies side by side: what table, JSON and page are made from. */
import { assert } from "../../base/mod.ts";
import { type Costs, responseRatioOf, type RunMetrics, type Score, scoreOf, type Weights } from "../score/mod.ts";
import type { Workload } from "../workloads/mod.ts";

/** All runs with one seed: the same calls for each policy. */
export interface SeedRuns {
  readonly seed: number;
  /** What the others are measured against. */
  readonly baseline: Costs;
  readonly floors: Costs;
  /** In the order that the report shows them. */
  readonly runs: readonly RunMetrics[];
}

/** A line of the comparison: means over the seeds; of peaks and longest waits the greatest. */
export interface ComparedPolicy extends Score {
  readonly policy: string;
  /** Score of each seed. */
  readonly scores: readonly number[];
  readonly calls: number;
  readonly coldStarts: number;
  readonly containersCreated: number;
  readonly waitP50Ms: number;
  readonly waitP99Ms: number;
  readonly waitMaxMs: number;
  readonly failed: number;
  readonly oomKills: number;
  readonly nodeSeconds: number;
  readonly nodesPeak: number;
  readonly wastedGiBSeconds: number;
}

/** What no policy can be better than. */
export interface ComparedFloor extends Score {
  readonly nodeSeconds: number;
}

/** One function under every policy, means over the seeds, the policies in the comparison's order. */
export interface ComparedFunction {
  readonly label: string;
  readonly calls: number;
  /** Response time ÷ the baseline's of what no policy can be better than; undefined without calls. */
  readonly floorRatio: number | undefined;
  readonly policies: readonly {
    readonly meanResponseMs: number;
    readonly meanWaitMs: number;
    readonly waitP99Ms: number;
    readonly coldStarts: number;
    readonly failed: number;
    /** Response time ÷ the baseline's; undefined without calls. */
    readonly responseRatio: number | undefined;
  }[];
}

export interface Comparison {
  readonly workload: { readonly name: string; readonly functions: number; readonly durationMs: number };
  /** Mean over the seeds. */
  readonly calls: number;
  readonly seeds: readonly number[];
  readonly weights: Weights;
  readonly policies: readonly ComparedPolicy[];
  readonly floor: ComparedFloor;
  readonly functions: readonly ComparedFunction[];
}

/** Puts the runs of one workload, one or more seeds, side by side. */
export function compare(
  { name, functions, durationMs }: Workload,
  seeds: readonly SeedRuns[],
  weights: Weights,
): Comparison {
  assert(seeds.length > 0, "nothing to compare");
  const names = seeds[0].runs.map(({ policy }) => policy);
  for (const { runs } of seeds) {
    assert(runs.map(({ policy }) => policy).join() === names.join(), "not every seed has the same policies");
  }
  const floors = seeds.map(({ floors, baseline }) => scoreOf(floors, baseline, weights));
  return {
    workload: { name, functions: functions.length, durationMs },
    calls: meanOf(seeds, ({ runs }) => runs[0]?.calls ?? 0),
    seeds: seeds.map(({ seed }) => seed),
    weights,
    policies: names.map((policy, at) => comparePolicy(policy, at, seeds, weights)),
    floor: {
      score: meanOf(floors, ({ score }) => score),
      responseRatio: meanOf(floors, ({ responseRatio }) => responseRatio),
      nodeRatio: meanOf(floors, ({ nodeRatio }) => nodeRatio),
      nodeSeconds: meanOf(seeds, ({ floors }) => floors.nodeMs / 1_000),
    },
    functions: functions.map(({ label }, index) => compareFunction(label, index, seeds)),
  };
}

function comparePolicy(policy: string, at: number, seeds: readonly SeedRuns[], weights: Weights): ComparedPolicy {
  const runs = seeds.map(({ runs }) => runs[at]);
  const scores = seeds.map(({ runs, baseline }) => scoreOf(runs[at], baseline, weights));
  const mean = (of: (run: RunMetrics) => number) => meanOf(runs, of);
  const greatest = (of: (run: RunMetrics) => number) => runs.reduce((most, run) => Math.max(most, of(run)), 0);
  return {
    policy,
    score: meanOf(scores, ({ score }) => score),
    scores: scores.map(({ score }) => score),
    responseRatio: meanOf(scores, ({ responseRatio }) => responseRatio),
    nodeRatio: meanOf(scores, ({ nodeRatio }) => nodeRatio),
    calls: mean(({ calls }) => calls),
    coldStarts: mean(({ coldStarts }) => coldStarts),
    containersCreated: mean(({ containersCreated }) => containersCreated),
    waitP50Ms: mean(({ waits }) => waits.p50Ms),
    waitP99Ms: mean(({ waits }) => waits.p99Ms),
    waitMaxMs: greatest(({ waits }) => waits.maxMs),
    failed: mean(({ failed }) => failed),
    oomKills: mean(({ oomKills }) => oomKills),
    nodeSeconds: mean(({ nodeSeconds }) => nodeSeconds),
    nodesPeak: greatest(({ nodesPeak }) => nodesPeak),
    wastedGiBSeconds: mean(({ wastedGiBSeconds }) => wastedGiBSeconds),
  };
}

function compareFunction(label: string, index: number, seeds: readonly SeedRuns[]): ComparedFunction {
  const policies = seeds[0].runs.map((_, at) => {
    const runs = seeds.map(({ runs }) => runs[at].functions[index]);
    const ratios = seeds.map(({ runs, baseline }) =>
      responseRatioOf(runs[at].responseMs[index], baseline.responseMs[index])
    );
    return {
      meanResponseMs: meanOf(runs, (run) => run.meanResponseMs),
      meanWaitMs: meanOf(runs, (run) => run.meanWaitMs),
      waitP99Ms: meanOf(runs, (run) => run.waits.p99Ms),
      coldStarts: meanOf(runs, (run) => run.coldStarts),
      failed: meanOf(runs, (run) => run.failed),
      responseRatio: meanOfKnown(ratios),
    };
  });
  return {
    label,
    calls: meanOf(seeds, ({ runs }) => runs[0]?.functions[index].calls ?? 0),
    floorRatio: meanOfKnown(
      seeds.map(({ floors, baseline }) => responseRatioOf(floors.responseMs[index], baseline.responseMs[index])),
    ),
    policies,
  };
}

function meanOf<T>(values: readonly T[], of: (value: T) => number): number {
  return values.reduce((sum, value) => sum + of(value), 0) / values.length;
}

function meanOfKnown(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : meanOf(known, (value) => value);
}
