import type { RunResult } from "../../score/mod.ts";
import { formatCount, formatMs } from "../format.ts";
import { type Samples, seriesOf } from "../series.ts";
import { element, label, linear, picture, short, ticks, timeTicks, tip } from "../svg.ts";

const WIDTH = 1000, PANEL_HEIGHT = 92, GAP = 26, BOTTOM_HEIGHT = 24;
const NODES = { left: 34, right: 480 }, CONTAINERS = { left: 540, right: 990 };
/** About a sample a pixel. */
const SAMPLES = 450;

/** For each run: at the left the nodes held, at the right its containers by what they do. All runs in one scale. */
export function timelineChart(results: readonly RunResult[]): string {
  const all = results.map((result) => seriesOf(result, SAMPLES));
  const endMs = Math.max(...results.map((result) => result.endMs));
  const nodesMax = Math.max(1, ...all.flatMap(({ nodes }) => [...nodes]));
  const containersMax = Math.max(
    1,
    ...all.flatMap(({ busy, idle, starting }) => {
      return [...busy.map((value, i) => value + idle[i] + starting[i])];
    }),
  );
  const height = results.length * (PANEL_HEIGHT + GAP) + BOTTOM_HEIGHT;
  const parts = results.map((result, at) => {
    const top = at * (PANEL_HEIGHT + GAP) + GAP, bottom = top + PANEL_HEIGHT;
    const { nodes, busy, idle, starting } = all[at];
    const x = (panel: typeof NODES) => linear(0, endMs, panel.left, panel.right);
    const yNodes = linear(0, nodesMax, bottom, top), yContainers = linear(0, containersMax, bottom, top);
    const layer = (name: string, low: Samples, high: Samples) =>
      band(low, high, result.endMs, x(CONTAINERS), yContainers, name);
    const busyTop = busy, startingTop = busy.map((value, i) => value + starting[i]);
    const idleTop = startingTop.map((value, i) => value + idle[i]);
    const zero = new Float64Array(SAMPLES);
    return [
      label(NODES.left, top - 8, result.policy, { class: "strong" }),
      label(NODES.right, top - 8, `nodes, at most ${Math.max(...nodes)}`, { "text-anchor": "end" }),
      label(CONTAINERS.right, top - 8, `containers, at most ${formatCount(Math.round(Math.max(...idleTop)))}`, {
        "text-anchor": "end",
      }),
      grid(NODES, nodesMax, yNodes),
      grid(CONTAINERS, containersMax, yContainers),
      element(
        "g",
        {},
        tip(`${result.policy}: nodes held`) + band(zero, nodes, result.endMs, x(NODES), yNodes, "nodes"),
      ),
      element(
        "g",
        {},
        tip(`${result.policy}: containers busy, starting, idle`) +
          layer("busy", zero, busyTop) + layer("starting", busyTop, startingTop) + layer("idle", startingTop, idleTop),
      ),
    ].join("");
  });
  for (const panel of [NODES, CONTAINERS]) {
    const x = linear(0, endMs, panel.left, panel.right);
    for (const ms of timeTicks(endMs)) {
      parts.push(label(x(ms), height - 8, formatMs(ms), { "text-anchor": "middle" }));
    }
  }
  return picture(WIDTH, height, "Nodes and containers of each policy over time", parts.join(""));
}

function grid(panel: typeof NODES, max: number, y: (value: number) => number): string {
  return ticks(max, 3).map((value) =>
    element("line", { class: "grid", x1: panel.left, x2: panel.right, y1: y(value), y2: y(value) }) +
    label(panel.left - 6, y(value) + 4, formatCount(value), { "text-anchor": "end" })
  ).join("");
}

/** The area between two series, in steps. */
function band(
  low: Samples,
  high: Samples,
  endMs: number,
  x: (ms: number) => number,
  y: (value: number) => number,
  name: string,
): string {
  const width = endMs / SAMPLES;
  let there = "", back = "";
  for (let i = 0; i < SAMPLES; i++) {
    // What does not change needs no point of its own.
    if (i > 0 && high[i] === high[i - 1] && low[i] === low[i - 1]) continue;
    const at = short(x(i * width));
    there += i === 0 ? `M${at},${short(y(high[0]))}` : `H${at}V${short(y(high[i]))}`;
    back = i === 0 ? `V${short(y(low[0]))}H${at}Z` : `V${short(y(low[i]))}H${at}${back}`;
  }
  return element("path", { class: name, d: `${there}H${short(x(endMs))}${back}` });
}
