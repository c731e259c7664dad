import type { Eviction, FunctionDemand, IdleContainer, IdleNode, Policy, RoomCandidate } from "./policy.ts";

export interface OnDemandOptions {
  /** How long an idle container is kept, in milliseconds. */
  readonly containerIdleMs: number;
  /** How long a node without containers is kept, in milliseconds. */
  readonly nodeIdleMs: number;
  /** Containers of every function, once it was used, that are kept however long they idle. */
  readonly containersMin: number;
  /** Nodes held however long they idle. */
  readonly nodesMin: number;
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

    keepContainer({ idleMs, warm }: IdleContainer): boolean {
      return warm <= options.containersMin || idleMs < options.containerIdleMs;
    },

    keepNode({ idleMs, nodes }: IdleNode): boolean {
      return nodes <= options.nodesMin || idleMs < options.nodeIdleMs;
    },

    makeRoom(needKiB: number, candidates: readonly RoomCandidate[]): Eviction | undefined {
      let best: (Eviction & { idleMs: number }) | undefined;
      candidates.forEach(({ freeKiB, idle }, candidate) => {
        const oldestFirst = idle.map((_, index) => index).sort((a, b) => idle[b].idleMs - idle[a].idleMs);
        const containers: number[] = [];
        let roomKiB = freeKiB;
        for (const index of oldestFirst) {
          if (roomKiB >= needKiB) break;
          containers.push(index);
          roomKiB += idle[index].kib;
        }
        if (roomKiB < needKiB || containers.length === 0) return;
        // The node whose youngest victim has idled longest loses the least.
        const idleMs = idle[containers[containers.length - 1]].idleMs;
        if (!best || idleMs > best.idleMs) best = { candidate, containers, idleMs };
      });
      return best;
    },
  };
}
