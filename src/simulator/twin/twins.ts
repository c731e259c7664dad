import type { FunctionSpec } from "../../base/mod.ts";
import type { Policy } from "../../policy/mod.ts";
import { CALL_NUMBERS, type Observations, type ObservedCall, readCall } from "../../scheduler/score/observer.ts";
import type { SchedulerOptions } from "../../scheduler/options.ts";
import type { ShadowsView, TwinView } from "../../scheduler/score/view.ts";
import type { Capacity } from "../../core/mod.ts";
import { type ClusterOptions, DEFAULT_CLUSTER } from "../cluster/options.ts";
import { ANSWER_MS_MAX } from "../score/score.ts";
import { Ledger } from "./ledger.ts";
import { scoredCosts } from "./scored.ts";
import { Twin } from "./twin.ts";

/** Calls that are known and whose moment has not come in the twins: the lag at 10,000 calls a second and more. */
const PENDING_MAX = 1 << 19;
const CALLS_MAX_DEFAULT = 1 << 16;

export interface TwinsOptions {
  readonly policies: readonly {
    readonly name: string;
    readonly role: TwinView["role"];
    readonly create: () => Policy;
  }[];
  /** How far the twins follow behind the live platform, in milliseconds: calls that end within it come in their order. */
  readonly lagMs: number;
  readonly seed: number;
  /** As far as it is known; the rest is measured, or the reference environment's. */
  readonly cluster: Partial<ClusterOptions>;
  readonly scheduler: Partial<SchedulerOptions>;
  readonly capacity: Capacity;
  /** Calls under way at once in each twin. 65,536 by default. */
  readonly callsMax?: number;
}

/**
 * Policies in virtual time on the calls of a live platform, a fixed time behind it. Every twin gets the same calls: a
 * run takes as long as it took live, with the crowding that it met there, and crowding in the twin comes on top of it.
 */
export class Twins {
  readonly #options: TwinsOptions;
  /** One for all twins, written when something new was measured. */
  readonly #cluster: { -readonly [K in keyof ClusterOptions]: ClusterOptions[K] };
  readonly #live = new Ledger();
  readonly #specs: FunctionSpec[] = [];
  #twins: { readonly policy: string; readonly role: TwinView["role"]; readonly twin: Twin }[] = [];
  #pending: ObservedCall[] = [];
  #nodes: (readonly [atMs: number, count: number])[] = [];
  #held = 0;
  #nodesMax = Infinity;
  #nowMs = -Infinity;
  #calls = 0;
  #late = 0;
  #dropped = 0;
  #droppedBefore = 0;

  constructor(options: TwinsOptions) {
    this.#options = options;
    this.#cluster = { ...DEFAULT_CLUSTER, peakTold: "container", ...options.cluster };
  }

  /** Takes a batch and goes on to the moment it allows. One at a time. */
  async take(batch: Observations): Promise<void> {
    this.#measure(batch);
    const untilMs = batch.nowMs - this.#options.lagMs;
    if (this.#nowMs === -Infinity) await this.#start(untilMs);
    for (const { slot, spec } of batch.functions) this.#define(slot, spec);
    for (let at = 0; at < batch.calls.length; at += CALL_NUMBERS) {
      if (this.#pending.length < PENDING_MAX) this.#pending.push(readCall(batch.calls, at));
      else this.#dropped++;
    }
    this.#nodes.push(...batch.nodes);
    this.#droppedBefore = batch.dropped;
    const due = this.#due(untilMs);
    for (const { twin } of this.#twins) await twin.run(due, untilMs);
    this.#account(due, untilMs);
    this.#nowMs = untilMs;
  }

  view(): ShadowsView {
    const nowMs = this.#nowMs;
    const baseline = this.#twins.find(({ role }) => role === "baseline")?.twin;
    const base = baseline?.failure === "" ? baseline.ledger : undefined;
    return {
      failure: "",
      lagSeconds: this.#options.lagMs / 1_000,
      calls: this.#calls,
      late: this.#late,
      dropped: this.#dropped + this.#droppedBefore + Math.max(0, ...this.#twins.map(({ twin }) => twin.dropped)),
      live: { hour: this.#live.hour(nowMs).view(), total: this.#live.total().view() },
      twins: this.#twins.map(({ policy, role, twin: { ledger, failure } }) => ({
        ...{ policy, role, failure },
        hour: scoredCosts(ledger.hour(nowMs), base?.hour(nowMs)),
        total: scoredCosts(ledger.total(), base?.total()),
      })),
    };
  }

  close(): void {
    for (const { twin } of this.#twins) twin.close();
  }

  async #start(startMs: number): Promise<void> {
    this.#nowMs = startMs;
    const { policies, seed, scheduler, capacity, callsMax = CALLS_MAX_DEFAULT } = this.#options;
    this.#twins = policies.map(({ name, role, create }) => {
      const nodesMax = () => this.#nodesMax;
      const options = { policy: create, seed, nodesMax, cluster: this.#cluster, scheduler, capacity, callsMax };
      return { policy: name, role, twin: new Twin(options, startMs) };
    });
    for (const { twin } of this.#twins) await twin.start();
  }

  #measure({ startMs, idleBytes, nodeBytes, nodesMax }: Observations): void {
    const { cluster } = this.#options;
    if (nodesMax > 0) this.#nodesMax = nodesMax;
    if (nodeBytes > 0 && cluster.nodeMemoryBytes === undefined) this.#cluster.nodeMemoryBytes = nodeBytes;
    if (idleBytes > 0 && cluster.idleBytes === undefined) this.#cluster.idleBytes = idleBytes;
    if (startMs > 0 && cluster.startDelayMs === undefined) {
      // As it was seen from here: what crowding it met is in it already.
      this.#cluster.startDelayMs = startMs;
      this.#cluster.startCpuMs = 0;
    }
  }

  #define(slot: number, spec: FunctionSpec): void {
    const before = this.#specs[slot];
    if (before && (before.accountId !== spec.accountId || before.functionName !== spec.functionName)) {
      this.#live.forget(slot);
    }
    this.#specs[slot] = spec;
    for (const { twin } of this.#twins) twin.define(slot, spec);
  }

  /** The calls whose moment has come, in their order. */
  #due(untilMs: number): ObservedCall[] {
    const due: ObservedCall[] = [], later: ObservedCall[] = [];
    for (const call of this.#pending) (call.arrivedMs <= untilMs ? due : later).push(call);
    this.#pending = later;
    return due.sort((a, b) => a.arrivedMs - b.arrivedMs);
  }

  /** Books what the live platform took for them. */
  #account(due: readonly ObservedCall[], untilMs: number): void {
    for (const { slot, arrivedMs, waitedMs, durationMs, answered } of due) {
      this.#calls++;
      // They enter at the present of the twins, and are booked there here as well.
      if (arrivedMs < this.#nowMs) this.#late++;
      // As the score counts it: one without an answer, though its caller may have left sooner.
      const responseMs = answered ? waitedMs + durationMs : ANSWER_MS_MAX;
      this.#live.call(Math.max(arrivedMs, this.#nowMs), slot, responseMs, !answered);
    }
    let fromMs = this.#nowMs;
    while (this.#nodes.length > 0 && this.#nodes[0][0] <= untilMs) {
      const [atMs, count] = this.#nodes.shift()!;
      this.#live.nodes(this.#held, fromMs, Math.max(fromMs, atMs));
      fromMs = Math.max(fromMs, atMs);
      this.#held = count;
    }
    this.#live.nodes(this.#held, fromMs, untilMs);
  }
}
