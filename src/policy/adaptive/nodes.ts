import type { ClusterFacts } from "../policy.ts";
import type { AdaptiveOptions } from "./options.ts";

type DrainOptions = Pick<AdaptiveOptions, "drainFactor" | "drainSpareKiB" | "nodeHeldMsMin">;

/** The emptiest node, where what is on it fits on the others with room to spare; else −1. */
export function nodeToDrain({ nodes }: ClusterFacts, options: DrainOptions): number {
  let emptiest = -1;
  let leastKiB = Infinity;
  let freeKiB = 0;
  nodes.forEach(({ capacityKiB, freeKiB: free, heldMs }, index) => {
    freeKiB += free;
    const usedKiB = capacityKiB - free;
    if (heldMs <= options.nodeHeldMsMin || usedKiB >= leastKiB) return;
    emptiest = index;
    leastKiB = usedKiB;
  });
  if (emptiest < 0 || nodes.length < 2) return -1;
  const elsewhereKiB = freeKiB - nodes[emptiest].freeKiB;
  return leastKiB * options.drainFactor + options.drainSpareKiB < elsewhereKiB ? emptiest : -1;
}
