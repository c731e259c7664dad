import { MIB } from "../../../base/mod.ts";
import type { RunResult, Span } from "../../score/mod.ts";
import { formatMs } from "../format.ts";
import { busySpans } from "../series.ts";
import { element, label, linear, picture, timeTicks, tip } from "../svg.ts";

const WIDTH = 1000, ROW_HEIGHT = 17, TOP = 8, BOTTOM_HEIGHT = 24;
const LEFT = 150, RIGHT = 990;
/** Rows of a node full of small containers; more are not shown. */
const ROWS_MAX = 40;
/** Long enough for a few lives of a container, short enough to see single calls. */
const WINDOW_MS = 60_000;
/** Gaps that are less than half a pixel do not show anyway. */
const GAP_PIXELS = 0.5;

/** A node and a stretch of time to look at. */
export interface GanttView {
  readonly node: number;
  readonly fromMs: number;
  readonly toMs: number;
}

/** What a function's presence, a container's coming or going, and one call count for in what there is to see. */
const WEIGHTS = { function: 10, life: 3, call: 0.01 } as const;

/** The minute and node with most to see: many functions, containers that come and go, calls that run. */
export function busiestView(result: RunResult, windowMs = WINDOW_MS): GanttView | undefined {
  const { containers, nodes, endMs, calls, workload } = result;
  const windows = Math.max(1, Math.ceil(endMs / windowMs));
  const seen = new Map<number, { weight: number; readonly functions: Set<number> }>();
  let best = { key: -1, weight: -1 };
  const note = (container: number, atMs: number, weight: number) => {
    const { node, functionIndex } = containers[container];
    const key = node * windows + Math.min(windows - 1, Math.floor(Math.max(0, atMs) / windowMs));
    const one = seen.get(key) ?? { weight: 0, functions: new Set() };
    seen.set(key, one);
    one.weight += weight + (one.functions.has(functionIndex) ? 0 : WEIGHTS.function);
    one.functions.add(functionIndex);
    if (one.weight > best.weight) best = { key, weight: one.weight };
  };
  containers.forEach(({ createdMs, removedMs }, container) => {
    note(container, createdMs, WEIGHTS.life);
    if (removedMs < endMs) note(container, removedMs, WEIGHTS.life);
  });
  for (let i = 0; i < calls.container.length; i++) {
    if (calls.container[i] >= 0) note(calls.container[i], workload.calls.atMs[i] + calls.acquireMs[i], WEIGHTS.call);
  }
  if (best.key < 0) return nodes.length === 0 ? undefined : { node: 0, fromMs: 0, toMs: Math.min(endMs, windowMs) };
  const fromMs = (best.key % windows) * windowMs;
  return { node: Math.floor(best.key / windows), fromMs, toMs: Math.min(endMs, fromMs + windowMs) };
}

/** One node's containers, a row each: starting, idle, and busy, the stronger the more calls at once. */
export function ganttChart(result: RunResult, view: GanttView): string {
  const { workload: { functions }, containers } = result;
  const rows = containers.flatMap((container, index) =>
    container.node === view.node && container.createdMs < view.toMs && container.removedMs > view.fromMs ? [index] : []
  );
  const shown = rows.slice(0, ROWS_MAX);
  const x = linear(view.fromMs, view.toMs, LEFT, RIGHT);
  const height = TOP + Math.max(1, shown.length) * ROW_HEIGHT + BOTTOM_HEIGHT;
  const spans = busySpans(result);
  const parts: string[] = [];
  for (const ms of timeTicks(view.toMs - view.fromMs, 8)) {
    const at = x(view.fromMs + ms);
    parts.push(element("line", { class: "grid", x1: at, x2: at, y1: TOP, y2: height - BOTTOM_HEIGHT }));
    parts.push(label(at, height - 8, formatMs(view.fromMs + ms), { "text-anchor": "middle" }));
  }
  shown.forEach((index, row) => {
    const { functionIndex, memoryBytes, createdMs, readyMs, removedMs, outOfMemory } = containers[index];
    const y = TOP + row * ROW_HEIGHT + 2, h = ROW_HEIGHT - 4;
    const bar = (name: string, fromMs: number, toMs: number, opacity?: number) => {
      const from = x(Math.max(view.fromMs, fromMs)), width = x(Math.min(view.toMs, toMs)) - from;
      if (width <= 0) return "";
      return element("rect", {
        class: name,
        x: from,
        y,
        width: Math.max(0.4, width),
        height: h,
        "fill-opacity": opacity,
      });
    };
    const startedMs = Math.min(readyMs, removedMs);
    const { label: name } = functions[functionIndex];
    const lives = `${name}, ${Math.round(memoryBytes / MIB)} MiB, from ${formatMs(createdMs)} to ${
      formatMs(removedMs)
    }`;
    const end = outOfMemory ? "; stopped for its memory" : "";
    const start = readyMs < Infinity ? `; started in ${formatMs(readyMs - createdMs)}` : "";
    const busy = joined(spans[index], view).map(({ fromMs, toMs, amount }) => {
      return bar("busy", fromMs, toMs, Math.min(1, 0.7 + 0.1 * (amount - 1)));
    });
    const content = [bar("idle", startedMs, removedMs), bar("starting", createdMs, startedMs), ...busy];
    if (outOfMemory && removedMs <= view.toMs) content.push(label(x(removedMs) + 3, y + h - 2, "✕ out of memory"));
    parts.push(label(LEFT - 8, y + h - 2, name, { "text-anchor": "end" }));
    parts.push(element("g", {}, tip(lives + start + end) + content.join("")));
  });
  if (shown.length === 0) parts.push(label(LEFT, TOP + 14, "no container in this time"));
  const more = rows.length - shown.length;
  if (more > 0) parts.push(label(LEFT - 8, height - 8, `and ${more} more`, { "text-anchor": "end" }));
  return picture(WIDTH, height, `Containers of one node under ${result.policy}`, parts.join(""));
}

/** The spans within the view; neighbours of the same height with hardly a gap become one. */
function joined(spans: readonly Span[], { fromMs, toMs }: GanttView): Span[] {
  const gapMs = GAP_PIXELS * (toMs - fromMs) / (RIGHT - LEFT);
  const all: Span[] = [];
  for (const span of spans) {
    if (span.toMs < fromMs || span.fromMs > toMs) continue;
    const last = all.at(-1);
    if (last && last.amount === span.amount && span.fromMs - last.toMs < gapMs) {
      all[all.length - 1] = { ...last, toMs: span.toMs };
    } else all.push(span);
  }
  return all;
}
