/** A comparison as tables on a terminal. */
import {
  type ComparedPolicy,
  type Comparison,
  formatCount,
  formatMs,
  formatRatio,
} from "../../simulator/report/mod.ts";
import { table } from "../table.ts";

interface Column {
  readonly heading: string;
  readonly cell: (one: ComparedPolicy) => string;
  readonly floor?: (floor: Comparison["floor"]) => string;
}

const SCORE: Column = {
  heading: "SCORE",
  cell: (one) => formatRatio(one.score),
  floor: (one) => formatRatio(one.score),
};
const SPREAD: Column = { heading: "±", cell: ({ scores }) => formatRatio(deviation(scores)) };
const COLUMNS: readonly Column[] = [
  { heading: "RT", cell: (one) => formatRatio(one.responseRatio), floor: (one) => formatRatio(one.responseRatio) },
  { heading: "ND", cell: (one) => formatRatio(one.nodeRatio), floor: (one) => formatRatio(one.nodeRatio) },
  { heading: "COLD", cell: (one) => formatCount(one.coldStarts) },
  { heading: "WAIT P50", cell: (one) => formatMs(one.waitP50Ms) },
  { heading: "P99", cell: (one) => formatMs(one.waitP99Ms) },
  { heading: "MAX", cell: (one) => formatMs(one.waitMaxMs) },
  { heading: "ERRORS", cell: (one) => formatCount(one.failed) },
  { heading: "OOM", cell: (one) => formatCount(one.oomKills) },
  { heading: "NODE-S", cell: (one) => formatCount(one.nodeSeconds), floor: (one) => formatCount(one.nodeSeconds) },
  { heading: "PEAK", cell: (one) => formatCount(one.nodesPeak) },
  { heading: "WASTED GiB·S", cell: (one) => formatCount(one.wastedGiBSeconds) },
];

/** A line for each policy and one for the floor. */
export function policyTable({ policies, floor, seeds }: Comparison): string {
  const columns = [SCORE, ...(seeds.length > 1 ? [SPREAD] : []), ...COLUMNS];
  const rows = policies.map((one) => [one.policy, ...columns.map(({ cell }) => cell(one))]);
  rows.push(["floor", ...columns.map(({ floor: of }) => of?.(floor) ?? "")]);
  const headings = columns.map(({ heading }) => heading);
  return table(["POLICY", ...headings], rows, headings);
}

/** With more policies than this a function's line has no room for times. */
const POLICIES_WITH_TIMES = 4;

/**
 * A line for each function: its mean response time under every policy and that ÷ the baseline's, or with many policies
 * the latter only.
 */
export function functionTable({ functions, policies }: Comparison): string {
  const withTimes = policies.length <= POLICIES_WITH_TIMES;
  const ratioOf = (ratio: number | undefined) => ratio === undefined ? "" : `×${formatRatio(ratio)}`;
  const rows = functions.filter(({ calls }) => calls > 0).map((one) => [
    one.label,
    formatCount(one.calls),
    ratioOf(one.floorRatio),
    ...one.policies.map(({ meanResponseMs, responseRatio }) => {
      return (withTimes ? `${formatMs(meanResponseMs)} ` : "") + ratioOf(responseRatio);
    }),
  ]);
  const headings = ["CALLS", "FLOOR", ...policies.map(({ policy }) => policy)];
  const title = `${withTimes ? "mean response time, and that" : "response time"} ÷ the baseline's`;
  return `${title}\n${table(["FUNCTION", ...headings], rows, headings)}`;
}

/** What was run, in a line. */
export function headline({ workload, calls, seeds, weights }: Comparison): string {
  const seedText = `${seeds.length === 1 ? "seed" : "mean of seeds"} ${seeds.join(", ")}`;
  const { responseTime, nodeTime } = weights;
  return `${workload.name}: ${formatCount(calls)} calls of ${formatCount(workload.functions)} functions in ` +
    `${formatMs(workload.durationMs)}, ${seedText}\n` +
    `score = ${responseTime} × response time + ${nodeTime} × node time, as shares of the baseline's; lower is better\n`;
}

/** Standard deviation of a sample. */
function deviation(values: readonly number[]): number {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / Math.max(1, values.length - 1));
}
