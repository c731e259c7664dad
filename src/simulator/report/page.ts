/** The report as one page that stands alone: no script, nothing fetched from elsewhere. */
import { assert } from "../../base/mod.ts";
import type { RunResult } from "../score/mod.ts";
import { functionsChart, shownFunctions } from "./charts/functions_chart.ts";
import { busiestView, ganttChart } from "./charts/gantt_chart.ts";
import { scoreChart } from "./charts/score_chart.ts";
import { timelineChart } from "./charts/timeline_chart.ts";
import { waitsChart } from "./charts/waits_chart.ts";
import type { ComparedPolicy, Comparison } from "./comparison.ts";
import { formatCount, formatMs, formatRatio } from "./format.ts";
import { PAGE_STYLE, policyColor } from "./style.ts";
import { escapeText } from "./svg.ts";

const SIMULATED = "Simulated in virtual time with the production scheduler.";

/**
 * A page about a comparison; `results` are the runs of its first seed, in the order of its policies. `how` tells where
 * the figures come from.
 */
export function reportPage(comparison: Comparison, results: readonly RunResult[], how = SIMULATED): string {
  assert(results.length === comparison.policies.length, "not every policy has its run");
  const { workload, calls, seeds } = comparison;
  const title = `${workload.name}: ${results.map(({ policy }) => policy).join(", ")}`;
  const seedText = seeds.length === 1 ? `seed ${seeds[0]}` : `mean of ${seeds.length} seeds (${seeds.join(", ")})`;
  const ofFirst = seeds.length === 1 ? "" : ` Seed ${seeds[0]}.`;
  const sections = [
    section("Score", scoreText(comparison), scoreTable(comparison)),
    section("Less waiting, fewer nodes", CORNER_TEXT, scoreChart(comparison)),
    section("Nodes and containers over time", TIMELINE_TEXT + ofFirst, timelineLegend() + timelineChart(results)),
    section("How long calls waited", WAITS_TEXT + ofFirst, legend(comparison) + waitsChart(results)),
    section(
      "Each function against the baseline",
      functionsText(comparison),
      legend(comparison) + functionsChart(comparison),
    ),
    section("One node, one minute", GANTT_TEXT + ofFirst, timelineLegend() + gantts(results)),
  ];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escapeText(title)}</title>
<style>${PAGE_STYLE}</style>
</head>
<body>
<main>
<h1>${escapeText(workload.name)}</h1>
<p>${formatCount(calls)} calls of ${formatCount(workload.functions)} functions in ${formatMs(workload.durationMs)}, ${
    escapeText(seedText)
  }. ${escapeText(how)}</p>
${sections.join("\n")}
</main>
</body>
</html>
`;
}

const CORNER_TEXT =
  "Each point is a policy. Left is fewer node hours, down is shorter response times; a policy that stands left of and " +
  "below another one is better in both.";
const TIMELINE_TEXT = "Left: nodes held, which is what is paid for. Right: what the containers on them do.";
const WAITS_TEXT =
  "From a call's arrival to the container that takes it, the longest waits at the right. A line further down is better.";
const GANTT_TEXT =
  "For each policy the node and minute with most to see. A row is a container; the more calls run in it at once, " +
  "the stronger its colour.";

function scoreText({ weights }: Comparison): string {
  const { responseTime, nodeTime } = weights;
  return `Score = ${responseTime} × response time + ${nodeTime} × node time, both as a share of the baseline's. Lower is ` +
    "better; the baseline itself has 1. The floor is what no policy can be better than.";
}

function functionsText(comparison: Comparison): string {
  const shown = shownFunctions(comparison).length;
  const some = shown < comparison.functions.length ? ` The ${shown} functions with most calls.` : "";
  return `Response time of a function, the baseline's being 1; further left is better. The small line is the floor.${some}`;
}

function section(title: string, text: string, content: string): string {
  return `<section><h2>${escapeText(title)}</h2><p>${escapeText(text)}</p>${content}</section>`;
}

function legend({ policies }: Comparison): string {
  const items = policies.map(({ policy }, at) => `<span>${dot(policyColor(at))}${escapeText(policy)}</span>`);
  return `<div class="legend">${items.join("")}</div>`;
}

function timelineLegend(): string {
  const items = [["busy", "a call runs in it"], ["starting", "it starts"], ["idle", "it waits for calls"]];
  return `<div class="legend">${
    items.map(([name, text]) => `<span>${dot(`var(--${name})`)}${text}</span>`).join("")
  }</div>`;
}

function dot(color: string): string {
  return `<span class="dot" style="background:${color}"></span>`;
}

/** A column of the table; where `isBest`, the least value stands out. */
interface Column {
  readonly heading: string;
  readonly value: (one: ComparedPolicy) => number;
  readonly format: (value: number) => string;
  readonly isBest?: boolean;
  readonly floor?: (floor: Comparison["floor"]) => number;
}

const COLUMNS: readonly Column[] = [
  { heading: "score", value: (one) => one.score, format: formatRatio, isBest: true, floor: (one) => one.score },
  {
    heading: "response time",
    value: (one) => one.responseRatio,
    format: formatRatio,
    isBest: true,
    floor: (one) => one.responseRatio,
  },
  {
    heading: "node time",
    value: (one) => one.nodeRatio,
    format: formatRatio,
    isBest: true,
    floor: (one) => one.nodeRatio,
  },
  { heading: "cold starts", value: (one) => one.coldStarts, format: formatCount },
  { heading: "wait p50", value: (one) => one.waitP50Ms, format: formatMs },
  { heading: "p99", value: (one) => one.waitP99Ms, format: formatMs },
  { heading: "longest", value: (one) => one.waitMaxMs, format: formatMs },
  { heading: "errors", value: (one) => one.failed, format: formatCount },
  { heading: "OOM kills", value: (one) => one.oomKills, format: formatCount },
  {
    heading: "node-seconds",
    value: (one) => one.nodeSeconds,
    format: formatCount,
    floor: (one) => one.nodeSeconds,
  },
  { heading: "most nodes", value: (one) => one.nodesPeak, format: formatCount },
  { heading: "wasted GiB·s", value: (one) => one.wastedGiBSeconds, format: formatCount },
];

function scoreTable({ policies, floor }: Comparison): string {
  const least = COLUMNS.map(({ value }) => Math.min(...policies.map(value)));
  const rows = policies.map((one, at) => {
    const cells = COLUMNS.map(({ value, format, isBest }, i) => {
      const best = isBest && policies.length > 1 && value(one) === least[i] ? ` class="best"` : "";
      return `<td${best}>${format(value(one))}</td>`;
    });
    return `<tr><td>${dot(policyColor(at))}${escapeText(one.policy)}</td>${cells.join("")}</tr>`;
  });
  const floorCells = COLUMNS.map(({ floor: of, format }) => `<td>${of ? format(of(floor)) : ""}</td>`);
  rows.push(`<tr class="floor"><td>floor</td>${floorCells.join("")}</tr>`);
  const headings = COLUMNS.map(({ heading }) => `<th>${heading}</th>`);
  return `<div class="scroll"><table><tr><th></th>${headings.join("")}</tr>${rows.join("")}</table></div>`;
}

function gantts(results: readonly RunResult[]): string {
  return results.map((result) => {
    const view = busiestView(result);
    const name = escapeText(result.policy);
    if (!view) return `<h3>${name}</h3><p>It held no node.</p>`;
    const where = `node ${view.node + 1} of ${result.nodes.length}, from ${formatMs(view.fromMs)}`;
    return `<h3>${name}: ${where}</h3>${ganttChart(result, view)}`;
  }).join("");
}
