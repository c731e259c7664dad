import { Rows } from "../../base/mod.ts";
import { leastRecentlyUsed } from "../least_recently_used.ts";
import { PerFunction } from "../per_function.ts";
import type { ClusterFacts, FunctionDemand, Policy } from "../policy.ts";
import { Learnt, LEARNT_CELLS } from "./learnt.ts";
import { ContainerMemory } from "./memory_need.ts";
import { Growth, nodeToDrain } from "./nodes.ts";
import { type AdaptiveOptions, checkOptions, DEFAULT_ADAPTIVE_OPTIONS } from "./options.ts";
import { placeOn } from "./placing.ts";
import { Population } from "./population.ts";
import { containersToStart } from "./starting.ts";

export { type Ablation, ABLATIONS } from "./ablations.ts";
export { type AdaptiveOptions, DEFAULT_ADAPTIVE_OPTIONS } from "./options.ts";

/** Starts are short here and few run at once: more of them on a node than by default. */
const STARTS_PER_NODE_MAX = 8;

/**
 * Learns what each function needs and buys waiting off where it is cheap. Runs that do not slow one another down share
 * a container as far as its memory goes; a container is charged what was measured; there are as many containers as pay
 * under the weights; for a backlog more are started only while waiting behind the running ones would take longer than
 * a start; an unknown function's first burst is spread over nodes, so that its starts do not crowd; containers are kept
 * for what they save, or started anew ahead of a rhythm that is sure; and the nodes are as few as all of that fits on.
 */
export function adaptive(given: Partial<AdaptiveOptions> = {}): Policy {
  const options = { ...DEFAULT_ADAPTIVE_OPTIONS, ...given };
  checkOptions(options);
  const memory = new ContainerMemory();
  const rows = new Rows(LEARNT_CELLS);
  const learnt = new PerFunction<Learnt>((fn) => new Learnt(fn, rows.take(), options, memory));
  const population = new Population(options);
  const growth = new Growth(options.reserveAheadMs);

  return {
    name: "adaptive",
    startsPerNodeMax: STARTS_PER_NODE_MAX,

    arrived(fn, arrival): void {
      const state = learnt.of(fn);
      state.arrived(arrival);
      population.called(state, arrival.atMs);
    },
    ended: (fn, run) => learnt.of(fn).ended(run),
    started: (_fn, ms) => population.started(ms),
    measured: (fn, usage) => learnt.of(fn).measured(usage),
    forgotten(fn): void {
      const state = learnt.of(fn);
      population.forget(state);
      learnt.forget(fn);
      rows.give(state.row);
    },

    concurrency: (fn) => learnt.of(fn).concurrency(),
    chargeKiB: (fn) => learnt.of(fn).needKiB(),
    expectedWait: (fn) => ({
      waitMs: 0,
      eachMs: learnt.of(fn).waitEachMs(options.stuckStarts * population.startMs),
    }),

    containersToStart(demand: FunctionDemand): number {
      const state = learnt.of(demand.function);
      state.charged(demand.chargeKiB);
      const isAlive = demand.waiting > 0 || population.isAlive(state, demand.nowMs);
      const missing = isAlive ? containersToStart(state, demand, population.worth, options) : 0;
      state.looked(demand, missing);
      return missing;
    },
    functionsToServe: (nowMs) => population.toServe(nowMs),
    placeOn: (demand, nodes, held) => placeOn(learnt.of(demand.function), demand, nodes, held, options),
    keepContainer({ function: fn, nowMs, idleMs, warm, onNode, nodes }): boolean {
      const state = learnt.of(fn);
      if (!population.isAlive(state, nowMs)) return false;
      const wanted = state.containersWorth(population.worth, nowMs);
      if (warm >= wanted && state.mayMove(onNode, warm, nodes, nowMs)) return false;
      return idleMs < options.spareIdleMs || warm <= wanted;
    },
    keepNode: ({ idleMs }) => idleMs < options.nodeIdleMs,
    makeRoom(needKiB, candidates, demand) {
      const eviction = leastRecentlyUsed(needKiB, candidates);
      if (!eviction || demand.warm + demand.starting === 0) return eviction;
      // Where all is in use, starts for one function after the other would take each other's room: whoever is served by
      // something already has to make do with it.
      const { idle } = candidates[eviction.candidate];
      const inUseMs = options.evictStarts * population.startMs;
      return eviction.containers.some((index) => idle[index].idleMs < inUseMs) ? undefined : eviction;
    },
    nodesWanted: (cluster) => growth.nodesWanted(cluster),
    nodeToDrain(cluster: ClusterFacts): number {
      if (cluster.nodes.length > 0) population.nodeKiB = cluster.nodes[0].capacityKiB;
      return nodeToDrain(cluster, options);
    },
  };
}
