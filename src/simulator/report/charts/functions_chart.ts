import type { ComparedFunction, Comparison } from "../comparison.ts";
import { formatCount, formatMs, formatRatio } from "../format.ts";
import { policyColor } from "../style.ts";
import { element, label, logarithmic, picture, tip } from "../svg.ts";

const WIDTH = 1000, ROW_HEIGHT = 22, TOP = 30, BOTTOM_HEIGHT = 12;
const LEFT = 190, RIGHT = 985;
/** More rows than a person looks at. */
const ROWS_MAX = 40;

/** The functions that the picture shows: those that are called most, in the workload's order. */
export function shownFunctions({ functions }: Comparison): ComparedFunction[] {
  const called = functions.filter(({ calls }) => calls > 0);
  if (called.length <= ROWS_MAX) return called;
  const shown = new Set([...called].sort((a, b) => b.calls - a.calls).slice(0, ROWS_MAX));
  return called.filter((one) => shown.has(one));
}

/** Response time of each function, the baseline's being 1; a small line marks what no policy can be better than. */
export function functionsChart(comparison: Comparison): string {
  const rows = shownFunctions(comparison);
  const ratios = rows.flatMap(({ floorRatio, policies }) => [floorRatio, ...policies.map((one) => one.responseRatio)]);
  const known = ratios.filter((ratio) => ratio !== undefined && ratio > 0 && ratio < Infinity) as number[];
  const low = Math.max(0.05, Math.min(0.5, ...known) / 1.1), high = Math.min(100, Math.max(2, ...known) * 1.1);
  const x = logarithmic(low, high, LEFT, RIGHT);
  const height = TOP + rows.length * ROW_HEIGHT + BOTTOM_HEIGHT;
  const parts: string[] = [];
  for (const value of [0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100]) {
    if (value < low || value > high) continue;
    const isOne = value === 1;
    parts.push(element("line", { class: isOne ? "one" : "grid", x1: x(value), x2: x(value), y1: TOP - 8, y2: height }));
    parts.push(label(x(value), TOP - 14, isOne ? "baseline" : `× ${value}`, { "text-anchor": "middle" }));
  }
  rows.forEach((row, index) => {
    const y = TOP + (index + 0.5) * ROW_HEIGHT;
    parts.push(element("line", { class: "grid", x1: LEFT, x2: RIGHT, y1: y, y2: y }));
    parts.push(label(4, y + 4, row.label, { class: "strong" }));
    parts.push(label(LEFT - 12, y + 4, `${formatCount(row.calls)} calls`, { "text-anchor": "end" }));
    if (row.floorRatio !== undefined) {
      const line = element("line", {
        x1: x(row.floorRatio),
        x2: x(row.floorRatio),
        y1: y - 7,
        y2: y + 7,
        stroke: "var(--soft)",
      });
      parts.push(element("g", { "stroke-width": 2 }, tip(`floor: × ${formatRatio(row.floorRatio)}`) + line));
    }
    row.policies.forEach((one, at) => {
      if (one.responseRatio === undefined) return;
      const { policy } = comparison.policies[at];
      const times = `${formatMs(one.meanResponseMs)} a call, of which ${formatMs(one.meanWaitMs)} waiting`;
      const text = `${row.label}, ${policy}: × ${formatRatio(one.responseRatio)}; ${times}`;
      const dot = element("circle", {
        cx: x(one.responseRatio),
        cy: y,
        r: 4.5,
        fill: policyColor(at),
        "fill-opacity": 0.85,
      });
      parts.push(element("g", {}, tip(text) + dot));
    });
  });
  return picture(WIDTH, height, "Response time of each function against the baseline", parts.join(""));
}
