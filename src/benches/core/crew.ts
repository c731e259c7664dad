/** The bench's threads, told what to do from here. */
import { assert } from "../../base/mod.ts";
import type { Tables } from "../../core/tables.ts";
import type { OwnerAnswer, OwnerAsk } from "./owner.ts";
import { functionsCalled, requestIds, REQUESTS, type Size, THREADS_MAX } from "./sizes.ts";
import { type Done, MEETING_BYTES, type Setup, type Work } from "./thread.ts";

/** A step of work for some threads; where they have to meet is the crew's affair. */
export type Task = { [K in Work["kind"]]: Omit<Work & { kind: K }, "startAt"> }[Work["kind"]];

/** A Web Worker that answers every message with one. */
class Mate<Ask, Answer> {
  private readonly worker: Worker;
  private settle: { resolve: (answer: Answer) => void; reject: (error: Error) => void } | undefined;

  constructor(entry: URL) {
    this.worker = new Worker(entry, { type: "module" });
    this.worker.onmessage = ({ data }) => this.settle?.resolve(data);
    this.worker.onerror = (event) => {
      event.preventDefault();
      this.settle?.reject(new Error(event.message));
    };
  }

  ask(what: Ask): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.settle = { resolve, reject };
      this.worker.postMessage(what);
    });
  }

  /** Hands the bare worker out, for whoever wants many answers under way. */
  get bare(): Worker {
    return this.worker;
  }
  end(): void {
    this.worker.terminate();
  }
}

export class Crew {
  private readonly mates: Mate<Setup | Work, Done>[] = [];
  private arrivals = 0;

  /** Starts the threads and attaches them to the tables. */
  static async start(tables: readonly { size: Size; tables: Tables }[]): Promise<Crew> {
    const crew = new Crew();
    const meeting = new SharedArrayBuffer(MEETING_BYTES);
    const buffers = tables.map(({ size, tables }) => ({ size, buffer: tables.buffer }));
    for (let thread = 0; thread < THREADS_MAX; thread++) {
      const mate = new Mate<Setup | Work, Done>(new URL("./thread.ts", import.meta.url));
      crew.mates.push(mate);
      await mate.ask({ thread, meeting, tables: buffers });
    }
    return crew;
  }

  /** Has the first `threads` threads do the same work at the same time. */
  do(task: Task, threads = 1): Promise<Done[]> {
    assert(threads <= this.mates.length, `${threads} threads, there are ${this.mates.length}`);
    const meets = task.kind === "pairs" || task.kind === "cas";
    const work = meets ? { ...task, startAt: this.arrivals += threads } : task;
    return Promise.all(this.mates.slice(0, threads).map((mate) => mate.ask(work)));
  }

  end(): void {
    for (const mate of this.mates) mate.end();
  }
}

/** A thread that owns plain maps and is asked by message, `inFlight` pairs at once. */
export class Owner {
  private constructor(private readonly mate: Mate<OwnerAsk, OwnerAnswer>, private readonly called: Int32Array) {}

  static async start({ capacity }: Size): Promise<Owner> {
    const mate = new Mate<OwnerAsk, OwnerAnswer>(new URL("./owner.ts", import.meta.url));
    await mate.ask({ functions: capacity.functions, containers: capacity.containers });
    return new Owner(mate, functionsCalled(capacity.functions, "few", 0, 1));
  }

  private readonly ids = requestIds(0);

  pairs(ms: number, inFlight: number): Promise<Done> {
    const worker = this.mate.bare;
    const acquired = new Uint8Array(REQUESTS);
    const startMs = performance.now();
    let begun = 0, count = 0, under = 0;
    return new Promise((resolve, reject) => {
      const acquire = () => {
        const n = begun++ & (REQUESTS - 1);
        acquired[n] = 0;
        under++;
        worker.postMessage({ n, id: this.ids[n], functionSlot: this.called[n] });
      };
      worker.onmessage = ({ data: { n, ok } }: MessageEvent<OwnerAnswer>) => {
        if (!ok) return reject(new Error(`the owner refused request ${n}`));
        if (acquired[n] === 0) {
          acquired[n] = 1;
          return worker.postMessage({ n, id: this.ids[n] });
        }
        count++;
        under--;
        const elapsedMs = performance.now() - startMs;
        if (elapsedMs < ms) acquire();
        else if (under === 0) resolve({ count, elapsedMs });
      };
      for (let i = 0; i < inFlight; i++) acquire();
    });
  }

  end(): void {
    this.mate.end();
  }
}
