/** The score that policies are judged by: response time and node time against a baseline's on the same workload. */
import { assert } from "../../base/mod.ts";

/** A call without an answer fails after this long, and counts with it. */
export const ANSWER_MS_MAX = 60_000;
/** More failed calls than this share … */
export const FAILED_SHARE_MAX = 0.001;
/** … add this to the score: worse than any policy that answers. */
export const FAILED_PENALTY = 10;
/** A function whose calls take less than this in all has taken this: ratios of nothing mean nothing. */
const RESPONSE_MS_MIN = 1;

/** What the two halves of the score count for. */
export interface Weights {
  readonly responseTime: number;
  readonly nodeTime: number;
}

/** The weights of the evaluation, both of which are looked at. */
export const WEIGHTS_EVEN: Weights = { responseTime: 0.5, nodeTime: 0.5 };
export const WEIGHTS_FAST: Weights = { responseTime: 0.75, nodeTime: 0.25 };

/** All that the score takes of a run. */
export interface Costs {
  /** Σ (acquire latency + execution time) over the calls of each function; undefined for one without calls. */
  readonly responseMs: readonly (number | undefined)[];
  /** Σ over nodes of the time from reservation to release. */
  readonly nodeMs: number;
  /** Failed calls as a share of all. */
  readonly failedShare: number;
}

export interface Score {
  /** Lower is better; the baseline's own is 1. */
  readonly score: number;
  /** Mean over functions of response time ÷ the baseline's. */
  readonly responseRatio: number;
  /** Node time ÷ the baseline's. */
  readonly nodeRatio: number;
}

/**
 * `responseTime · mean_i(RT_i / RT_i of the baseline) + nodeTime · ND / ND of the baseline`, and
 * {@linkcode FAILED_PENALTY} where more than {@linkcode FAILED_SHARE_MAX} of the calls failed.
 *
 * ```ts
 * import { scoreOf, WEIGHTS_EVEN } from "./score.ts";
 * const baseline = { responseMs: [5_000, 10_000], nodeMs: 40_000, failedShare: 0 };
 * const run = { responseMs: [4_000, 10_000], nodeMs: 20_000, failedShare: 0 };
 * console.assert(scoreOf(run, baseline, WEIGHTS_EVEN).score === 0.5 * 0.9 + 0.5 * 0.5);
 * ```
 */
export function scoreOf(run: Costs, baseline: Costs, weights: Weights): Score {
  assert(run.responseMs.length === baseline.responseMs.length, "run and baseline have not the same functions");
  const ratios: number[] = [];
  run.responseMs.forEach((ms, i) => {
    const baselineMs = baseline.responseMs[i];
    assert((ms === undefined) === (baselineMs === undefined), `function ${i} has calls in one of the runs only`);
    const ratio = responseRatioOf(ms, baselineMs);
    if (ratio !== undefined) ratios.push(ratio);
  });
  const responseRatio = ratios.length === 0 ? 1 : ratios.reduce((sum, ratio) => sum + ratio, 0) / ratios.length;
  const nodeRatio = baseline.nodeMs === 0 ? (run.nodeMs === 0 ? 1 : Infinity) : run.nodeMs / baseline.nodeMs;
  const penalty = run.failedShare > FAILED_SHARE_MAX ? FAILED_PENALTY : 0;
  const score = weights.responseTime * responseRatio + weights.nodeTime * nodeRatio + penalty;
  return { score, responseRatio, nodeRatio };
}

/** One function's response time ÷ the baseline's; undefined where it has no calls. */
export function responseRatioOf(ms: number | undefined, baselineMs: number | undefined): number | undefined {
  if (ms === undefined || baselineMs === undefined) return undefined;
  return Math.max(ms, RESPONSE_MS_MIN) / Math.max(baselineMs, RESPONSE_MS_MIN);
}
