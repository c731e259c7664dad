import { ANSWER_MS_MAX, type RunResult, waitMsOf } from "../../score/mod.ts";
import { formatMs } from "../format.ts";
import { policyColor } from "../style.ts";
import { element, label, logarithmic, picture, short, tip } from "../svg.ts";

const WIDTH = 1000, HEIGHT = 330;
const LEFT = 56, RIGHT = 985, TOP = 14, BOTTOM = 286;
const WAIT_MS_MIN = 1;
/** Where in the order of calls the lines have points: every so many steps of a factor of ten. */
const POINTS_PER_DECADE = 24;

/**
 * How long calls waited, the slowest at the right: at "1 in 100" stands what one call in a hundred waited longer than.
 * Both directions are logarithmic, so that the few long waits are as easy to see as the many short ones.
 */
export function waitsChart(results: readonly RunResult[]): string {
  const calls = Math.max(10, ...results.map(({ workload }) => workload.calls.count));
  const x = logarithmic(1, calls, LEFT, RIGHT), y = logarithmic(WAIT_MS_MIN, ANSWER_MS_MAX, BOTTOM, TOP);
  const parts: string[] = [];
  for (let one = 1; one <= calls; one *= 10) {
    const anchor = one === 1 ? "start" : one * 3 > calls ? "end" : "middle";
    parts.push(element("line", { class: "grid", x1: x(one), x2: x(one), y1: TOP, y2: BOTTOM }));
    const text = one === 1 ? "all calls" : `1 in ${one.toLocaleString("en-US")} waits longer`;
    parts.push(label(x(one), BOTTOM + 18, text, { "text-anchor": anchor }));
  }
  for (const ms of [1, 10, 100, 1_000, 10_000, 60_000]) {
    parts.push(element("line", { class: "grid", x1: LEFT, x2: RIGHT, y1: y(ms), y2: y(ms) }));
    parts.push(label(LEFT - 8, y(ms) + 4, ms === 1 ? "≤1 ms" : formatMs(ms), { "text-anchor": "end" }));
  }
  results.forEach((result, at) => {
    const waits = Float64Array.from({ length: result.workload.calls.count }, (_, i) => waitMsOf(result, i)).sort();
    if (waits.length === 0) return;
    let d = "";
    for (let step = 0;; step++) {
      const oneIn = Math.min(waits.length, 10 ** (step / POINTS_PER_DECADE));
      const index = Math.min(waits.length - 1, Math.floor(waits.length * (1 - 1 / oneIn)));
      d += `${step === 0 ? "M" : "L"}${short(x(oneIn))},${short(y(waits[index]))}`;
      if (oneIn === waits.length) break;
    }
    const line = element("path", { d, fill: "none", stroke: policyColor(at), "stroke-width": 2 });
    parts.push(
      element("g", {}, tip(`${result.policy}: the longest wait is ${formatMs(waits[waits.length - 1])}`) + line),
    );
  });
  return picture(WIDTH, HEIGHT, "How long calls waited under each policy", parts.join(""));
}
