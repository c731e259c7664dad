import type { ClusterFacts } from "../policy.ts";
import type { AdaptiveOptions } from "./options.ts";

type DrainOptions = Pick<AdaptiveOptions, "drainFactor" | "drainSpareKiB" | "nodeHeldMsMin">;

/**
 * The emptiest of the nodes held for a while, where what is on it fits on the others of them with room to spare; else
 * −1. Of the young ones nobody knows yet whether they stay.
 */
export function nodeToDrain({ nodes, leavingKiB }: ClusterFacts, options: DrainOptions): number {
  let emptiest = -1;
  let leastKiB = Infinity;
  let freeKiB = 0;
  let settled = 0;
  nodes.forEach(({ capacityKiB, freeKiB: free, heldMs }, index) => {
    if (heldMs <= options.nodeHeldMsMin) return;
    settled++;
    freeKiB += free;
    const usedKiB = capacityKiB - free;
    // Of two alike the younger one.
    if (usedKiB > leastKiB) return;
    emptiest = index;
    leastKiB = usedKiB;
  });
  if (settled < 2) return -1;
  const elsewhereKiB = freeKiB - nodes[emptiest].freeKiB - leavingKiB;
  return leastKiB * options.drainFactor + options.drainSpareKiB < elsewhereKiB ? emptiest : -1;
}

/** How much of a new tick goes into what growth is taken to be. */
const GROWTH_WEIGHT = 0.02;

/** How fast containers take memory: a node more is reserved before there is none left. */
export class Growth {
  #usedKiB = 0;
  #atMs: number | undefined;
  #kibPerMs = 0;

  constructor(private readonly aheadMs: number) {}

  /** Nodes to hold; asked on every tick. */
  nodesWanted({ nowMs, nodes }: ClusterFacts): number {
    let usedKiB = 0, freeKiB = 0;
    for (const { capacityKiB, freeKiB: free } of nodes) {
      usedKiB += capacityKiB - free;
      freeKiB += free;
    }
    const ms = nowMs - (this.#atMs ?? nowMs);
    if (ms > 0) this.#kibPerMs += ((usedKiB - this.#usedKiB) / ms - this.#kibPerMs) * GROWTH_WEIGHT;
    this.#usedKiB = usedKiB;
    this.#atMs = nowMs;
    return nodes.length > 0 && this.#kibPerMs * this.aheadMs > freeKiB ? nodes.length + 1 : 0;
  }
}
