/** The ideas of the adaptive policy, each with what switches it off: to see what it is worth (`deno task ablate`). */
import type { AdaptiveOptions } from "./options.ts";

export interface Ablation {
  /** The idea, in a word or two. */
  readonly name: string;
  /** What happens without it, in a line. */
  readonly without: string;
  readonly options: Partial<AdaptiveOptions>;
}

/** One line each. All other options are as they are by default. */
export const ABLATIONS: readonly Ablation[] = [
  {
    name: "sharing",
    without: "every invocation has its container for itself",
    options: { concurrencyMax: 1 },
  },
  {
    name: "measured charge",
    without: "a container is charged all that it may use, not what was measured",
    options: { chargeFactor: Number.MAX_SAFE_INTEGER },
  },
  {
    name: "processor stats",
    without: "whether runs compute is told from their durations alone, not from what the nodes measure",
    options: { processorRunsMin: Infinity },
  },
  {
    name: "trial",
    without: "no invocations share a container before it is known that they do not slow one another down",
    options: { trialConcurrency: 1 },
  },
  {
    name: "burst nodes",
    without: "no node is reserved for a first burst: its few containers crowd those that are held",
    options: { burstNodesMax: 0 },
  },
  {
    name: "first burst",
    without: "an unknown function gets a single container until its first runs have ended",
    options: { firstContainersMax: 1 },
  },
  {
    name: "starting ahead",
    without: "no container is started that nobody waits for",
    options: { startsAheadMax: 0 },
  },
  {
    name: "calm starts",
    without: "what nobody waits for is started however many starts that crowds",
    options: { startsUncrowded: Number.MAX_SAFE_INTEGER },
  },
  {
    name: "prewarming",
    without: "what was let go is not started ahead of a round that is sure to come",
    options: { prewarms: false },
  },
  {
    name: "reserving ahead",
    without: "a node is reserved only when there is no room left",
    options: { reserveAheadMs: 0 },
  },
  {
    name: "stall guard",
    without: "who waits behind runs that do not end gets no container beyond what was learnt",
    options: { stalledStarts: Infinity },
  },
  {
    name: "spares",
    without: "an idle container above what the function needs goes at once",
    options: { spareIdleMs: 0 },
  },
  {
    name: "rhythm",
    without: "containers are not kept for a rhythm of calls, only for the least time after the last one",
    options: { holdGaps: 0 },
  },
  {
    name: "patience",
    without: "a function without a rhythm yet keeps its containers for the least time only",
    options: { unknownHoldMsMax: 0, unknownHoldMsMany: 0 },
  },
  {
    name: "moving",
    without: "containers that compute stay on crowded nodes",
    options: { moveSlack: Infinity },
  },
  {
    name: "standing room",
    without: "where all nodes are full, functions take each other's room at once, with a start each time",
    options: { evictStarts: 0 },
  },
  {
    name: "draining",
    without: "a node is given back only when its containers have gone by themselves",
    options: { nodeHeldMsMin: Infinity },
  },
];
