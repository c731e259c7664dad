import type { ConcurrencySeen } from "./concurrency_seen.ts";

/** What is known of a function, as far as it counts here. */
export interface Weighed {
  readonly seen: ConcurrencySeen;
  readonly meanMs: number;
  /** What a call of it would take with a plain scheduler, in milliseconds. */
  plainMs(startMs: number): number;
  /** Invocations that one of its containers takes at once. */
  concurrency(): number;
  /** Memory that one of its containers costs. */
  costKiB(): number;
}

/** What waiting and memory cost, for the choice between them. */
export interface Worth {
  /** Weights of the score. */
  readonly responseTime: number;
  readonly nodeTime: number;
  /** Functions that the mean of response times goes over. */
  readonly functions: number;
  /** Nodes that a plain scheduler would hold, against which node time is measured. */
  readonly plainNodes: number;
  readonly nodeKiB: number;
  /** How long a start takes: nobody waits longer, since another container can be started, in milliseconds. */
  readonly startMs: number;
}

/**
 * How many containers of a function are worth their memory: one more as long as it saves more of its response time than
 * it costs of node time, both as shares and by their weights.
 */
export function containersWorth(
  fn: Weighed,
  { responseTime, nodeTime, functions, plainNodes, nodeKiB, startMs }: Worth,
): number {
  const permits = fn.concurrency();
  const most = Math.max(1, Math.ceil(fn.seen.most / permits));
  const waitCost = responseTime / Math.max(1, functions) * fn.meanMs / Math.max(1, fn.plainMs(startMs));
  const containerCost = nodeTime * fn.costKiB() / nodeKiB / plainNodes;
  const startRuns = startMs / Math.max(1, fn.meanMs);
  let best = 1;
  let bestCost = Infinity;
  for (let containers = 1; containers <= most; containers++) {
    const cost = waitCost * fn.seen.meanWait(containers * permits, startRuns) + containerCost * containers;
    if (cost >= bestCost) continue;
    best = containers;
    bestCost = cost;
  }
  return best;
}

/**
 * How long a container is worth its memory while nobody calls, in milliseconds. Each round of calls that finds none
 * waits for a start: a share of what the function's calls would take with a plain scheduler; the container's memory is a
 * share of what that one would hold in the same time. `roundMs` is the mean time between rounds.
 */
export function keepMsWorth(
  fn: Weighed,
  { responseTime, nodeTime, functions, plainNodes, nodeKiB, startMs }: Worth,
  roundMs: number,
): number {
  const saving = responseTime / Math.max(1, functions) * startMs / Math.max(1, fn.plainMs(startMs));
  const costOfRound = nodeTime * fn.costKiB() / nodeKiB / plainNodes;
  return costOfRound === 0 ? Infinity : roundMs * saving / costOfRound;
}
