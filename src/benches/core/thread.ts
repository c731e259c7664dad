/** Entry of a bench's Web Worker: does the work it is told and answers how long it took. */
import { assert } from "../../base/mod.ts";
import { Tables } from "../../core/tables.ts";
import { hashedRequests, type Mode, Pairs } from "./pairs.ts";
import { MutexScheduler, PlainScheduler } from "./plain.ts";
import { functionsCalled, requestIds, REQUESTS, type Size, type Spread, THREADS_MAX } from "./sizes.ts";

/** Told once, before any work. */
export interface Setup {
  readonly thread: number;
  /** Words that threads meet at: how many have arrived, ever; for each a word for bare CAS, far from the others'. */
  readonly meeting: SharedArrayBuffer;
  readonly tables: readonly { readonly size: Size; readonly buffer: SharedArrayBuffer }[];
}

export type Work =
  | {
    readonly kind: "cas";
    readonly ms: number;
    /** Count of arrivals at which all of them start. */
    readonly startAt: number;
  }
  | { readonly kind: "mutex"; readonly ms: number; readonly size: number }
  | {
    readonly kind: "pairs";
    readonly ms: number;
    readonly size: number;
    readonly spread: Spread;
    readonly mode: Mode;
    readonly threads: number;
    /** Count of arrivals at which all of them start. */
    readonly startAt: number;
  }
  | { readonly kind: "heap"; readonly size: number; readonly pairs: number; readonly rounds: number };

export interface Done {
  readonly count: number;
  readonly elapsedMs: number;
  /** Nanoseconds per operation in the median batch: most batches are too short to be interrupted. */
  readonly batchNs?: number;
  /** Bytes of heap in use after each round of `heap`. */
  readonly heapBytes?: readonly number[];
}

/** Words of the meeting; two lines between one thread's and the next, because processors fetch lines in pairs. */
const ARRIVED = 0, CAS = 32, CAS_WORDS = 32;
export const MEETING_BYTES = (CAS + CAS_WORDS * THREADS_MAX) * 4;
/** Pairs, and bare CAS, between two looks at the clock. */
const BATCH = 1_000, CAS_BATCH = 20_000;
/** Batches of one piece of work whose times are kept: the last ones. */
const BATCHES_MAX = 1 << 16;

class Thread {
  private readonly words: Int32Array;
  private readonly tables: Tables[];
  private readonly requests;
  private readonly pairs = new Map<string, Pairs>();
  private readonly mutexes = new Map<number, MutexScheduler>();

  constructor(private readonly setup: Setup) {
    this.words = new Int32Array(setup.meeting);
    this.tables = setup.tables.map(({ size, buffer }) => {
      return new Tables(size.capacity, { buffer, worker: setup.thread });
    });
    this.requests = hashedRequests(requestIds(setup.thread));
  }

  async do(work: Work): Promise<Done> {
    switch (work.kind) {
      case "cas":
        this.casMany(CAS_BATCH);
        this.meet(work.startAt);
        return timed(work.ms, CAS_BATCH, (count) => this.casMany(count));
      case "pairs": {
        const pairs = this.pairsFor(work.size, work.spread, work.mode, work.threads);
        pairs.run(BATCH);
        this.meet(work.startAt);
        return timed(work.ms, BATCH, (count) => pairs.run(count));
      }
      case "mutex":
        return await this.mutexed(work);
      case "heap":
        return this.heap(work);
    }
  }

  private casMany(count: number): void {
    const at = CAS + CAS_WORDS * this.setup.thread;
    for (let i = 0; i < count; i++) Atomics.compareExchange(this.words, at, i & 1, (i + 1) & 1);
  }

  /** Spins until all have come: a thread that sleeps would start late. */
  private meet(startAt: number): void {
    Atomics.add(this.words, ARRIVED, 1);
    while (Atomics.load(this.words, ARRIVED) < startAt);
  }

  private pairsFor(size: number, spread: Spread, mode: Mode, threads: number): Pairs {
    const key = `${size} ${spread} ${mode} ${threads}`;
    const known = this.pairs.get(key);
    if (known) return known;
    const { functions } = this.setup.tables[size].size.capacity;
    const called = functionsCalled(functions, spread, this.setup.thread, threads);
    const pairs = new Pairs(this.tables[size], this.requests, called, mode);
    this.pairs.set(key, pairs);
    return pairs;
  }

  private async mutexed(work: Work & { kind: "mutex" }): Promise<Done> {
    const { functions, containers } = this.setup.tables[work.size].size.capacity;
    const scheduler = this.mutexes.get(work.size) ?? new MutexScheduler(new PlainScheduler(functions, containers));
    this.mutexes.set(work.size, scheduler);
    const called = functionsCalled(functions, "few", this.setup.thread, 1);
    const { ids } = this.requests;
    const batches = new Batches(BATCH);
    let count = 0;
    do {
      for (let i = 0; i < BATCH; i++, count++) {
        const n = count & (REQUESTS - 1);
        assert(await scheduler.acquire(ids[n], called[n]), "the mutex scheduler has a permit");
        assert(await scheduler.release(ids[n]), "the mutex scheduler has the lease");
      }
    } while (batches.end() < work.ms);
    return batches.done();
  }

  private heap({ size, pairs, rounds }: Work & { kind: "heap" }): Done {
    const run = this.pairsFor(size, "few", "remembered", 1);
    const heapBytes = new Array<number>(rounds).fill(0);
    const startMs = performance.now();
    for (let round = 0; round < rounds; round++) {
      run.run(Math.ceil(pairs / rounds));
      heapBytes[round] = Deno.memoryUsage().heapUsed;
    }
    return { count: pairs, elapsedMs: performance.now() - startMs, heapBytes };
  }
}

/** Takes the time of batches. */
class Batches {
  private readonly times = new Float64Array(BATCHES_MAX);
  private readonly startMs = performance.now();
  private lastMs = this.startMs;
  private batches = 0;

  constructor(private readonly size: number) {}

  /** Ends a batch and begins the next; answers the milliseconds since the first began. */
  end(): number {
    const nowMs = performance.now();
    this.times[this.batches++ & (BATCHES_MAX - 1)] = nowMs - this.lastMs;
    this.lastMs = nowMs;
    return nowMs - this.startMs;
  }

  done(): Done {
    const kept = this.times.subarray(0, Math.min(this.batches, BATCHES_MAX)).sort();
    const batchNs = kept[kept.length >> 1] * 1e6 / this.size;
    return { count: this.batches * this.size, elapsedMs: this.lastMs - this.startMs, batchNs };
  }
}

function timed(ms: number, size: number, run: (count: number) => void): Done {
  const batches = new Batches(size);
  do run(size); while (batches.end() < ms);
  return batches.done();
}

let thread: Thread | undefined;
const port = self as unknown as {
  onmessage: (event: MessageEvent<Setup | Work>) => void;
  postMessage: (done: Done) => void;
};
port.onmessage = async ({ data }) => {
  if (!("kind" in data)) thread = new Thread(data);
  port.postMessage("kind" in data ? await thread!.do(data) : { count: 0, elapsedMs: 0 });
};
