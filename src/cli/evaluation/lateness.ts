/** How late calls were sent against their schedule: where it is much, the machine was too busy to measure on. */
import { formatMs } from "../../simulator/report/mod.ts";

export interface Lateness {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** Of the workload's time: a tenth of a container's start. Beyond it calls come in other clusters than they should. */
const LATE_P99_MS_MAX = 50;

/** Quantiles of the first `count` values, exact. */
export function latenessOf(lateMs: Float64Array, count: number): Lateness {
  const sorted = lateMs.slice(0, count).sort();
  const quantile = (q: number) => count === 0 ? 0 : sorted[Math.max(1, Math.ceil(q * count)) - 1];
  return { p50Ms: quantile(0.5), p99Ms: quantile(0.99), maxMs: quantile(1) };
}

export function isTooLate({ p99Ms }: Lateness): boolean {
  return p99Ms > LATE_P99_MS_MAX;
}

/** A line for a person. */
export function latenessText(name: string, lateness: Lateness): string {
  const { p50Ms, p99Ms, maxMs } = lateness;
  const figures = `p50 ${formatMs(p50Ms)}, p99 ${formatMs(p99Ms)}, at most ${formatMs(maxMs)}`;
  return `${name}: calls were sent later than planned by ${figures} of the workload's time\n`;
}

export function latenessWarning(name: string, { p99Ms }: Lateness): string {
  return `warning: ${name}: calls were sent ${formatMs(p99Ms)} late at the 99th percentile, more than ` +
    `${LATE_P99_MS_MAX} ms: this machine was too busy, so do not trust these figures; try a quieter one, or a lower --speed\n`;
}
