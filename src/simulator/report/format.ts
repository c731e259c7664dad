/** Figures as people read them. */

/** `0.4 ms`, `37 ms`, `1.24 s`, `61 s`, `20m 23s`, `3h 5m`. */
export function formatMs(ms: number): string {
  if (ms === 0) return "0 ms";
  if (ms < 0.05) return "<0.1 ms";
  if (ms < 10) return `${trim(ms, 1)} ms`;
  if (ms < 999.5) return `${Math.round(ms)} ms`;
  if (ms < 9_995) return `${trim(ms / 1_000, 2)} s`;
  if (ms < 119_500) return `${Math.round(ms / 1_000)} s`;
  const seconds = Math.round(ms / 1_000);
  const minutes = Math.floor(seconds / 60);
  if (minutes < 120) return `${minutes}m${seconds % 60 === 0 ? "" : ` ${seconds % 60}s`}`;
  return `${Math.floor(minutes / 60)}h${minutes % 60 === 0 ? "" : ` ${minutes % 60}m`}`;
}

/** `73,156`; with decimals only below 100, as means over seeds have them. */
export function formatCount(value: number): string {
  const rounded = value < 100 ? Math.round(value * 10) / 10 : Math.round(value);
  return rounded.toLocaleString("en-US");
}

/** `0.551`: scores and ratios. */
export function formatRatio(value: number): string {
  return Number.isFinite(value) ? value.toFixed(3) : "∞";
}

function trim(value: number, digits: number): string {
  return String(Number(value.toFixed(digits)));
}
