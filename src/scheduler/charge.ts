/** What containers take of their nodes' accounts. */
import type { NodeReport } from "./ports.ts";
import type { FunctionRecord, NodeRecord } from "./state.ts";

/** How far an agent lets the limits of its containers go beyond its memory, as a factor. One that does not say: not. */
export function admittedBy({ totalMemoryBytes, admittedMemoryBytes }: NodeReport): number {
  return totalMemoryBytes > 0 ? Math.max(1, admittedMemoryBytes / totalMemoryBytes) : 1;
}

/** The least that a container which may use `memoryKiB` is charged where so much may be overcommitted. */
export function chargeMinKiB(memoryKiB: number, overcommit: number): number {
  return Math.ceil(memoryKiB / overcommit);
}

/** What a container of the function is charged on this node, which may admit less than the scheduler would. */
export function chargeOn({ chargeKiB, facts }: FunctionRecord, { overcommit }: Pick<NodeRecord, "overcommit">): number {
  return Math.max(chargeKiB, chargeMinKiB(facts.memoryKiB, overcommit));
}
