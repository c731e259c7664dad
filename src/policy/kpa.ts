import { leastRecentlyUsed } from "./least_recently_used.ts";
import { PerFunction } from "./per_function.ts";
import type { FunctionDemand, Policy } from "./policy.ts";

/** Knative's autoscaler at its defaults, with one invocation per container. */
const STABLE_MS = 60_000;
const PANIC_MS = 6_000;
/** Invocations per container that it aims at: 70 % of the one that a container takes. */
const TARGET = 0.7;
/** It panics when the short window wants so many times what is there. */
const PANIC_THRESHOLD = 2;
const SCALE_TO_ZERO_GRACE_MS = 30_000;
/** How often it counts who runs and waits, and how often it decides. */
const SAMPLE_MS = 1_000;
const NODE_IDLE_MS = 60_000;

const BUCKETS = STABLE_MS / SAMPLE_MS;

/** Averages over the last seconds, one bucket each. */
class Window {
  readonly #sums = new Float64Array(BUCKETS);
  readonly #counts = new Uint32Array(BUCKETS);
  #last: number;

  constructor(nowMs: number) {
    this.#last = Math.floor(nowMs / SAMPLE_MS);
  }

  add(nowMs: number, concurrency: number): void {
    this.#moveTo(nowMs);
    const at = index(this.#last);
    this.#sums[at] += concurrency;
    this.#counts[at]++;
  }

  /** The mean of the last so many milliseconds' seconds, those without a sample left out. */
  mean(nowMs: number, overMs: number): number {
    this.#moveTo(nowMs);
    let sum = 0, buckets = 0;
    for (let back = 0; back < overMs / SAMPLE_MS; back++) {
      const at = index(this.#last - back);
      if (this.#counts[at] === 0) continue;
      sum += this.#sums[at] / this.#counts[at];
      buckets++;
    }
    return buckets === 0 ? 0 : sum / buckets;
  }

  #moveTo(nowMs: number): void {
    const now = Math.floor(nowMs / SAMPLE_MS);
    for (let second = Math.max(this.#last + 1, now - BUCKETS + 1); second <= now; second++) {
      this.#sums[index(second)] = this.#counts[index(second)] = 0;
    }
    this.#last = now;
  }
}

function index(second: number): number {
  return ((second % BUCKETS) + BUCKETS) % BUCKETS;
}

interface Scale {
  readonly window: Window;
  sampledMs: number;
  desired: number;
  /** Until when it does not scale down, since it has panicked. */
  panicUntilMs: number;
  /** Since when nothing is wanted; Infinity while something is. */
  idleSinceMs: number;
}

/** Knative's pod autoscaler: as many containers as the mean concurrency of a minute asks for, or of 6 s in a burst. */
export function kpa(): Policy {
  let startedMs = 0;
  const scales = new PerFunction<Scale>(() => ({
    window: new Window(startedMs),
    sampledMs: -Infinity,
    desired: 0,
    panicUntilMs: -Infinity,
    idleSinceMs: Infinity,
  }));

  /** Counts, and decides anew. */
  function sample(scale: Scale, { nowMs, waiting, inFlight, warm }: FunctionDemand): void {
    scale.window.add(nowMs, waiting + inFlight);
    const stable = Math.ceil(scale.window.mean(nowMs, STABLE_MS) / TARGET);
    const panic = Math.ceil(scale.window.mean(nowMs, PANIC_MS) / TARGET);
    if (panic >= PANIC_THRESHOLD * Math.max(1, warm)) scale.panicUntilMs = nowMs + STABLE_MS;
    const panics = nowMs < scale.panicUntilMs;
    scale.desired = panics ? Math.max(scale.desired, stable, panic) : stable;
    // The activator asks for one as soon as somebody waits for none.
    if (waiting > 0) scale.desired = Math.max(1, scale.desired);
    if (scale.desired > 0) scale.idleSinceMs = Infinity;
    else scale.idleSinceMs = Math.min(scale.idleSinceMs, nowMs);
  }

  return {
    name: "kpa",

    *functionsToServe(nowMs) {
      for (const [id, scale] of scales.entries()) if (nowMs - scale.sampledMs >= SAMPLE_MS) yield id;
    },

    containersToStart(demand: FunctionDemand): number {
      startedMs = demand.nowMs;
      const scale = scales.of(demand.function);
      const isDue = demand.nowMs - scale.sampledMs >= SAMPLE_MS;
      // From nothing it starts at once; else it decides once a second.
      if (isDue || (demand.waiting > 0 && demand.warm + demand.starting === 0)) {
        if (isDue) scale.sampledMs = demand.nowMs;
        sample(scale, demand);
      }
      return Math.max(0, scale.desired - demand.warm - demand.starting);
    },

    forgotten: (fn) => scales.forget(fn),
    concurrency: () => 1,
    keepContainer({ function: fn, nowMs, warm }): boolean {
      const { desired, idleSinceMs } = scales.of(fn);
      if (desired > 0) return warm <= desired;
      return warm <= 1 && nowMs - idleSinceMs < SCALE_TO_ZERO_GRACE_MS;
    },
    keepNode: ({ idleMs }) => idleMs < NODE_IDLE_MS,
    makeRoom: leastRecentlyUsed,
  };
}
