/**
 * How the controller holds the workers: words of a buffer of their own, apart from the tables.
 *
 * Each worker has a state. A worker that wants to go on stores `running` and then looks at the command; the controller
 * stores the command and then looks at the states: one of the two sees the other, so after `halt` nobody is in the
 * middle of an operation. A round may have a quota: then each worker halts by itself after so many operations.
 */
import { OPERATIONS } from "./operations.ts";

export const WorkerState = { starting: 0, running: 1, halted: 2, asleep: 3, exited: 4, failed: 5, done: 6 } as const;
export const Command = { run: 0, halt: 1, end: 2 } as const;

const COMMAND = 0, CLOCK = 1, NOW = 2, ROUND = 3, QUOTA = 4, HEADER = 16;
const STATE = 0, OPERATION = 1, SLEEPS_ON = 2, COUNTS = 16, WORKER_WORDS = 64;

/**
 * An operation takes microseconds; one that is seen at it so often, so far apart, has not been kept waiting by the
 * machine. Often, because a machine that stands still for a while is seen once.
 */
const HANG_LOOKS = 20, HANG_LOOK_MS = 300;

export class Control {
  private readonly words: Int32Array<SharedArrayBuffer>;
  /** A worker's own: the round it is in, and how many operations it has begun in it. */
  private round = -1;
  private begun = 0;

  constructor(
    readonly workers: number,
    readonly buffer = new SharedArrayBuffer(4 * (HEADER + workers * WORKER_WORDS)),
  ) {
    this.words = new Int32Array(buffer);
  }

  /** A number that grows with every call of any thread: what happened before what. */
  tick(): number {
    return Atomics.add(this.words, CLOCK, 1) + 1;
  }
  get nowMs(): number {
    return Atomics.load(this.words, NOW);
  }
  set nowMs(nowMs: number) {
    Atomics.store(this.words, NOW, nowMs);
  }
  private get command(): number {
    return Atomics.load(this.words, COMMAND);
  }

  state(worker: number): number {
    return Atomics.load(this.words, this.at(worker) + STATE);
  }
  setState(worker: number, state: number): void {
    Atomics.store(this.words, this.at(worker) + STATE, state);
    Atomics.notify(this.words, this.at(worker) + STATE);
  }

  /** Tells that a worker begins an operation; plain, because only reports read it. */
  begins(worker: number, operation: number): void {
    const at = this.at(worker);
    this.words[at + OPERATION] = operation;
    this.words[at + COUNTS + operation]++;
  }
  /** The worker is about to sleep on this count of its bell. */
  sleepsOn(worker: number, bell: number): void {
    Atomics.store(this.words, this.at(worker) + SLEEPS_ON, bell);
  }
  bellSleptOn(worker: number): number {
    return Atomics.load(this.words, this.at(worker) + SLEEPS_ON);
  }

  /** The worker's side: goes on, or stays halted until it may. Answers the command it goes on with. */
  proceed(worker: number): number {
    for (;;) {
      if (this.state(worker) !== WorkerState.running) this.setState(worker, WorkerState.running);
      const round = Atomics.load(this.words, ROUND);
      if (round !== this.round) this.begun = 0;
      this.round = round;
      const command = this.command, quota = Atomics.load(this.words, QUOTA);
      if (command === Command.end) return command;
      if (command === Command.run && (quota === 0 || this.begun < quota)) {
        this.begun++;
        return command;
      }
      this.setState(worker, WorkerState.halted);
      Atomics.wait(this.words, ROUND, round);
    }
  }

  /** The controller's side: from now on no worker begins an operation. */
  halt(): void {
    Atomics.store(this.words, COMMAND, Command.halt);
  }
  /** Begins another round, or the end. A quota of 0 has no end but the next halt. */
  release(command: number, quota = 0): void {
    Atomics.store(this.words, QUOTA, quota);
    Atomics.store(this.words, COMMAND, command);
    Atomics.add(this.words, ROUND, 1);
    Atomics.notify(this.words, ROUND);
  }

  /** Waits until no worker runs; answers the one that does not come to an end, with what it is at, or undefined. */
  awaitHalt(): { worker: number; operation: string } | undefined {
    for (let worker = 1; worker < this.workers; worker++) {
      const at = this.at(worker) + STATE;
      for (let looks = 0; Atomics.load(this.words, at) === WorkerState.running;) {
        if (Atomics.wait(this.words, at, WorkerState.running, HANG_LOOK_MS) !== "timed-out") continue;
        if (++looks < HANG_LOOKS) continue;
        return { worker, operation: OPERATIONS[this.words[this.at(worker) + OPERATION]] };
      }
    }
  }

  /** A short sleep of whoever waits for another thread. */
  rest(ms = 1): void {
    Atomics.wait(this.words, HEADER - 1, 0, ms);
  }

  /** How often each operation was begun, by all workers together. */
  counts(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const [n, name] of OPERATIONS.entries()) {
      counts[name] = 0;
      for (let worker = 0; worker < this.workers; worker++) counts[name] += this.words[this.at(worker) + COUNTS + n];
    }
    return counts;
  }

  private at(worker: number): number {
    return HEADER + worker * WORKER_WORDS;
  }
}
