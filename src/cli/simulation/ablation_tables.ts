/** Ablation and sensitivity as tables on a terminal. */
import { formatCount, formatMs, formatRatio } from "../../simulator/report/mod.ts";
import { table } from "../table.ts";
import type { AblationResult, Difference, Scores } from "./ablation.ts";
import type { SensitivityResult } from "./sensitivity.ts";

interface Column {
  readonly heading: string;
  readonly cell: (one: Scores) => string;
}

const SCORES: readonly Column[] = [
  { heading: "0.5/0.5", cell: (one) => formatRatio(one.scoreEven) },
  { heading: "0.75/0.25", cell: (one) => formatRatio(one.scoreFast) },
];
const FIGURES: readonly Column[] = [
  { heading: "RT", cell: (one) => formatRatio(one.responseRatio) },
  { heading: "ND", cell: (one) => formatRatio(one.nodeRatio) },
  { heading: "COLD", cell: (one) => formatCount(one.coldStarts) },
  { heading: "OOM", cell: (one) => formatCount(one.oomKills) },
  { heading: "ERRORS", cell: (one) => formatCount(one.failed) },
];
const headingsOf = (columns: readonly Column[]) => columns.map(({ heading }) => heading);
const cellsOf = (columns: readonly Column[], one: Scores) => columns.map(({ cell }) => cell(one));

/** A line for each idea that is switched off, and what happens without it below. */
export function ablationTable(result: AblationResult): string {
  const { policies, seeds } = result;
  const differences = ["DIFF", "DIFF FAST"];
  const headings = [...headingsOf(SCORES), ...differences, ...headingsOf(FIGURES)];
  const rows = policies.map((one, at) => [
    at === 0 ? one.off : `− ${one.off}`,
    ...cellsOf(SCORES, one),
    ...[one.differenceEven, one.differenceFast].map((each) => at === 0 ? "" : signed(each, seeds.length)),
    ...cellsOf(FIGURES, one),
  ]);
  const words = table(["WITHOUT", "WHAT HAPPENS"], policies.slice(1).map(({ off, without }) => [off, without]));
  const spread = seeds.length > 1 ? ", ± its deviation over the seeds" : "";
  return `${
    headline(result)
  }DIFF: what the score is above the full policy's on the same calls${spread}; FAST: at 0.75/0.25\n\n` +
    `${table(["POLICY", ...headings], rows, headings)}\n${words}`;
}

/** A line for each policy under each setting, and whether adaptive wins. */
export function sensitivityTable(result: SensitivityResult): string {
  const columns = [...SCORES, ...FIGURES];
  const rows = result.settings.flatMap(({ setting, policies, winsEven, winsFast }) =>
    policies.map((one, at) => [
      at === 0 ? setting : "",
      one.policy,
      ...cellsOf(columns, one),
      at === 0 ? `${yesNo(winsEven)}, ${yesNo(winsFast)}` : "",
    ])
  );
  const wins = result.settings.reduce((sum, { winsEven, winsFast }) => sum + Number(winsEven) + Number(winsFast), 0);
  return `${headline(result)}\n${
    table(["SETTING", "POLICY", ...headingsOf(columns), "WINS"], rows, headingsOf(columns))
  }\n` +
    `adaptive has the best score in ${wins} of ${2 * result.settings.length} cases\n`;
}

function headline({ workload, calls, seeds }: Pick<AblationResult, "workload" | "calls" | "seeds">): string {
  const seedText = `${seeds.length === 1 ? "seed" : "mean of seeds"} ${seeds.join(", ")}`;
  return `${workload.name}: ${formatCount(calls)} calls of ${formatCount(workload.functions)} functions in ` +
    `${formatMs(workload.durationMs)}, ${seedText}\n` +
    "scores with response time and node time at 0.5/0.5 and 0.75/0.25, as shares of the baseline's; lower is better\n";
}

function signed({ mean, deviation }: Difference, seeds: number): string {
  const text = `${mean < 0 ? "−" : "+"}${formatRatio(Math.abs(mean))}`;
  return seeds > 1 ? `${text} ± ${formatRatio(deviation)}` : text;
}

const yesNo = (is: boolean) => is ? "yes" : "no";
