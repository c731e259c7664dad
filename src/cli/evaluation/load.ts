/** The load generator: the workload's calls at their times, each through an apiserver's own invoker. */
import { Invoker, type NodeInvokers } from "../../apiserver/mod.ts";
import {
  type Clock,
  CONCURRENCY_MAX,
  DEFAULT_ACCOUNT,
  type Log,
  messageOf,
  MIB,
  newId,
  PlatformError,
  type Random,
} from "../../base/mod.ts";
import type { Grant, SchedulerPort } from "../../scheduler/mod.ts";
import { ANSWER_MS_MAX, type CallResults, createCallResults, OUTCOME, START } from "../../simulator/mod.ts";
import { specsOf } from "../../simulator/engine/arrivals.ts";
import type { Workload } from "../../simulator/workloads/mod.ts";
import type { Measurements } from "./measurements.ts";
import type { WorkloadTime } from "./time_scale.ts";

/** Calls under way at once; what comes beyond is not sent and has failed. Each holds some kilobytes. */
const IN_FLIGHT_MAX = 50_000;
/** How long leases that a scheduler does not take back hold up the end. They have deadlines. */
const RELEASE_MS = 2_000;

export interface LoadParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly scheduler: SchedulerPort;
  readonly nodes: NodeInvokers;
  /** At the speed at which it is sent. */
  readonly workload: Workload;
  readonly speed: number;
  readonly time: WorkloadTime;
  readonly measurements: Measurements;
  /** Stops sending and gives up what is under way. */
  readonly signal: AbortSignal;
  readonly onProgress: (over: number, of: number) => void;
}

/** What became of the calls, in the workload's time. */
export interface LoadResult {
  readonly calls: CallResults;
  /** When each call was sent. */
  readonly sentMs: Float64Array;
  /** How much later than planned. */
  readonly lateMs: Float64Array;
  /** Calls whose outcome is known, by index: all of them, unless it was stopped. */
  readonly over: Uint8Array;
  readonly sent: number;
  /** Calls that were not sent since too many were under way. */
  readonly unsent: number;
  /** What calls failed with, by code: how many, and what the last one was told. */
  readonly errors: readonly CallErrors[];
  readonly endMs: number;
}

export interface CallErrors {
  readonly code: string;
  readonly count: number;
  readonly last: string;
}

/** Sends every call, resolves when the last one is over. An open loop: a slow scheduler does not slow arrivals down. */
export async function sendLoad(parts: LoadParts): Promise<LoadResult> {
  const load = new Load(parts);
  await load.run();
  return load.result;
}

class Load {
  readonly #parts: LoadParts;
  readonly #invoker: Invoker;
  readonly #names: readonly string[];
  readonly #calls: CallResults;
  readonly #sentMs: Float64Array;
  readonly #lateMs: Float64Array;
  readonly #over: Uint8Array;
  /** Of the present try of each call: when its container was granted. */
  readonly #grantedMs: Float64Array;
  /** Makes ids that this scheduler has never heard. */
  readonly #prefix = newId().slice(0, 12);
  readonly #done = Promise.withResolvers<void>();
  /** Request ids of leases that the scheduler has not taken back yet. */
  readonly #leases = new Set<string>();
  #noLeases: () => void = () => {};
  /** By code, of which there are few. */
  readonly #errors = new Map<string, CallErrors>();
  #sent = 0;
  #unsent = 0;
  #overCount = 0;
  #endMs = 0;
  #cancelNext = () => {};

  constructor(parts: LoadParts) {
    this.#parts = parts;
    const { workload, speed, clock, random, log, nodes, scheduler } = parts;
    const specs = specsOf(workload, CONCURRENCY_MAX);
    const byName = new Map(specs.map((spec) => [spec.functionName, spec]));
    const { count } = workload.calls;
    this.#names = specs.map(({ functionName }) => functionName);
    this.#calls = createCallResults(count);
    this.#sentMs = new Float64Array(count);
    this.#lateMs = new Float64Array(count);
    this.#over = new Uint8Array(count);
    this.#grantedMs = new Float64Array(count).fill(-1);
    this.#invoker = new Invoker({
      ...{ clock, random, log, nodes },
      registry: { resolve: ({ functionName }) => byName.get(functionName)! },
      scheduler: {
        ...scheduler,
        acquire: (request, options) => this.#acquire(request, options),
        release: (request, options) => this.#release(request, options),
      },
      acquireTimeoutMs: ANSWER_MS_MAX / speed,
    });
  }

  get result(): LoadResult {
    return {
      calls: this.#calls,
      sentMs: this.#sentMs,
      lateMs: this.#lateMs,
      over: this.#over,
      sent: this.#sent,
      unsent: this.#unsent,
      errors: [...this.#errors.values()].sort((a, b) => b.count - a.count),
      endMs: this.#endMs,
    };
  }

  async run(): Promise<void> {
    const { clock, signal, time, workload: { durationMs } } = this.#parts;
    const stopped = Promise.withResolvers<void>();
    const onAbort = () => stopped.resolve();
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) onAbort();
    time.begin();
    this.#sendDue();
    await Promise.race([this.#done.promise, stopped.promise]);
    const leftMs = durationMs - time.realMs();
    let cancel = () => {};
    if (leftMs > 0) {
      const end = new Promise<void>((resolve) => cancel = clock.after(leftMs, resolve));
      await Promise.race([end, stopped.promise]);
      cancel();
    }
    signal.removeEventListener("abort", onAbort);
    this.#cancelNext();
    this.#endMs = time.nowMs();
    await this.#giveBack();
  }

  /** Sends what is due, and comes back when the next call is. */
  #sendDue(): void {
    const { clock, signal, time, speed, workload: { calls } } = this.#parts;
    if (signal.aborted) return;
    const nowMs = time.realMs();
    while (this.#sent < calls.count && calls.atMs[this.#sent] <= nowMs) {
      const call = this.#sent++;
      this.#sentMs[call] = time.nowMs();
      this.#lateMs[call] = Math.max(0, this.#sentMs[call] - calls.atMs[call] * speed);
      if (call - this.#overCount >= IN_FLIGHT_MAX) {
        this.#unsent++;
        this.#end(call, OUTCOME.refused);
      } else void this.#invoke(call);
    }
    if (this.#sent < calls.count) {
      this.#cancelNext = clock.after(Math.max(0, calls.atMs[this.#sent] - nowMs), () => this.#sendDue());
    } else if (calls.count === 0) this.#done.resolve();
  }

  async #invoke(call: number): Promise<void> {
    const { signal, time, workload: { functions, calls } } = this.#parts;
    const functionIndex = calls.functionIndex[call];
    const program = {
      cpuMs: calls.cpuMs[call],
      sleepMs: calls.sleepMs[call],
      memoryMiB: calls.peakBytes[call] / MIB,
    };
    const { answer } = this.#invoker.start({
      accountId: DEFAULT_ACCOUNT,
      functionName: this.#names[functionIndex],
      requestId: `${this.#prefix}-${call}`,
      input: { kind: "event", event: new TextEncoder().encode(JSON.stringify(program)) },
      // The wait for a container, the run, and room for the node to tell of it.
      timeoutMs: 2 * ANSWER_MS_MAX + functions[functionIndex].timeoutMs,
      signal,
    });
    let error: PlatformError | undefined;
    try {
      const { body, ended } = await answer;
      for await (const _ of body);
      error = await ended;
    } catch (thrown) {
      error = thrown instanceof PlatformError ? thrown : new PlatformError("internal", messageOf(thrown));
    }
    if (signal.aborted && error) return;
    if (error) this.#noteError(error);
    const grantedMs = this.#grantedMs[call];
    if (grantedMs >= 0) this.#calls.executionMs[call] = Math.max(0, time.nowMs() - grantedMs);
    this.#end(call, outcomeOf(error, grantedMs >= 0));
  }

  /** The scheduler's acquire, of which it is noted when it was answered and with what. */
  async #acquire(...[request, options]: Parameters<SchedulerPort["acquire"]>): Promise<Grant> {
    const { scheduler, measurements, time } = this.#parts;
    // Tries after the first have another number behind.
    const call = Number(request.requestId.split("-")[1]);
    this.#grantedMs[call] = this.#calls.container[call] = -1;
    this.#calls.start[call] = START.none;
    const grant = await scheduler.acquire(request, options);
    this.#leases.add(request.requestId);
    const sentMs = this.#sentMs[call];
    const nowMs = this.#grantedMs[call] = time.nowMs();
    const { container, start } = measurements.granted(grant.containerId, sentMs, grant.queuedMs > 0);
    this.#calls.acquireMs[call] = nowMs - sentMs;
    this.#calls.container[call] = container;
    this.#calls.start[call] = start;
    return grant;
  }

  async #release(...[request, options]: Parameters<SchedulerPort["release"]>): Promise<void> {
    await this.#parts.scheduler.release(request, options);
    this.#leases.delete(request.requestId);
    if (this.#leases.size === 0) this.#noLeases();
  }

  #noteError(error: PlatformError): void {
    const code = error.failure ?? error.code;
    this.#errors.set(code, { code, count: (this.#errors.get(code)?.count ?? 0) + 1, last: messageOf(error) });
  }

  #end(call: number, outcome: number): void {
    const { time, workload: { calls }, onProgress } = this.#parts;
    if (outcome === OUTCOME.refused || outcome === OUTCOME.unanswered) {
      this.#calls.acquireMs[call] = time.nowMs() - this.#sentMs[call];
    }
    this.#calls.outcome[call] = outcome;
    this.#over[call] = 1;
    onProgress(++this.#overCount, calls.count);
    if (this.#overCount === calls.count) this.#done.resolve();
  }

  /** Waits for leases to be taken back, those of runs that were given up too; not for ever. */
  async #giveBack(): Promise<void> {
    if (this.#leases.size > 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#noLeases = resolve;
      const cancel = this.#parts.clock.after(RELEASE_MS, resolve);
      await promise;
      cancel();
    }
    this.#invoker.close();
  }
}

/** How a call ended, as the score counts it. */
export function outcomeOf(error: PlatformError | undefined, hasContainer: boolean): number {
  if (error === undefined) return OUTCOME.ok;
  if (!hasContainer) return error.code === "deadline_exceeded" ? OUTCOME.unanswered : OUTCOME.refused;
  const { failure } = error;
  if (failure === "out_of_memory" || failure === "timeout") return OUTCOME[failure];
  return OUTCOME.lost;
}
