import { leastRecentlyUsed } from "./least_recently_used.ts";
import type { Policy } from "./policy.ts";

/** More starts at once than any node has room for: the baseline does not ration them. */
const STARTS_UNBOUNDED = 1 << 20;

/**
 * What every score is measured against: one invocation per container; an idle container of the function if there is
 * one, else a new one on the first node with room, else on a newly reserved node; the call that caused the creation
 * waits for that container. With no room and no node to be had, the longest idle containers on one node go. Nodes are
 * never released.
 */
export function baseline(): Policy {
  return {
    name: "baseline",
    binding: "early",
    startsPerNodeMax: STARTS_UNBOUNDED,
    // Those for whom one is being started are not counted among the waiting.
    containersToStart: ({ waiting }) => waiting,
    concurrency: () => 1,
    placeOn: () => 0,
    keepContainer: () => true,
    keepNode: () => true,
    makeRoom: leastRecentlyUsed,
  };
}
