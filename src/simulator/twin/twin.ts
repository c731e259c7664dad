import { type FunctionSpec, Log, messageOf, PlatformError, seededRandom } from "../../base/mod.ts";
import type { Policy } from "../../policy/mod.ts";
import type { ObservedCall } from "../../scheduler/score/observer.ts";
import type { SchedulerOptions } from "../../scheduler/options.ts";
import { Scheduler } from "../../scheduler/scheduler.ts";
import type { Capacity } from "../../core/mod.ts";
import { Cluster } from "../cluster/cluster.ts";
import type { ClusterOptions } from "../cluster/options.ts";
import { Call, type CallParts } from "../engine/call.ts";
import { VirtualClock } from "../engine/virtual_clock.ts";
import { CallPool } from "./call_pool.ts";
import { HeldNodes } from "./held_nodes.ts";
import { Ledger } from "./ledger.ts";

export interface TwinOptions {
  readonly policy: () => Policy;
  readonly seed: number;
  /** Nodes that it may hold now, however many the cluster has. */
  readonly nodesMax: () => number;
  /** Read whenever it matters: what is measured later may stand in it later. */
  readonly cluster: ClusterOptions;
  readonly scheduler: Partial<SchedulerOptions>;
  readonly capacity: Capacity;
  /** Calls under way at once. */
  readonly callsMax: number;
}

/** Virtual time for the scheduler to come up before the first call. */
const START_UP_MS = 1_000;

/**
 * One policy with the production scheduler on a cluster of its own in virtual time, which calls are put into as they
 * become known. A policy that fails ends its twin, and nothing else.
 */
export class Twin {
  readonly ledger = new Ledger();
  /** Why it ended; empty while it runs. */
  failure = "";
  /** Calls left out since there was no place for them. */
  dropped = 0;
  readonly #options: TwinOptions;
  readonly #clock: VirtualClock;
  readonly #nodes: HeldNodes;
  readonly #pool: CallPool;
  readonly #specs: FunctionSpec[] = [];
  readonly #parts: CallParts | undefined;
  readonly #scheduler: Scheduler | undefined;

  /** Its time begins at `startMs`. */
  constructor(options: TwinOptions, startMs: number) {
    this.#options = options;
    const clock = this.#clock = new VirtualClock(startMs - START_UP_MS);
    const timeline = this.#nodes = new HeldNodes(this.ledger, startMs - START_UP_MS);
    const pool = this.#pool = new CallPool(options.callsMax);
    const random = seededRandom(options.seed);
    const parts = { clock, random: seededRandom(random.uint32()), options: options.cluster, timeline };
    const cluster = new Cluster({ ...parts, functionIndex: () => 0 });
    try {
      const scheduler = this.#scheduler = new Scheduler(
        {
          clock,
          policy: options.policy(),
          random: seededRandom(random.uint32()),
          // What the scheduler calls an error is one of its policy's, or of this model.
          log: new Log({ service: "twin", level: "error", write: (line) => this.#fail(textOf(line)), clock }),
          resourceManager: {
            ...cluster.resourceManager,
            reserveNode: (request, call) => {
              if (timeline.held < options.nodesMax()) return cluster.resourceManager.reserveNode(request, call);
              return Promise.reject(new PlatformError("resource_exhausted", "the live platform has no more nodes"));
            },
          },
          dial: (node) => cluster.dial(node),
        },
        { ...options.scheduler, ownerId: "twin", largestNodeBytes: options.cluster.nodeMemoryBytes },
        options.capacity,
      );
      this.#parts = {
        ...{ clock, cluster, scheduler: () => scheduler, calls: pool.calls, results: pool.results },
        specs: this.#specs,
        counts: { waiting: 0, over: 0 },
        watch: {
          forgets: () => false,
          asked: () => {},
          granted: () => {},
          over: (index, outcome) => {
            const { slot, atMs, responseMs, isFailed } = pool.give(index, outcome);
            this.ledger.call(atMs, slot, responseMs, isFailed);
          },
        },
      };
    } catch (error) {
      this.#fail(messageOf(error));
    }
  }

  /** Comes up; its first call may arrive afterwards. */
  async start(): Promise<void> {
    await this.#guarded(async () => {
      const started = this.#scheduler!.start();
      await this.#clock.run(() => false, this.#clock.nowMs() + START_UP_MS);
      await started;
    });
  }

  /** The function in this slot is this one from now on. */
  define(slot: number, spec: FunctionSpec): void {
    const before = this.#specs[slot];
    const isSame = before?.accountId === spec.accountId && before.functionName === spec.functionName;
    if (before && !isSame) this.ledger.forget(slot);
    this.#specs[slot] = spec;
  }

  /** Lets the calls arrive, in their order and not before its present, and time go on to `untilMs`. */
  async run(calls: readonly ObservedCall[], untilMs: number): Promise<void> {
    await this.#guarded(async () => {
      for (const call of calls) this.#arrive(call);
      await this.#clock.run(() => this.failure !== "", untilMs);
      this.#nodes.settle(this.#clock.nowMs());
    });
  }

  close(): void {
    this.#scheduler?.close();
  }

  #arrive(call: ObservedCall): void {
    const spec = this.#specs[call.slot];
    const atMs = Math.max(call.arrivedMs, this.#clock.nowMs());
    const index = spec ? this.#pool.take(call, spec, atMs, this.#options.cluster.idleBytes) : -1;
    if (index < 0) return void this.dropped++;
    this.#clock.schedule(new Call(this.#parts!, index), atMs);
  }

  async #guarded(run: () => Promise<void>): Promise<void> {
    if (this.failure !== "") return;
    try {
      await run();
    } catch (error) {
      this.#fail(messageOf(error));
    }
  }

  #fail(reason: string): void {
    if (this.failure === "") this.failure = reason;
  }
}

function textOf(line: string): string {
  const { text, error, most } = JSON.parse(line);
  return [text, error ?? most].filter((part) => part !== undefined).join(": ");
}
