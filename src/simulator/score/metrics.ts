/** A run's figures: costs for the score, and what a person asks next. */
import { assert, GIB } from "../../base/mod.ts";
import { ANSWER_MS_MAX, type Costs } from "./score.ts";
import { peakOf, stepsOf } from "./steps.ts";
import { OUTCOME, type OutcomeName, type RunResult, START } from "./types.ts";

/** Quantiles of waiting times: exact, from all of them. */
export interface Waits {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

export interface FunctionMetrics {
  readonly label: string;
  readonly calls: number;
  readonly failed: number;
  readonly coldStarts: number;
  /** Σ and mean of acquire latency + execution time. */
  readonly responseMs: number;
  readonly meanResponseMs: number;
  readonly meanWaitMs: number;
  readonly waits: Waits;
}

export interface RunMetrics extends Costs {
  readonly policy: string;
  readonly calls: number;
  /** Calls that waited for a container's start. */
  readonly coldStarts: number;
  readonly containersCreated: number;
  /** From a call's arrival to the answer of acquire. */
  readonly waits: Waits;
  readonly failed: number;
  readonly outcomes: Readonly<Record<OutcomeName, number>>;
  /** Containers that were stopped for their memory. */
  readonly oomKills: number;
  readonly nodeSeconds: number;
  /** The most nodes held at once. */
  readonly nodesPeak: number;
  /** ∫ memory of containers in which nothing runs, starts included. */
  readonly wastedGiBSeconds: number;
  /** One for each function of the workload. */
  readonly functions: readonly FunctionMetrics[];
}

const OUTCOME_NAMES = Object.keys(OUTCOME) as OutcomeName[];

/**
 * How long a call counts to have waited. One that never got a container counts with 60 s, refused or unanswered: an
 * early "no" must not look better than a late "yes".
 */
export function waitMsOf({ calls }: RunResult, call: number): number {
  const outcome = calls.outcome[call];
  if (outcome === OUTCOME.unanswered || outcome === OUTCOME.refused) return ANSWER_MS_MAX;
  return Math.min(ANSWER_MS_MAX, calls.acquireMs[call]);
}

/** Acquire latency + execution time of a call, as the score counts it. */
export function responseMsOf(result: RunResult, call: number): number {
  return waitMsOf(result, call) + (isAnswered(result, call) ? result.calls.executionMs[call] : 0);
}

/** Whether it had a container within 60 s. */
function isAnswered({ calls }: RunResult, call: number): boolean {
  const outcome = calls.outcome[call];
  return outcome !== OUTCOME.unanswered && outcome !== OUTCOME.refused && calls.acquireMs[call] <= ANSWER_MS_MAX;
}

/** Whether the score counts it as failed. */
export function isFailed(result: RunResult, call: number): boolean {
  return result.calls.outcome[call] !== OUTCOME.ok || !isAnswered(result, call);
}

/** All figures of a run. */
export function metricsOf(result: RunResult): RunMetrics {
  const { workload: { functions, calls: { count, functionIndex } }, calls } = result;
  const counts = functions.map(() => ({ calls: 0, failed: 0, coldStarts: 0, responseMs: 0, waitMs: 0 }));
  const waitMs = new Float64Array(count);
  const outcomes = new Array<number>(OUTCOME_NAMES.length).fill(0);
  for (let i = 0; i < count; i++) {
    const one = counts[functionIndex[i]];
    waitMs[i] = waitMsOf(result, i);
    assert(waitMs[i] >= 0 && calls.executionMs[i] >= 0, `call ${i} took ${waitMs[i]} + ${calls.executionMs[i]} ms`);
    one.calls++;
    one.waitMs += waitMs[i];
    one.responseMs += responseMsOf(result, i);
    one.failed += isFailed(result, i) ? 1 : 0;
    one.coldStarts += calls.start[i] === START.cold ? 1 : 0;
    outcomes[calls.outcome[i]]++;
  }
  const waitsByFunction = splitByFunction(result, waitMs);
  const failed = counts.reduce((sum, one) => sum + one.failed, 0);
  const nodeMs = result.nodes.reduce((sum, { reservedMs, releasedMs }) => sum + releasedMs - reservedMs, 0);
  const held = result.nodes.map(({ reservedMs, releasedMs }) => ({ fromMs: reservedMs, toMs: releasedMs, amount: 1 }));
  return {
    policy: result.policy,
    calls: count,
    responseMs: counts.map((one) => one.calls === 0 ? undefined : one.responseMs),
    nodeMs,
    failedShare: count === 0 ? 0 : failed / count,
    coldStarts: counts.reduce((sum, one) => sum + one.coldStarts, 0),
    containersCreated: result.containers.length,
    waits: waitsOf(waitMs),
    failed,
    outcomes: Object.fromEntries(
      OUTCOME_NAMES.map((name) => [name, outcomes[OUTCOME[name]]]),
    ) as RunMetrics["outcomes"],
    oomKills: result.containers.reduce((sum, one) => sum + (one.outOfMemory ? 1 : 0), 0),
    nodeSeconds: nodeMs / 1_000,
    nodesPeak: peakOf(stepsOf(held)),
    wastedGiBSeconds: wastedByteMs(result) / GIB / 1_000,
    functions: counts.map((one, i) => ({
      label: functions[i].label,
      calls: one.calls,
      failed: one.failed,
      coldStarts: one.coldStarts,
      responseMs: one.responseMs,
      meanResponseMs: one.calls === 0 ? 0 : one.responseMs / one.calls,
      meanWaitMs: one.calls === 0 ? 0 : one.waitMs / one.calls,
      waits: waitsOf(waitsByFunction[i]),
    })),
  };
}

/** Sorts `waitMs` in place. */
function waitsOf(waitMs: Float64Array): Waits {
  waitMs.sort();
  return { p50Ms: quantile(waitMs, 0.5), p99Ms: quantile(waitMs, 0.99), maxMs: quantile(waitMs, 1) };
}

/** The smallest of the sorted values that at least the share `q` does not exceed; 0 where there are none. */
function quantile(sorted: Float64Array, q: number): number {
  return sorted.length === 0 ? 0 : sorted[Math.max(1, Math.ceil(q * sorted.length)) - 1];
}

function splitByFunction({ workload: { functions, calls } }: RunResult, values: Float64Array): Float64Array[] {
  const sizes = new Uint32Array(functions.length);
  for (let i = 0; i < calls.count; i++) sizes[calls.functionIndex[i]]++;
  const parts = Array.from(sizes, (size) => new Float64Array(size));
  sizes.fill(0);
  for (let i = 0; i < calls.count; i++) {
    const at = calls.functionIndex[i];
    parts[at][sizes[at]++] = values[i];
  }
  return parts;
}

/** Memory × time of containers less the time in which at least one call runs in them. */
function wastedByteMs({ workload, calls, containers, endMs }: RunResult): number {
  const startMs = Float64Array.from(calls.acquireMs, (ms, i) => workload.calls.atMs[i] + ms);
  const ran = Uint32Array.from({ length: startMs.length }, (_, i) => i).filter((i) => calls.container[i] >= 0);
  ran.sort((a, b) => startMs[a] - startMs[b]);
  const busyMs = new Float64Array(containers.length);
  const busyUntilMs = new Float64Array(containers.length);
  for (const i of ran) {
    const at = calls.container[i];
    const untilMs = Math.min(startMs[i] + calls.executionMs[i], containers[at].removedMs);
    busyMs[at] += Math.max(0, untilMs - Math.max(startMs[i], busyUntilMs[at]));
    busyUntilMs[at] = Math.max(busyUntilMs[at], untilMs);
  }
  return containers.reduce((sum, { createdMs, removedMs, memoryBytes }, i) => {
    const idleMs = Math.min(removedMs, endMs) - createdMs - busyMs[i];
    assert(idleMs > -1e-3, `container ${i} is busy for ${-idleMs} ms more than it lives`);
    return sum + Math.max(0, idleMs) * memoryBytes;
  }, 0);
}
