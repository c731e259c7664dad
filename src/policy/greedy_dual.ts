import { PerFunction } from "./per_function.ts";
import type { Eviction, FunctionDemand, FunctionFacts, Policy, RoomCandidate, RoomContainer } from "./policy.ts";

/**
 * Nodes that it holds from beginning to end: it is about what to keep on them. So many are best for it on the evaluation:
 * with fewer the functions of long intervals are removed before every call, more are not used.
 */
const NODES = 18;
/** What a start is taken to cost before one was measured, in milliseconds. */
const START_MS_GUESS = 1_000;
/** How much a newly measured start counts for against those before. */
const START_WEIGHT = 0.2;
/** Moments at which the clock moved that it remembers; a container idle for longer counts as idle since the first. */
const CLOCK_STEPS_MAX = 4_096;

interface Worth {
  /** Invocations since the function last had no container. */
  frequency: number;
  startMs: number;
}

/** The aging clock: it stands at the priority of what was removed last, and containers remember when they were used. */
class AgingClock {
  readonly #steps: { readonly atMs: number; readonly value: number }[] = [{ atMs: -Infinity, value: 0 }];

  moveTo(value: number, atMs: number): void {
    if (value <= this.#steps[this.#steps.length - 1].value) return;
    this.#steps.push({ atMs, value });
    if (this.#steps.length > CLOCK_STEPS_MAX) this.#steps.splice(0, CLOCK_STEPS_MAX / 2);
  }

  /** Where it stood at that moment. */
  at(ms: number): number {
    let low = 0, high = this.#steps.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#steps[middle].atMs <= ms) low = middle;
      else high = middle - 1;
    }
    return this.#steps[low].value;
  }
}

/**
 * Keep-alive as caching (FaasCache, doi 10.1145/3445814.3446757): nothing is removed because of its age, only to make
 * room, and then what has the least priority: clock at its last use + frequency × cost of a start / size. Frequency is
 * the function's invocations since it last had no container; the clock moves to the priority of what is removed, so that
 * what was used often long ago goes in the end. A fixed number of nodes, and one invocation per container.
 */
export function greedyDual(): Policy {
  const learnt = new PerFunction<Worth>(() => ({ frequency: 0, startMs: START_MS_GUESS }));
  const clock = new AgingClock();
  const priorityOf = ({ function: fn, idleMs, kib }: RoomContainer, nowMs: number) => {
    const { frequency, startMs } = learnt.of(fn);
    return clock.at(nowMs - idleMs) + frequency * startMs / kib;
  };

  return {
    name: "greedy-dual",
    nodesMax: NODES,

    arrived: (fn: FunctionFacts) => void learnt.of(fn).frequency++,
    started(fn: FunctionFacts, startMs: number): void {
      const worth = learnt.of(fn);
      worth.startMs += START_WEIGHT * (startMs - worth.startMs);
    },
    forgotten: (fn) => learnt.forget(fn),

    concurrency: () => 1,
    containersToStart({ function: fn, waiting, starting, warm }: FunctionDemand): number {
      if (starting + warm === 0) learnt.of(fn).frequency = 0;
      return Math.max(0, waiting - starting);
    },
    keepContainer: () => true,
    keepNode: () => true,
    nodesWanted: () => NODES,

    makeRoom(needKiB: number, candidates: readonly RoomCandidate[], { nowMs }: FunctionDemand): Eviction | undefined {
      let best: (Eviction & { priority: number }) | undefined;
      candidates.forEach(({ freeKiB, idle }, candidate) => {
        const priorities = idle.map((one) => priorityOf(one, nowMs));
        const leastFirst = idle.map((_, index) => index)
          .sort((a, b) => priorities[a] - priorities[b] || idle[b].idleMs - idle[a].idleMs);
        const containers: number[] = [];
        let roomKiB = freeKiB;
        for (const index of leastFirst) {
          if (roomKiB >= needKiB) break;
          containers.push(index);
          roomKiB += idle[index].kib;
        }
        if (roomKiB < needKiB || containers.length === 0) return;
        // The node whose dearest victim is worth the least.
        const priority = priorities[containers[containers.length - 1]];
        if (!best || priority < best.priority) best = { candidate, containers, priority };
      });
      if (best) clock.moveTo(best.priority, nowMs);
      return best && { candidate: best.candidate, containers: best.containers };
    },
  };
}
