import { adaptive, type AdaptiveOptions } from "./adaptive/mod.ts";
import { baseline } from "./baseline.ts";
import { fixedKeepalive } from "./fixed_keepalive.ts";
import { greedyDual } from "./greedy_dual.ts";
import { hybridHistogram } from "./hybrid_histogram.ts";
import { kpa } from "./kpa.ts";
import { memoryShare } from "./memory_share.ts";
import { onDemand } from "./on_demand.ts";
import type { Policy } from "./policy.ts";
import { spreadAndClassify } from "./spread_and_classify.ts";

/** How long the policies that say nothing of nodes hold one without containers, in milliseconds. */
const NODE_IDLE_MS = 60_000;

/** What whoever names a policy can tell it; most have no use for it. */
export interface PolicySettings {
  /** What response time and node time count for, as in the score; `adaptive` goes by it. */
  readonly weights?: AdaptiveOptions["weights"];
}

/** The policy that runs where nobody names one. */
export const DEFAULT_POLICY = "adaptive";

/** Every policy by its name, each call a fresh one that has learnt nothing. */
export const POLICIES: Readonly<Record<string, (settings?: PolicySettings) => Policy>> = {
  "adaptive": ({ weights } = {}) => adaptive(weights && { weights }),
  "baseline": baseline,
  "on-demand": () =>
    onDemand({ containerIdleMs: 60_000, nodeIdleMs: 120_000, containersMin: 0, nodesMin: 0, concurrencyMax: 1 }),
  "memory-share": memoryShare,
  "fixed-keepalive-600s": () => fixedKeepalive({ containerIdleMs: 600_000, nodeIdleMs: NODE_IDLE_MS }),
  "fixed-keepalive-60s": () => fixedKeepalive({ containerIdleMs: 60_000, nodeIdleMs: NODE_IDLE_MS }),
  "kpa": kpa,
  "spread-and-classify": spreadAndClassify,
  "hybrid-histogram": hybridHistogram,
  "greedy-dual": greedyDual,
};
