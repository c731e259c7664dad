/** When calls come: the rhythms of generated workloads. */
import type { Random } from "../../base/mod.ts";
import { exponential, logUniform, poissonTimes, uniform } from "./draw.ts";

/** All calls of a round arrive within this time. */
const ROUND_MS = 20;
/** A flash crowd is there after this time. */
const CROWD_RISE_MS = 2_000;

/** Calls that know nothing of one another, their mean interval drawn between a half and twice the given one. */
export function sparse(random: Random, durationMs: number, intervalMs: number): Iterable<number> {
  return poissonTimes(random, durationMs, 1 / logUniform(random, intervalMs / 2, intervalMs * 2));
}

/** Rounds of calls in a period of the function's own, between a quarter and four times the given one; 1 % jitter. */
export function* periodic(
  random: Random,
  durationMs: number,
  periodMs: number,
  callsPerRound: number,
): Generator<number, void> {
  const ownPeriodMs = logUniform(random, periodMs / 4, periodMs * 4);
  const perRound = 1 + random.below(2 * callsPerRound - 1);
  for (let roundMs = uniform(random, 0, ownPeriodMs); roundMs < durationMs - ROUND_MS;) {
    yield roundMs;
    for (let i = 1; i < perRound; i++) yield roundMs + uniform(random, 0, ROUND_MS);
    roundMs += ownPeriodMs * uniform(random, 0.99, 1.01);
  }
}

/** Quiet times without calls, and bursts of many: both of exponential length. */
export function* bursty(
  random: Random,
  durationMs: number,
  { quietMs, burstMs, intervalMs }: { quietMs: number; burstMs: number; intervalMs: number },
): Generator<number, void> {
  for (let atMs = exponential(random, quietMs); atMs < durationMs; atMs += exponential(random, quietMs)) {
    const endMs = Math.min(durationMs, atMs + exponential(random, burstMs));
    for (; atMs < endMs; atMs += exponential(random, intervalMs)) yield atMs;
  }
}

/** A load that rises and falls with the day, nearly all functions together: from a tenth of the mean to nearly twice. */
export function diurnal(random: Random, durationMs: number, dayMs: number, intervalMs: number): Iterable<number> {
  const mean = 1 / logUniform(random, intervalMs / 2, intervalMs * 2);
  const phase = uniform(random, -0.05, 0.05);
  const rateAt = (atMs: number) => mean * (1 - 0.9 * Math.cos(2 * Math.PI * (atMs / dayMs + phase)));
  return poissonTimes(random, durationMs, mean * 1.9, rateAt);
}

/** A steady load that at `crowdAtMs` becomes `factor` times as much within 2 s and fades, halved every `halfMs`. */
export function flashCrowd(
  random: Random,
  durationMs: number,
  { crowdAtMs, halfMs, factor, intervalMs }: { crowdAtMs: number; halfMs: number; factor: number; intervalMs: number },
): Iterable<number> {
  const mean = 1 / logUniform(random, intervalMs / 2, intervalMs * 2);
  const rateAt = (atMs: number) => {
    const sinceMs = atMs - crowdAtMs;
    if (sinceMs < 0) return mean;
    const more = sinceMs < CROWD_RISE_MS ? sinceMs / CROWD_RISE_MS : 0.5 ** ((sinceMs - CROWD_RISE_MS) / halfMs);
    return mean * (1 + (factor - 1) * more);
  };
  return poissonTimes(random, durationMs, mean * factor, rateAt);
}
