import type { Comparison } from "../comparison.ts";
import { formatRatio } from "../format.ts";
import { policyColor } from "../style.ts";
import { placeLabels } from "./labels.ts";
import { element, label, linear, picture, ticks, tip } from "../svg.ts";

const WIDTH = 1000, HEIGHT = 400;
const LEFT = 56, RIGHT = 985, TOP = 16, BOTTOM = 352;
const STRONG = { class: "strong" };

/**
 * Response time against node time, one point for each policy: nearer to the corner at the left below is better in both.
 * Lines join what has the same score; the corner that no policy can reach is marked.
 */
export function scoreChart({ policies, floor, weights }: Comparison): string {
  const most = (of: (one: { responseRatio: number; nodeRatio: number }) => number) =>
    1.08 * Math.max(1, ...policies.map(of).filter(Number.isFinite), of(floor));
  const xMax = most((one) => one.nodeRatio), yMax = most((one) => one.responseRatio);
  const x = linear(0, xMax, LEFT, RIGHT), y = linear(0, yMax, BOTTOM, TOP);
  const parts: string[] = [];
  for (const value of ticks(xMax)) {
    parts.push(element("line", { class: "grid", x1: x(value), x2: x(value), y1: TOP, y2: BOTTOM }));
    parts.push(label(x(value), BOTTOM + 16, String(Number(value.toFixed(2))), { "text-anchor": "middle" }));
  }
  for (const value of ticks(yMax)) {
    parts.push(element("line", { class: "grid", x1: LEFT, x2: RIGHT, y1: y(value), y2: y(value) }));
    parts.push(label(LEFT - 8, y(value) + 4, String(Number(value.toFixed(2))), { "text-anchor": "end" }));
  }
  parts.push(label((LEFT + RIGHT) / 2, BOTTOM + 36, "node time ÷ baseline's", { "text-anchor": "middle" }));
  parts.push(label(0, 0, "response time ÷ baseline's", {
    "text-anchor": "middle",
    transform: `translate(14 ${(TOP + BOTTOM) / 2}) rotate(-90)`,
  }));
  parts.push(...isoScores(weights, xMax, yMax, x, y));
  parts.push(element("path", {
    d: `M${x(floor.nodeRatio)},${TOP}V${y(floor.responseRatio)}H${RIGHT}`,
    class: "one",
    fill: "none",
  }));
  parts.push(label(x(floor.nodeRatio) + 6, y(floor.responseRatio) + 14, "no policy can be left of or below this"));
  const points = policies.map((one) => ({ x: x(one.nodeRatio), y: y(one.responseRatio), text: one.policy }));
  const labels = placeLabels(points, { left: LEFT, right: RIGHT, top: TOP, bottom: BOTTOM });
  policies.forEach((one, at) => {
    const { x: cx, y: cy, text } = points[at];
    const place = labels[at];
    const content = [element("circle", { cx, cy, r: 6, fill: policyColor(at) }), label(place.x, place.y, text, STRONG)];
    if (place.isFar) {
      const line = { x1: cx, y1: cy, x2: place.x + (place.x > cx ? -3 : place.width + 3), y2: place.y - 4 };
      content.unshift(element("line", { ...line, stroke: policyColor(at), "stroke-opacity": 0.6 }));
    }
    const score = `score ${formatRatio(one.score)}`;
    const ratios = `response time ${formatRatio(one.responseRatio)}, node time ${formatRatio(one.nodeRatio)}`;
    parts.push(element("g", {}, tip(`${one.policy}: ${score}; ${ratios}`) + content.join("")));
  });
  return picture(WIDTH, HEIGHT, "Response time against node time of each policy", parts.join(""));
}

/** Lines of equal score, every fourth of the baseline's. */
function isoScores(
  { responseTime, nodeTime }: Comparison["weights"],
  xMax: number,
  yMax: number,
  x: (value: number) => number,
  y: (value: number) => number,
): string[] {
  if (responseTime === 0 || nodeTime === 0) return [];
  return [0.25, 0.5, 0.75, 1].flatMap((score) => {
    // Where the line enters and leaves the picture.
    const left = Math.min(yMax, score / responseTime), right = Math.min(xMax, score / nodeTime);
    const from = [(score - responseTime * left) / nodeTime, left];
    const to = [right, (score - nodeTime * right) / responseTime];
    const line = { x1: x(from[0]), y1: y(from[1]), x2: x(to[0]), y2: y(to[1]), stroke: "var(--line)" };
    // Written where the line enters at the left: there are no policies.
    return [element("line", line), label(x(from[0]) + 6, y(from[1]) - 4, `score ${score}`)];
  });
}
