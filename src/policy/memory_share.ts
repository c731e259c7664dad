import { leastRecentlyUsed } from "./least_recently_used.ts";
import { PerFunction } from "./per_function.ts";
import type { FunctionFacts, Policy, RunFacts } from "./policy.ts";

/** Nodes that it holds from beginning to end. */
const NODES = 10;
/** No invocation is taken to need less. */
const NEED_KIB_MIN = 1_024;

interface Learnt {
  /** Memory that one invocation is taken to need. */
  needKiB: number;
  /** The most that one of them has told. */
  peakKiB: number;
  /** How long the first one ran. */
  firstMs: number | undefined;
}

/**
 * The scheduler of the evaluation's published run: a container takes as many invocations as fit its memory. What one
 * needs is all of it at first; it halves as long as the measured peak allows, and doubles when a run takes more than
 * twice as long as the first one did. Ten nodes are held from beginning to end, and callers wait when they are full.
 */
export function memoryShare(): Policy {
  const learnt = new PerFunction<Learnt>(({ memoryKiB }) => ({ needKiB: memoryKiB, peakKiB: 0, firstMs: undefined }));
  const concurrency = (fn: FunctionFacts) => {
    const fits = Math.floor(fn.memoryKiB / learnt.of(fn).needKiB);
    return Math.max(1, Math.min(fn.concurrencyMax, fits));
  };
  return {
    name: "memory-share",
    nodesMax: NODES,

    ended(fn: FunctionFacts, { durationMs, memoryKiB, failure }: RunFacts): void {
      const state = learnt.of(fn);
      state.peakKiB = Math.max(state.peakKiB, memoryKiB);
      if (!failure) state.firstMs ??= durationMs;
      const isSlow = state.firstMs !== undefined && durationMs > 2 * state.firstMs;
      if (isSlow || state.needKiB < state.peakKiB) state.needKiB = Math.min(fn.memoryKiB, state.needKiB * 2);
      else if (state.peakKiB <= state.needKiB / 2) state.needKiB = Math.max(NEED_KIB_MIN, state.needKiB / 2);
    },
    forgotten: (fn) => learnt.forget(fn),

    concurrency,
    containersToStart: ({ waiting, concurrency, starting }) => Math.max(0, Math.ceil(waiting / concurrency) - starting),
    keepContainer: () => true,
    keepNode: () => true,
    nodesWanted: () => NODES,
    // Whoever has a container waits for room in it; only who has none at all takes another's place.
    makeRoom: (needKiB, candidates, { warm, starting }) =>
      warm + starting > 0 ? undefined : leastRecentlyUsed(needKiB, candidates),
  };
}
