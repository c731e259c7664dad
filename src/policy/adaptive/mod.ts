import { leastRecentlyUsed } from "../least_recently_used.ts";
import { PerFunction } from "../per_function.ts";
import type { ClusterFacts, FunctionDemand, FunctionFacts, NodeFacts, Policy } from "../policy.ts";
import { CONCURRENCY_SEEN_MAX } from "./concurrency_seen.ts";
import { Learnt } from "./learnt.ts";
import { nodeToDrain } from "./nodes.ts";
import { type AdaptiveOptions, checkOptions, DEFAULT_ADAPTIVE_OPTIONS } from "./options.ts";
import { containersWorth, keepMsWorth, type Worth } from "./worth.ts";

export { type Ablation, ABLATIONS } from "./ablations.ts";
export { type AdaptiveOptions, DEFAULT_ADAPTIVE_OPTIONS } from "./options.ts";

/** Starts are short here and few run at once: more of them on a node than by default. */
const STARTS_PER_NODE_MAX = 8;
/** How much of a new start's length goes into what a start is taken to last. */
const NEW_START_WEIGHT = 0.2;
/** Functions looked at in a tick: with more of them each has its turn in one of the next. */
const FUNCTIONS_PER_TICK = 1_000;
/** Memory of a node before one is known, in KiB. */
const NODE_KIB_DEFAULT = 3_072 * 1_024;

/**
 * Learns what each function needs and buys waiting off where it is cheap. Runs that do not slow one another down share
 * a container as far as its memory goes; a container is charged what was measured; there are as many containers as pay
 * under the weights; for a backlog more are started only while waiting behind the running ones would take longer than
 * a start; and the nodes are kept as few as all of that fits on.
 */
export function adaptive(given: Partial<AdaptiveOptions> = {}): Policy {
  const options = { ...DEFAULT_ADAPTIVE_OPTIONS, ...given };
  checkOptions(options);
  const learnt = new PerFunction<Learnt>((fn) => new Learnt(fn, options));
  const alive = new Set<Learnt>();
  let startMs = options.startMs;
  let nodeKiB = NODE_KIB_DEFAULT;
  /** Nodes that the functions alive would take with a container for each invocation at once. */
  let plainNodes = options.plainNodesMin;
  /** Those alive that the ticks have not come to yet, and what those before them would take. */
  let rest: Iterator<Learnt> | undefined;
  let plainKiB = 0;

  let firstMs = Infinity;
  let lastMs = 0;
  /** How long the rhythm of functions has been watched; what is seldom called is not judged by a moment. */
  const lifeMs = () => Math.max(options.lifeMsMin, lastMs - firstMs);
  const worth = (): Worth => ({ ...options.weights, functions: alive.size, plainNodes, nodeKiB, startMs });

  const worthMs = (state: Learnt) => keepMsWorth(state, worth(), state.meanRoundMs(lifeMs()));

  return {
    name: "adaptive",
    startsPerNodeMax: STARTS_PER_NODE_MAX,

    arrived(fn, arrival): void {
      const state = learnt.of(fn);
      firstMs = Math.min(firstMs, arrival.atMs);
      lastMs = Math.max(lastMs, arrival.atMs);
      state.arrived(arrival);
      alive.add(state);
    },
    ended: (fn, run) => learnt.of(fn).ended(run),
    started(_fn, ms): void {
      startMs += (ms - startMs) * NEW_START_WEIGHT;
    },
    measured: (fn, usage, nowMs) => learnt.of(fn).measured(usage, nowMs),
    forgotten(fn): void {
      alive.delete(learnt.of(fn));
      learnt.forget(fn);
    },

    concurrency: (fn) => learnt.of(fn).concurrency(),
    chargeKiB: (fn) => learnt.of(fn).needKiB(),

    containersToStart(demand: FunctionDemand): number {
      const { function: fn, waiting, inFlight, concurrency, warm, starting } = demand;
      const state = learnt.of(fn);
      state.chargedKiB = demand.chargeKiB;
      const have = warm + starting;
      const present = waiting + inFlight;
      let wanted = state.isKnown
        ? containersWorth(state, worth())
        : Math.max(have, Math.min(present, options.firstContainers));
      if (state.isKnown && waiting > 0) {
        wanted = Math.max(wanted, forBacklog(present, concurrency, have, startMs / state.meanMs));
      }
      // Whatever was learnt of how long runs take: they do not end, so there are twice as many containers.
      if (state.stalledMs(demand) > options.stalledStarts * startMs && starting === 0) {
        wanted = Math.max(wanted, have + Math.min(Math.ceil(waiting / concurrency), Math.max(1, have)));
      }
      const missing = Math.max(0, wanted - have);
      // Starts crowd one another: those for nobody yet must not be in the way of those that somebody waits for.
      return waiting > 0 ? missing : Math.min(missing, Math.max(0, options.startsAheadMax - starting));
    },
    functionsToServe(nowMs): number[] {
      const ids: number[] = [];
      rest ??= alive.values();
      for (let n = 0; n < FUNCTIONS_PER_TICK; n++) {
        const next = rest.next();
        if (next.done) {
          plainNodes = Math.max(options.plainNodesMin, plainKiB / nodeKiB);
          plainKiB = 0;
          rest = undefined;
          break;
        }
        const state = next.value;
        if (!state.isAlive(nowMs, worthMs(state))) alive.delete(state);
        else {
          plainKiB += state.facts.memoryKiB * state.seen.most;
          if (state.isKnown) ids.push(state.facts.id);
        }
      }
      return ids;
    },

    placeOn(fn: FunctionFacts, nodes: readonly NodeFacts[]): number {
      const isPacked = learnt.of(fn).isSlowedBySharing === false;
      const fullestFirst = (a: NodeFacts, b: NodeFacts) => a.freeKiB - b.freeKiB;
      // What computes is spread: all of it on one node would share that node's processors.
      const order = isPacked
        ? fullestFirst
        : (a: NodeFacts, b: NodeFacts) => a.ofFunction - b.ofFunction || fullestFirst(a, b);
      let best = 0;
      for (let i = 1; i < nodes.length; i++) if (order(nodes[i], nodes[best]) < 0) best = i;
      return best;
    },
    keepContainer({ function: fn, nowMs, idleMs, warm, onNode, nodes }): boolean {
      const state = learnt.of(fn);
      if (!state.isAlive(nowMs, worthMs(state)) || state.mayMove(onNode, warm, nodes, nowMs)) return false;
      return idleMs < options.spareIdleMs || warm <= containersWorth(state, worth());
    },
    keepNode: ({ idleMs }) => idleMs < options.nodeIdleMs,
    makeRoom: leastRecentlyUsed,
    nodeToDrain(cluster: ClusterFacts): number {
      if (cluster.nodes.length > 0) nodeKiB = cluster.nodes[0].capacityKiB;
      return nodeToDrain(cluster, options);
    },
  };
}

/** As many containers that what is present need not wait longer than a start, which is `startRuns` runs long. */
function forBacklog(present: number, concurrency: number, have: number, startRuns: number): number {
  const most = Math.min(Math.ceil(present / concurrency), CONCURRENCY_SEEN_MAX);
  let containers = Math.max(1, have);
  while (containers < most && present / (containers * concurrency) - 1 > startRuns) containers++;
  return containers;
}
