import type { FunctionDemand } from "../policy.ts";
import { CONCURRENCY_SEEN_MAX } from "./concurrency_seen.ts";
import type { Learnt } from "./learnt.ts";
import type { AdaptiveOptions } from "./options.ts";
import type { Worth } from "./worth.ts";

/** How many containers of `fn` to start now. */
export function containersToStart(fn: Learnt, demand: FunctionDemand, worth: Worth, options: AdaptiveOptions): number {
  const { waiting, inFlight, concurrency, warm, starting } = demand;
  const { startMs } = worth;
  const have = warm + starting;
  const present = waiting + inFlight;
  let wanted = fn.isKnown
    ? fn.containersWorth(worth, demand.nowMs)
    : Math.max(have, Math.min(present, options.firstContainersMax));
  if (fn.isKnown && waiting > 0) {
    wanted = Math.max(wanted, forBacklog(present, concurrency, have, startMs / Math.max(1, fn.meanMs)));
  }
  // Whatever was learnt of how long runs take: they do not end, so there are twice as many containers.
  if (fn.stalledMs(demand) > options.stalledStarts * startMs && starting === 0) {
    wanted = Math.max(wanted, have + Math.min(Math.ceil(waiting / concurrency), Math.max(1, have)));
  }
  const missing = Math.max(0, wanted - have);
  return waiting > 0 ? missing : Math.min(missing, Math.max(0, options.startsAheadMax - starting));
}

/** As many containers that what is present need not wait longer than a start, which is `startRuns` runs long. */
function forBacklog(present: number, concurrency: number, have: number, startRuns: number): number {
  const most = Math.min(Math.ceil(present / concurrency), CONCURRENCY_SEEN_MAX);
  let containers = Math.max(1, have);
  while (containers < most && present / (containers * concurrency) - 1 > startRuns) containers++;
  return containers;
}
