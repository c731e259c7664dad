/** Sizes, durations and moments as people write and read them. */
import { GIB, KIB, MIB } from "../base/mod.ts";

const BYTES: Record<string, number> = { "": 1, B: 1, KiB: KIB, MiB: MIB, GiB: GIB };
const MILLIS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 };

/** Bytes of `512MiB`, `1.5GiB`, `1024`; undefined for anything else. */
export function parseSize(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s?(B|KiB|MiB|GiB|)$/.exec(text);
  const bytes = match ? Number(match[1]) * BYTES[match[2]] : NaN;
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** Milliseconds of `500ms`, `30s`, `1.5m`, `2h`, `0`; undefined for anything else. */
export function parseDuration(text: string): number | undefined {
  if (text === "0") return 0;
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text);
  const ms = match ? Number(match[1]) * MILLIS[match[2]] : NaN;
  return Number.isSafeInteger(ms) ? ms : undefined;
}

/** `512MiB`, `1.5GiB`, `100B`: with at most one decimal, rounded. */
export function formatSize(bytes: number): string {
  for (const [unit, scale] of [["GiB", GIB], ["MiB", MIB], ["KiB", KIB]] as const) {
    if (bytes >= scale) return `${Math.round(bytes / scale * 10) / 10}${unit}`;
  }
  return `${bytes}B`;
}

/** `250ms`, `30s`, `5m`, `2h`, exact: what {@linkcode parseDuration} reads as the same. */
export function formatDuration(ms: number): string {
  for (const [unit, scale] of [["h", 3_600_000], ["m", 60_000], ["s", 1_000]] as const) {
    if (ms >= scale && ms % scale === 0) return `${ms / scale}${unit}`;
  }
  return ms === 0 ? "0s" : `${ms}ms`;
}

/** How long ago, in one unit: `3s`, `12m`, `5h`, `9d`. */
export function formatAge(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 2 * 86_400) return `${Math.floor(seconds / 3_600)}h`;
  return `${Math.floor(seconds / 86_400)}d`;
}
