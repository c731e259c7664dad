/** Random draws that workloads are made of. */
import { assert, type Random } from "../../base/mod.ts";

/** Least, mean and greatest of some amount. */
export interface Spread {
  readonly min: number;
  readonly mean: number;
  readonly max: number;
}

/** An exponentially distributed number with this mean: the time between events that know nothing of one another. */
export function exponential(random: Random, mean: number): number {
  return -mean * Math.log(1 - random.float());
}

/** A number in `[min, max)`, each as likely. */
export function uniform(random: Random, min: number, max: number): number {
  return min + (max - min) * random.float();
}

/** A number from `min` to `max` whose logarithm is uniform: as many between 1 and 10 as between 10 and 100. */
export function logUniform(random: Random, min: number, max: number): number {
  assert(min > 0 && max >= min, `log-uniform from ${min} to ${max}`);
  return min * Math.exp(random.float() * Math.log(max / min));
}

/**
 * A number from `min` to `max` with this mean: `min + (max − min) · uᵏ`, whose mean is `min + (max − min) / (k + 1)`.
 * A mean near `min` makes most small and a few large, one near `max` the other way round.
 */
export function skewed(random: Random, { min, mean, max }: Spread): number {
  if (mean <= min || max <= min) return min;
  if (mean >= max) return max;
  return min + (max - min) * random.float() ** ((max - mean) / (mean - min));
}

/**
 * `count` {@linkcode skewed} numbers that have exactly this least, mean (to within rounding) and greatest value. Fewer
 * than three numbers, or a mean that so few cannot have beside the extremes, come as near as they can.
 */
export function fitted(random: Random, count: number, spread: Spread): number[] {
  const { min, mean, max } = spread;
  assert(min <= mean && mean <= max, `a mean of ${mean} is not between ${min} and ${max}`);
  const values = Array.from({ length: count }, () => skewed(random, spread));
  if (count < 3 || min === max) return fitMean(values, 0, spread);
  // Two hold the extremes, wherever chance puts them; the others carry the mean.
  values[0] = min;
  values[1] = max;
  fitMean(values, 2, { min, max, mean: (mean * count - min - max) / (count - 2) });
  return shuffle(random, values);
}

/** Moves the values from index `from` on within their bounds until their mean is the wanted one, or as near as can be. */
function fitMean(values: number[], from: number, { min, mean, max }: Spread): number[] {
  const count = values.length - from;
  if (count <= 0) return values;
  const wanted = Math.min(max, Math.max(min, mean)) * count;
  let sum = 0;
  for (let i = from; i < values.length; i++) sum += values[i];
  const missing = wanted - sum;
  const room = missing > 0 ? max * count - sum : sum - min * count;
  if (room <= 0) return values;
  const part = Math.abs(missing) / room;
  for (let i = from; i < values.length; i++) {
    const moved = values[i] + (missing > 0 ? max - values[i] : min - values[i]) * part;
    values[i] = Math.min(max, Math.max(min, moved));
  }
  return values;
}

/** As {@linkcode fitted} in whole numbers, with exactly this sum. */
export function fittedCounts(random: Random, count: number, sum: number, min: number, max: number): number[] {
  assert(sum >= count * min && sum <= count * max, `${count} numbers from ${min} to ${max} cannot add up to ${sum}`);
  const values = fitted(random, count, { min, max, mean: sum / count }).map(Math.round);
  let missing = sum - values.reduce((a, b) => a + b, 0);
  // What rounding has changed is spread over values that are at no extreme, so that both extremes stay.
  const isInner = (value: number) => value > min && value < max;
  const step = Math.sign(missing);
  let inner = values.flatMap((value, i) => isInner(value) && isInner(value + step) ? [i] : []);
  for (; missing !== 0 && inner.length > 0; missing -= step) {
    const at = random.below(inner.length);
    values[inner[at]] += step;
    if (!isInner(values[inner[at]] + step)) inner = inner.filter((_, i) => i !== at);
  }
  for (let i = 0; missing !== 0; i = (i + 1) % count) {
    if (values[i] + step < min || values[i] + step > max) continue;
    values[i] += step;
    missing -= step;
  }
  return values;
}

/** Puts `values` in an order of chance, in place. */
export function shuffle<T>(random: Random, values: T[]): T[] {
  for (let i = values.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [values[i], values[j]] = [values[j], values[i]];
  }
  return values;
}

/** A distribution of which some percentiles are known: straight lines between them. */
export interface Percentiles {
  /** Rising, from 0 to 100. */
  readonly at: readonly number[];
  /** The value at each, not falling. */
  readonly values: readonly number[];
}

/** A number from the distribution that has these percentiles. */
export function fromPercentiles(random: Random, { at, values }: Percentiles): number {
  const wanted = random.float() * 100;
  let i = 1;
  while (i < at.length - 1 && at[i] < wanted) i++;
  const share = Math.min(1, Math.max(0, (wanted - at[i - 1]) / (at[i] - at[i - 1])));
  return values[i - 1] + (values[i] - values[i - 1]) * share;
}

/**
 * Times from 0 to `durationMs` of events that know nothing of one another, at `rateAt(ms)` a millisecond, at most
 * `rateMax`: candidates come at the greatest rate and stay with the share that the rate has at their moment.
 */
export function* poissonTimes(
  random: Random,
  durationMs: number,
  rateMax: number,
  rateAt: (atMs: number) => number = () => rateMax,
): Generator<number, void> {
  assert(rateMax > 0, `a rate of ${rateMax} has no events`);
  for (let atMs = exponential(random, 1 / rateMax); atMs < durationMs; atMs += exponential(random, 1 / rateMax)) {
    const rate = rateAt(atMs);
    assert(rate <= rateMax * (1 + 1e-9), `a rate of ${rate} is above the greatest, ${rateMax}`);
    if (random.float() * rateMax < rate) yield atMs;
  }
}
