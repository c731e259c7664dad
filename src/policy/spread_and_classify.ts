import { leastRecentlyUsed } from "./least_recently_used.ts";
import { PerFunction } from "./per_function.ts";
import type {
  ContainerUsage,
  FunctionDemand,
  FunctionFacts,
  IdleContainer,
  NodeFacts,
  Policy,
  RunFacts,
} from "./policy.ts";

/** Over so many nodes functions are spread; more are for what does not fit there. */
const NODES = 10;
/** Beyond so many containers of a function only light ones get along, by sharing. */
const CONTAINERS_MAX = 20;
/** Invocations of a light function that then share a container. What was published names no figure. */
const SHARED_MAX = 10;
/** Heavy on memory: a run uses this much of the limit. Heavy on the processor: a container uses this much of one. */
const MEMORY_HEAVY_SHARE = 0.3;
const CPU_HEAVY_PCT = 10;
/** Idle containers go after three to five minutes: heavy ones first. */
const HEAVY_IDLE_MS = 180_000;
const LIGHT_IDLE_MS = 300_000;
/** Nodes without containers are given back at once, but for those that the spread needs. */
const NODE_IDLE_MS = 1_000;
/** How much a new measurement counts for against those before. */
const WEIGHT = 0.2;

interface Learnt {
  /** Of the limit; undefined before the first run has ended. */
  memoryShare: number | undefined;
  cpuPct: number;
  /** Containers at the last look, and whether it was called since. */
  containers: number;
  wasCalled: boolean;
}

/**
 * The second place of the evaluation: each function is spread over the first ten nodes, where it has the fewest
 * containers first and then where most memory is free; an invocation has its container for itself, up to 20 containers
 * of a function, beyond which only light functions share; a spare is started when the last idle container goes out.
 * Heavy and light are told by measured memory and processor use.
 *
 * Two of its ideas have no place here: larger containers for functions short of processor time (a container's memory is
 * the function's), and letting heavy calls wait up to 50 ms while short ones run (no policy is asked within an acquire).
 */
export function spreadAndClassify(): Policy {
  const learnt = new PerFunction<Learnt>(() => ({
    memoryShare: undefined,
    cpuPct: 0,
    containers: 0,
    wasCalled: false,
  }));
  /** What was not measured yet may be. */
  const isHeavy = ({ memoryShare = 1, cpuPct }: Learnt) => memoryShare >= MEMORY_HEAVY_SHARE || cpuPct >= CPU_HEAVY_PCT;
  /** One node for each container of the function that has most. */
  const nodesForSpread = () => {
    let most = 0;
    for (const [, { containers }] of learnt.entries()) most = Math.max(most, containers);
    return Math.min(NODES, most);
  };

  return {
    name: "spread-and-classify",

    arrived: (fn: FunctionFacts) => void (learnt.of(fn).wasCalled = true),
    ended(fn: FunctionFacts, { memoryKiB }: RunFacts): void {
      const state = learnt.of(fn);
      const share = memoryKiB / fn.memoryKiB;
      state.memoryShare = state.memoryShare === undefined
        ? share
        : state.memoryShare + WEIGHT * (share - state.memoryShare);
    },
    measured(fn: FunctionFacts, { cpuPct, inFlight }: ContainerUsage): void {
      if (inFlight === 0) return;
      const state = learnt.of(fn);
      state.cpuPct += WEIGHT * (cpuPct - state.cpuPct);
    },
    forgotten: (fn) => learnt.forget(fn),

    *functionsToServe() {
      for (const [id, state] of learnt.entries()) if (state.wasCalled) yield id;
    },
    containersToStart({ function: fn, waiting, starting, warm, inFlight }: FunctionDemand): number {
      const state = learnt.of(fn);
      state.containers = starting + warm;
      state.wasCalled = false;
      const room = Math.max(0, CONTAINERS_MAX - starting - warm);
      const spare = waiting + starting === 0 && warm > 0 && inFlight >= warm ? 1 : 0;
      return Math.min(room, Math.max(0, waiting - starting) + spare);
    },
    concurrency(fn: FunctionFacts): number {
      const state = learnt.of(fn);
      if (state.containers < CONTAINERS_MAX || isHeavy(state)) return 1;
      return Math.min(fn.concurrencyMax, SHARED_MAX);
    },
    placeOn(_demand: FunctionDemand, nodes: readonly NodeFacts[]): number {
      // The first ones are those held longest; in the order of their reservation.
      const first = nodes.slice(0, NODES);
      let best = 0;
      first.forEach((node, index) => {
        const { ofFunction, freeKiB } = first[best];
        if (node.ofFunction < ofFunction || (node.ofFunction === ofFunction && node.freeKiB > freeKiB)) best = index;
      });
      return best;
    },
    nodesWanted: nodesForSpread,
    keepContainer({ function: fn, idleMs, warm }: IdleContainer): boolean {
      const state = learnt.of(fn);
      const isKept = warm <= 1 || idleMs < (isHeavy(state) ? HEAVY_IDLE_MS : LIGHT_IDLE_MS);
      // Else the spread would never shrink: while nobody calls, nothing else tells how many there are.
      state.containers = isKept ? warm : warm - 1;
      return isKept;
    },
    keepNode: ({ idleMs, nodes }) => nodes <= nodesForSpread() || idleMs < NODE_IDLE_MS,
    makeRoom: leastRecentlyUsed,
  };
}
