import { leastRecentlyUsed } from "./least_recently_used.ts";
import { PerFunction } from "./per_function.ts";
import type { Arrival, FunctionDemand, FunctionFacts, IdleContainer, Policy, RunFacts } from "./policy.ts";

/** The published settings: idle times in bins of a minute up to four hours. */
const BIN_MS = 60_000;
const BINS = 240;
/** It prewarms a little before the early end of the idle times, and keeps a little beyond the late one. */
const PREWARM_QUANTILE = 0.05, KEEP_QUANTILE = 0.99;
const MARGIN = 0.1;
/** Unsure with fewer idle times than this, with more than half of them beyond the histogram, … */
const SAMPLES_MIN = 10;
const BEYOND_SHARE_MAX = 0.5;
/** … or where they are spread evenly: bins must differ by so many of their means. */
const VARIATION_MIN = 2;
/** Then it prewarms nothing and keeps for as long as the histogram reaches. */
const KEEP_UNSURE_MS = BINS * BIN_MS;
const NODE_IDLE_MS = 60_000;

/** From when to when after a function fell idle a container of it is worth its memory. */
interface Window {
  readonly fromMs: number;
  readonly toMs: number;
}

const UNSURE: Window = { fromMs: 0, toMs: KEEP_UNSURE_MS };

/** How long a function idles between its runs. */
class IdleTimes {
  readonly #bins = new Uint32Array(BINS);
  #count = 0;
  #beyond = 0;
  #squares = 0;
  window = UNSURE;
  /** Runs under way, as far as it was told. */
  running = 0;
  idleSinceMs: number | undefined;

  add(idleMs: number): void {
    const bin = Math.floor(idleMs / BIN_MS);
    if (bin >= BINS) this.#beyond++;
    else {
      this.#squares += 2 * this.#bins[bin] + 1;
      this.#bins[bin]++;
      this.#count++;
    }
    this.window = this.#isSure() ? this.#window() : UNSURE;
  }

  #isSure(): boolean {
    const all = this.#count + this.#beyond;
    if (this.#count < SAMPLES_MIN || this.#beyond > all * BEYOND_SHARE_MAX) return false;
    const mean = this.#count / BINS;
    const variance = this.#squares / BINS - mean * mean;
    return Math.sqrt(variance) >= VARIATION_MIN * mean;
  }

  #window(): Window {
    const early = this.#quantile(PREWARM_QUANTILE), late = this.#quantile(KEEP_QUANTILE);
    return { fromMs: early * BIN_MS * (1 - MARGIN), toMs: (late + 1) * BIN_MS * (1 + MARGIN) };
  }

  /** The bin that at least the share `q` of the idle times does not exceed. */
  #quantile(q: number): number {
    const wanted = Math.max(1, Math.ceil(q * this.#count));
    let seen = 0, bin = -1;
    while (seen < wanted) seen += this.#bins[++bin];
    return bin;
  }
}

/**
 * The hybrid histogram policy ("Serverless in the Wild", arXiv 2003.03423): learns how long each function idles between
 * its runs; removes its containers when it falls idle if it is sure that no call comes soon, starts one shortly before
 * calls may come, and keeps it until hardly any would come later. Where idle times show no such thing it keeps for four
 * hours. One invocation per container. (The paper forecasts functions that idle for longer than the histogram reaches;
 * here they count as unsure.)
 */
export function hybridHistogram(): Policy {
  const learnt = new PerFunction<IdleTimes>(() => new IdleTimes());
  /** Those whose containers go first and come back: only they are looked at on every tick. */
  const prewarmed = new Map<number, IdleTimes>();

  /** Whether a container of an idle function is worth its memory now. */
  const isWorth = ({ window, idleSinceMs }: IdleTimes, nowMs: number) => {
    const sinceMs = nowMs - (idleSinceMs ?? nowMs);
    return sinceMs >= window.fromMs && sinceMs < window.toMs;
  };

  return {
    name: "hybrid-histogram",

    arrived(fn: FunctionFacts, { atMs }: Arrival): void {
      const times = learnt.of(fn);
      if (times.running++ > 0 || times.idleSinceMs === undefined) return;
      times.add(Math.max(0, atMs - times.idleSinceMs));
      if (times.window.fromMs > 0) prewarmed.set(fn.id, times);
      else prewarmed.delete(fn.id);
    },
    ended(fn: FunctionFacts, { atMs }: RunFacts): void {
      const times = learnt.of(fn);
      times.running = Math.max(0, times.running - 1);
      if (times.running === 0) times.idleSinceMs = atMs;
    },
    forgotten(fn: FunctionFacts): void {
      learnt.forget(fn);
      prewarmed.delete(fn.id);
    },

    *functionsToServe(nowMs: number) {
      for (const [id, times] of prewarmed) if (times.running === 0 && isWorth(times, nowMs)) yield id;
    },
    containersToStart({ function: fn, nowMs, waiting, starting, warm, inFlight }: FunctionDemand): number {
      const times = learnt.of(fn);
      // The truth about runs whose end nobody told.
      if (inFlight === 0 && waiting === 0) times.running = 0;
      const isDue = times.window.fromMs > 0 && times.running === 0 && isWorth(times, nowMs);
      return Math.max(0, waiting - starting, (isDue && waiting === 0 ? 1 : 0) - starting - warm);
    },
    concurrency: () => 1,
    keepContainer({ function: fn, nowMs, idleMs, warm }: IdleContainer): boolean {
      const times = learnt.of(fn);
      if (times.window.fromMs === 0 || times.running > 0) return idleMs < times.window.toMs;
      // Idle as a whole, and sure of it: what stands for the next call is one container.
      return warm <= 1 && isWorth(times, nowMs);
    },
    keepNode: ({ idleMs }) => idleMs < NODE_IDLE_MS,
    makeRoom: leastRecentlyUsed,
  };
}
