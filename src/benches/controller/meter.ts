/** Adds up what parts of a program take, each without what it calls of the others. */

/** `outside`: not the controller's. */
export const PARTS = ["ticks", "rounds", "starts", "removals", "stats", "nodes", "outside"] as const;
export type Part = typeof PARTS[number];

/**
 * A continuation of what a node answered comes so many microtasks after the answer at most: `retry` around the call, the
 * function that awaits it, and those that await that.
 */
const HOPS = 12;

/**
 * One part runs at a time; what another calls of it is its own. Time by the clock, since threads here are told their
 * processor time in steps of 10 ms only: whoever wants it without the moments in which the machine did something else
 * measures several times and takes the least.
 */
export class Meter {
  readonly ms: Record<Part, number> = { ticks: 0, rounds: 0, starts: 0, removals: 0, stats: 0, nodes: 0, outside: 0 };
  #part: Part = "outside";
  #sinceMs = performance.now();
  /** Answers whose continuations run. */
  #open = 0;

  /** Runs `work` as part of `part`. */
  run<T>(part: Part, work: () => T): T {
    const before = this.#enter(part);
    try {
      return work();
    } finally {
      this.#enter(before);
    }
  }

  /** What continues upon `promise` is part of `part`. */
  answer<T>(part: Part, promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      promise.then((value) => {
        resolve(value);
        this.#continues(part);
      }, (error) => {
        reject(error);
        this.#continues(part);
      });
    });
  }

  /** What was added up by now. */
  read(): Record<Part, number> {
    this.#enter(this.#part);
    return { ...this.ms };
  }

  /** Forgets what was added up. */
  reset(): void {
    this.#enter(this.#part);
    for (const part of PARTS) this.ms[part] = 0;
  }

  #continues(part: Part): void {
    this.#open++;
    this.#enter(part);
    let hops = HOPS;
    const hop = () => {
      if (--hops > 0) queueMicrotask(hop);
      else if (--this.#open === 0) this.#enter("outside");
    };
    queueMicrotask(hop);
  }

  #enter(part: Part): Part {
    const nowMs = performance.now(), before = this.#part;
    this.ms[before] += nowMs - this.#sinceMs;
    this.#part = part;
    this.#sinceMs = nowMs;
    return before;
  }
}
