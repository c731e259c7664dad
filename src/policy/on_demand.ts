import { leastRecentlyUsed } from "./least_recently_used.ts";
import type { FunctionDemand, IdleContainer, IdleNode, Policy } from "./policy.ts";

export interface OnDemandOptions {
  /** How long an idle container is kept, in milliseconds. */
  readonly containerIdleMs: number;
  /** How long a node without containers is kept, in milliseconds. */
  readonly nodeIdleMs: number;
  /** Containers of every function, once it was used, that are kept however long they idle. */
  readonly containersMin: number;
  /** Nodes held however long they idle. */
  readonly nodesMin: number;
  /** Invocations in one container at once, where a function's owner allows more; without it as many as that. */
  readonly concurrencyMax?: number;
}

/**
 * One permit per waiting invocation, a fixed keep-alive, and the longest idle removed first: what a person expects
 * who has set nothing.
 */
export function onDemand(options: OnDemandOptions): Policy {
  return {
    name: "on-demand",

    containersToStart({ waiting, concurrency, starting, warm }: FunctionDemand): number {
      const forWaiting = Math.ceil(waiting / concurrency) - starting;
      const forMinimum = options.containersMin - starting - warm;
      return Math.max(0, forWaiting, forMinimum);
    },

    concurrency: ({ concurrencyMax }) => Math.min(concurrencyMax, options.concurrencyMax ?? concurrencyMax),

    keepContainer({ idleMs, warm }: IdleContainer): boolean {
      return warm <= options.containersMin || idleMs < options.containerIdleMs;
    },

    keepNode({ idleMs, nodes }: IdleNode): boolean {
      return nodes <= options.nodesMin || idleMs < options.nodeIdleMs;
    },

    makeRoom: leastRecentlyUsed,
  };
}
