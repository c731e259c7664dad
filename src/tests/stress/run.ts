/** One stress run: starts the workers, plays the controller, holds everybody at barriers and checks. */
import { assert, type Random, seededRandom } from "../../base/mod.ts";
import { Tables } from "../../core/mod.ts";
import type { BrokenBuild } from "./broken.ts";
import { checkAll } from "./checks.ts";
import { Command, Control, WorkerState } from "./control.ts";
import { Keeper } from "./keeper.ts";
import { mixSeed } from "./operations.ts";
import { OrderLog } from "./order.ts";
import { capacityOf, type Scene, Stage } from "./scene.ts";
import { Shadow, Violation } from "./shadow.ts";
import type { WorkerStart } from "./worker.ts";

export interface StressOptions {
  readonly workers: number;
  readonly seconds: number;
  readonly seed: number;
  readonly broken?: BrokenBuild;
}

export interface StressReport {
  readonly seed: number;
  readonly seconds: number;
  /** Operations of all workers. */
  readonly operations: number;
  readonly operationsPerSecond: number;
  readonly counts: Record<string, number>;
  /** What the controller did. */
  readonly moves: Record<string, number>;
  readonly barriers: number;
  /** Grants to waiters whose order was checked. */
  readonly ordered: number;
  /** Workers that failed and were replaced. */
  readonly replaced: number;
  /** What was found; undefined where nothing was. */
  readonly violation?: string;
}

const IDS = 256;
/** Time between two barriers of the long kind. The short kind comes after a few moves of the controller. */
const ROUND_MS = 100;
const SHORT_MOVES_MAX = 6;
/** Operations of each worker in a short round; where it is 0 they go on until the controller has made its moves. */
const QUOTA_MAX = 6;
/** One round of so many is of the long kind; about half of the time goes into each. */
const LONG_ODDS = 200;
/** A worker that sleeps although its bell has been rung gets so long to wake up, and so many barriers of the others. */
const WAKE_MS = 5_000, WAKE_BARRIERS = 100;
const START_MS = 30_000;
/** Milliseconds, about. */
const MESSAGE_TRIES = 2_000;

/** Runs until the time is over or something is found; `goesOn` is called several times a second until then. */
export async function runStress(options: StressOptions, goesOn: () => void = () => {}): Promise<StressReport> {
  const run = new StressRun(options, goesOn);
  try {
    await run.play();
    return run.report();
  } catch (error) {
    assert(error instanceof Error, "something else than an Error was thrown");
    await run.awaitFailure();
    return run.report(`${error.name}: ${error.message}`);
  } finally {
    run.close();
  }
}

class StressRun {
  private readonly scene: Scene;
  private readonly stage: Stage;
  private readonly keeper: Keeper;
  private readonly random: Random;
  private readonly threads: Worker[] = [];
  private readonly lives: number[] = [];
  /** When the workers had started. */
  private began = performance.now();
  /** Of each worker, since when it sleeps though its bell has been rung. */
  private readonly late: ({ readonly ms: number; readonly barriers: number } | undefined)[] = [];
  private readonly failures: string[] = [];
  private barriers = 0;
  private replaced = 0;

  constructor(private readonly options: StressOptions, private readonly goesOn: () => void) {
    const capacity = capacityOf(options.seed, options.workers, options.broken);
    this.scene = {
      capacity,
      seed: options.seed,
      ids: IDS,
      broken: options.broken,
      tables: new Tables(capacity).buffer,
      control: new Control(options.workers + 1).buffer,
      shadow: new Shadow(capacity, IDS).buffer,
      order: new OrderLog(options.workers + 1).buffer,
    };
    this.stage = new Stage(this.scene, 0);
    this.keeper = new Keeper(this.stage, options.seed);
    this.random = seededRandom(mixSeed(options.seed, 0, 1));
  }

  async play(): Promise<void> {
    const { control } = this.stage;
    control.halt();
    for (let worker = 1; worker <= this.options.workers; worker++) this.start(worker, 0);
    await this.awaitStart();
    this.began = performance.now();
    const endAt = performance.now() + this.options.seconds * 1_000;
    while (performance.now() < endAt) {
      if (this.random.below(LONG_ODDS) === 0) await this.longRound();
      else this.shortRound();
      this.barrier();
    }
    control.release(Command.end);
    await this.awaitEnd();
    this.keeper.settle();
  }

  report(violation?: string): StressReport {
    const { control, order } = this.stage;
    const seconds = (performance.now() - this.began) / 1_000;
    const counts = control.counts();
    const operations = Object.values(counts).reduce((sum, count) => sum + count, 0);
    return {
      seed: this.options.seed,
      seconds,
      operations,
      operationsPerSecond: Math.round(operations / seconds),
      counts,
      moves: this.keeper.counts(),
      barriers: this.barriers,
      ordered: order.checked,
      replaced: this.replaced,
      violation: this.failures[0] ?? violation,
    };
  }

  /** What a worker has found is the cause of what others find after it: waits for its message. */
  async awaitFailure(): Promise<void> {
    const { control } = this.stage;
    for (let tries = 0; tries < MESSAGE_TRIES && this.failures.length === 0; tries++) {
      if (this.threads.every((_, worker) => control.state(worker) !== WorkerState.failed)) return;
      await turn();
    }
  }

  /** Lets no thread go on; one in an endless loop ends with the process. */
  close(): void {
    this.stage.control.release(Command.end);
    for (const thread of this.threads) thread?.terminate();
  }

  private start(worker: number, life: number): void {
    this.stage.control.setState(worker, WorkerState.starting);
    const thread = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
    thread.onmessage = ({ data }: MessageEvent<string>) => this.failures.push(data);
    thread.onerror = (event) => {
      event.preventDefault();
      this.failures.push(`worker ${worker}: ${event.message}`);
      this.stage.control.setState(worker, WorkerState.failed);
    };
    const start: WorkerStart = { scene: this.scene, worker, life };
    thread.postMessage(start);
    this.threads[worker] = thread;
    this.lives[worker] = life;
  }

  /** A few operations of each worker, at the same time as far as the machine has it, or as many as come in a moment. */
  private shortRound(): void {
    const { control } = this.stage;
    const quota = this.random.below(QUOTA_MAX + 1);
    control.release(Command.run, quota);
    for (let moves = this.random.below(SHORT_MOVES_MAX); moves >= 0; moves--) this.move();
    this.replaceExited();
    this.ringAll();
    if (quota > 0) this.awaitHalt();
  }

  /** Who sleeps may have nothing to wait for. */
  private ringAll(): void {
    for (let worker = 1; worker <= this.options.workers; worker++) this.stage.tables.mailboxes.ring(worker);
  }

  private async longRound(): Promise<void> {
    const until = performance.now() + ROUND_MS;
    this.stage.control.release(Command.run);
    while (performance.now() < until) {
      for (let moves = this.random.below(8); moves >= 0; moves--) this.move();
      this.replaceExited();
      this.stage.control.rest();
    }
    this.ringAll();
    this.goesOn();
    await turn(); // The messages of the workers come in here.
  }

  private move(): void {
    this.stage.control.nowMs = Math.floor(performance.now() - this.began);
    this.keeper.move();
  }

  /** Nobody is in the middle of an operation: everything must add up. */
  private barrier(): void {
    const { control } = this.stage;
    control.halt();
    this.awaitHalt();
    this.barriers++;
    for (let worker = 1; worker <= this.options.workers; worker++) {
      if (control.state(worker) === WorkerState.failed) throw new Violation(`worker ${worker} has found something`);
      this.checkSleep(worker);
    }
    checkAll(this.stage, this.keeper);
  }

  private awaitHalt(): void {
    const hung = this.stage.control.awaitHalt();
    if (hung) throw new Violation(`worker ${hung.worker} does not come to the end of "${hung.operation}"`);
  }

  /** Who sleeps on a count of the bell that is no more must wake up. */
  private checkSleep(worker: number): void {
    const { control, tables } = this.stage;
    const late = control.state(worker) === WorkerState.asleep &&
      tables.mailboxes.bell(worker) !== control.bellSleptOn(worker);
    if (!late) return void (this.late[worker] = undefined);
    const since = this.late[worker] ??= { ms: performance.now(), barriers: this.barriers };
    if (this.barriers - since.barriers < WAKE_BARRIERS || performance.now() - since.ms < WAKE_MS) return;
    throw new Violation(`worker ${worker} slept through its bell`);
  }

  /** Sweeps what a worker left that has said that it is gone, while the others go on, and starts another. */
  private replaceExited(): void {
    for (let worker = 1; worker <= this.options.workers; worker++) {
      if (this.stage.control.state(worker) !== WorkerState.exited) continue;
      this.stage.sweep(worker);
      this.replaced++;
      this.start(worker, this.lives[worker] + 1);
    }
  }

  private async awaitStart(): Promise<void> {
    const until = performance.now() + START_MS;
    const { control } = this.stage;
    for (let worker = 1; worker <= this.options.workers; worker++) {
      while (control.state(worker) !== WorkerState.halted) {
        if (performance.now() > until) throw new Violation(`worker ${worker} does not start`);
        await turn();
      }
    }
  }

  private async awaitEnd(): Promise<void> {
    const { control, tables } = this.stage;
    const until = performance.now() + START_MS;
    for (let worker = 1; worker <= this.options.workers; worker++) {
      while (control.state(worker) !== WorkerState.done) {
        if (control.state(worker) === WorkerState.failed) {
          await turn();
          throw new Violation(`worker ${worker} has found something`);
        }
        if (control.state(worker) === WorkerState.exited) this.replaceExited();
        if (performance.now() > until) throw new Violation(`worker ${worker} does not end`);
        tables.mailboxes.ring(worker);
        await turn();
      }
    }
  }
}

/** Lets messages of the workers in. */
function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 1));
}
