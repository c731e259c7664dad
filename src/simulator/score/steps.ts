/** Something that changes from moment to moment and stays in between: nodes held, containers, memory. */

/** A step function: `values[i]` holds from `atMs[i]` until `atMs[i + 1]`. */
export interface Steps {
  readonly atMs: readonly number[];
  readonly values: readonly number[];
}

/** A span that adds `amount` while it lasts. */
export interface Span {
  readonly fromMs: number;
  readonly toMs: number;
  readonly amount: number;
}

/** The sum of all spans over time, beginning with 0 at 0. Of changes at one moment only their sum shows. */
export function stepsOf(spans: Iterable<Span>): Steps {
  const changes: { atMs: number; by: number }[] = [];
  for (const { fromMs, toMs, amount } of spans) {
    if (!(toMs > fromMs)) continue;
    changes.push({ atMs: fromMs, by: amount });
    if (toMs < Infinity) changes.push({ atMs: toMs, by: -amount });
  }
  changes.sort((a, b) => a.atMs - b.atMs);
  const atMs = [0];
  const values = [0];
  let value = 0;
  changes.forEach((change, i) => {
    value += change.by;
    if (i + 1 < changes.length && changes[i + 1].atMs === change.atMs) return;
    if (change.atMs === 0) values[0] = value;
    else {
      atMs.push(change.atMs);
      values.push(value);
    }
  });
  return { atMs, values };
}

/** The greatest value. */
export function peakOf({ values }: Steps): number {
  return values.reduce((a, b) => Math.max(a, b), 0);
}

/** ∫ value dt from 0 to `endMs`. */
export function integralOf({ atMs, values }: Steps, endMs: number): number {
  let sum = 0;
  for (let i = 0; i < atMs.length && atMs[i] < endMs; i++) {
    sum += values[i] * (Math.min(endMs, atMs[i + 1] ?? endMs) - atMs[i]);
  }
  return sum;
}
