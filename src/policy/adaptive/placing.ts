import type { FunctionDemand, HeldNodes, NodeFacts } from "../policy.ts";
import type { Learnt } from "./learnt.ts";
import type { AdaptiveOptions } from "./options.ts";

type PlaceOptions = Pick<AdaptiveOptions, "startsUncrowded" | "burstNodesMax" | "firstContainers" | "nodeHeldMsMin">;

/**
 * Where to start a container of `fn`. For those who wait, where fewest are being started, since starts crowd one another;
 * and while a function's need is unknown, on another node rather than in a crowd: the first burst of a function is worth
 * more than a few seconds of a node. What nobody waits for goes where it crowds nobody and where nodes are to stay. Of
 * nodes alike, what computes goes where least of it is, for a processor of its own, and the rest on the fullest.
 */
export function placeOn(
  fn: Learnt,
  { waiting }: FunctionDemand,
  nodes: readonly NodeFacts[],
  held: HeldNodes,
  options: PlaceOptions,
): number | "another" | "none" {
  const spreads = fn.isSlowedBySharing !== false;
  const isCalm = ({ starting }: NodeFacts) => starting < options.startsUncrowded;
  const youth = ({ heldMs }: NodeFacts) => waiting === 0 && heldMs < options.nodeHeldMsMin ? 1 : 0;
  const crowd = (node: NodeFacts) => waiting === 0 ? (isCalm(node) ? 0 : 1) : node.starting;
  const compare = (a: NodeFacts, b: NodeFacts) =>
    crowd(a) - crowd(b) || youth(a) - youth(b) || (spreads ? a.ofFunction - b.ofFunction : 0) || a.freeKiB - b.freeKiB;
  let best = 0;
  for (let i = 1; i < nodes.length; i++) if (compare(nodes[i], nodes[best]) < 0) best = i;
  if (isCalm(nodes[best])) return best;
  if (waiting === 0) return "none";
  if (fn.isKnown) return best;
  if (held.mayReserve && held.count < options.burstNodesMax) return "another";
  return fn.have < options.firstContainers ? best : "none";
}
