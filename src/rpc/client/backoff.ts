/** How long to wait after connections that could not be made. */
import type { Random } from "../../base/mod.ts";
import { PAUSE_MS, PAUSE_MS_MAX } from "./limits.ts";

/**
 * The pause after so many failures in a row, in milliseconds: doubled with each up to a bound, then a random half to
 * the whole of it, so that clients that lost the same peer do not come back all at once.
 */
export function pauseAfter(failures: number, random: Random): number {
  const wholeMs = Math.min(PAUSE_MS_MAX, PAUSE_MS * 2 ** (failures - 1));
  return wholeMs * (0.5 + random.float() / 2);
}
