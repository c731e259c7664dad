/** What a run looked like over time, in as many steps as a picture has room for. */
import { type RunResult, type Span, type Steps, stepsOf } from "../score/mod.ts";

/** One value for each of equally long stretches of time. */
export type Samples = Float64Array;

/** The mean of a step function in each of `count` stretches from 0 to `endMs`. */
export function meanSamples({ atMs, values }: Steps, endMs: number, count: number): Samples {
  const samples = new Float64Array(count);
  const width = endMs / count;
  for (let i = 0; i < atMs.length; i++) {
    const fromMs = Math.min(endMs, atMs[i]), toMs = Math.min(endMs, atMs[i + 1] ?? endMs);
    if (values[i] === 0 || toMs <= fromMs) continue;
    const last = Math.min(count - 1, Math.floor(toMs / width));
    for (let at = Math.floor(fromMs / width); at <= last && at < count; at++) {
      const part = Math.min(toMs, (at + 1) * width) - Math.max(fromMs, at * width);
      if (part > 0) samples[at] += values[i] * part / width;
    }
  }
  return samples;
}

/** The greatest value of a step function in each stretch. */
export function peakSamples({ atMs, values }: Steps, endMs: number, count: number): Samples {
  const samples = new Float64Array(count);
  const width = endMs / count;
  for (let i = 0; i < atMs.length; i++) {
    const fromMs = atMs[i], toMs = Math.min(endMs, atMs[i + 1] ?? endMs);
    if (toMs <= fromMs) continue;
    const last = Math.min(count - 1, Math.ceil(toMs / width) - 1);
    for (let at = Math.floor(fromMs / width); at <= last; at++) samples[at] = Math.max(samples[at], values[i]);
  }
  return samples;
}

/** When calls run in containers. */
export function* runSpans({ workload, calls, containers }: RunResult): Generator<Span & { container: number }, void> {
  for (let i = 0; i < workload.calls.count; i++) {
    const container = calls.container[i];
    if (container < 0) continue;
    const fromMs = workload.calls.atMs[i] + calls.acquireMs[i];
    const toMs = Math.min(fromMs + calls.executionMs[i], containers[container].removedMs);
    yield { fromMs, toMs, amount: 1, container };
  }
}

/** Stretches of each container in which so many calls run in it at once; those without are left out. */
export function busySpans(result: RunResult): Span[][] {
  const own: Span[][] = result.containers.map(() => []);
  for (const { container, ...span } of runSpans(result)) own[container].push(span);
  return own.map((spans) => {
    const { atMs, values } = stepsOf(spans);
    return values.flatMap((amount, i) => amount > 0 ? [{ fromMs: atMs[i], toMs: atMs[i + 1], amount }] : []);
  });
}

/** Nodes held, and containers by what they do, over time. */
export interface RunSeries {
  readonly nodes: Samples;
  readonly busy: Samples;
  readonly idle: Samples;
  readonly starting: Samples;
}

/** The series of a run in `count` stretches. */
export function seriesOf(result: RunResult, count: number): RunSeries {
  const { nodes, containers, endMs } = result;
  const mean = (spans: Iterable<Span>) => meanSamples(stepsOf(spans), endMs, count);
  const busy = mean(busySpans(result).flat().map((span) => ({ ...span, amount: 1 })));
  const starting = mean(containers.map(({ createdMs, readyMs, removedMs }) => ({
    fromMs: createdMs,
    toMs: Math.min(readyMs, removedMs),
    amount: 1,
  })));
  const alive = mean(containers.map(({ createdMs, removedMs }) => ({ fromMs: createdMs, toMs: removedMs, amount: 1 })));
  return {
    nodes: peakSamples(
      stepsOf(nodes.map(({ reservedMs, releasedMs }) => ({ fromMs: reservedMs, toMs: releasedMs, amount: 1 }))),
      endMs,
      count,
    ),
    busy,
    starting,
    idle: alive.map((value, i) => Math.max(0, value - busy[i] - starting[i])),
  };
}
