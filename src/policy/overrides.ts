import type { Policy } from "./policy.ts";

/** What a person may decide whatever the policy thinks of it; what is left out stays the policy's. */
export interface PolicyOverrides {
  /** Containers of every function, once it was used, that are kept however long they idle. */
  readonly containersMin?: number;
  /** How long a node without containers is kept, in milliseconds. */
  readonly nodeIdleMs?: number;
}

/** The policy, but for what is overridden. */
export function override(policy: Policy, { containersMin = 0, nodeIdleMs }: PolicyOverrides): Policy {
  return {
    ...policy,
    containersToStart(demand) {
      const { waiting, starting, warm, leaving } = demand;
      const isUsed = waiting + starting + warm + leaving > 0;
      return Math.max(policy.containersToStart(demand), isUsed ? containersMin - starting - warm : 0);
    },
    keepContainer: (idle) => idle.warm <= containersMin || policy.keepContainer(idle),
    keepNode: (idle) => nodeIdleMs === undefined ? policy.keepNode(idle) : idle.idleMs < nodeIdleMs,
  };
}
