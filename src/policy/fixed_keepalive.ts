import { leastRecentlyUsed } from "./least_recently_used.ts";
import type { Policy } from "./policy.ts";

export interface FixedKeepaliveOptions {
  /** How long an idle container is kept, in milliseconds. */
  readonly containerIdleMs: number;
  /** How long a node without containers is kept, in milliseconds. */
  readonly nodeIdleMs: number;
}

/** What most platforms do: one invocation per container, which goes after it has idled for a fixed time. */
export function fixedKeepalive({ containerIdleMs, nodeIdleMs }: FixedKeepaliveOptions): Policy {
  return {
    name: `fixed-keepalive-${Math.round(containerIdleMs / 1_000)}s`,
    containersToStart: ({ waiting, starting }) => Math.max(0, waiting - starting),
    concurrency: () => 1,
    keepContainer: ({ idleMs }) => idleMs < containerIdleMs,
    keepNode: ({ idleMs }) => idleMs < nodeIdleMs,
    makeRoom: leastRecentlyUsed,
  };
}
