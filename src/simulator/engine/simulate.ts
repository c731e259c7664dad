import { CONCURRENCY_MAX, seededRandom, silentLog } from "../../base/mod.ts";
import type { Capacity } from "../../core/mod.ts";
import type { Policy } from "../../policy/mod.ts";
import type { SchedulerParts } from "../../scheduler/context.ts";
import type { SchedulerOptions } from "../../scheduler/options.ts";
import { Scheduler } from "../../scheduler/scheduler.ts";
import { Cluster } from "../cluster/cluster.ts";
import { type ClusterOptions, DEFAULT_CLUSTER } from "../cluster/options.ts";
import { createCallResults, type RunResult } from "../score/types.ts";
import type { Workload } from "../workloads/types.ts";
import { Arrivals, specsOf } from "./arrivals.ts";
import { capacityFor } from "./capacity.ts";
import { VirtualClock } from "./virtual_clock.ts";

export interface SimulateOptions {
  readonly workload: Workload;
  /** A fresh one: policies learn within a run only. */
  readonly policy: Policy;
  readonly seed: number;
  readonly cluster?: Partial<ClusterOptions>;
  readonly scheduler?: Partial<SchedulerOptions>;
  readonly capacity?: Partial<Capacity>;
  /** Invocations that every function's owner allows in one container at once. As many as can be by default. */
  readonly concurrency?: number;
  /** What the scheduler is handed instead of `parts`: the same with something around them that watches or measures. */
  readonly around?: (parts: SchedulerParts) => SchedulerParts;
  /** Called now and then with how many calls are over. */
  readonly onProgress?: (over: number, of: number) => void;
}

/** A run's result and what it took. */
export interface Simulated extends RunResult {
  /** Events of virtual time. */
  readonly events: number;
}

/** Virtual time for a scheduler to come up before the workload begins. */
const START_UP_MS = 1_000;
/** Calls between two reports of progress. */
const PROGRESS_CALLS = 1 << 14;

/**
 * Runs a workload through the production scheduler with this policy in virtual time. The same options give the same
 * result, bit for bit.
 */
export async function simulate(options: SimulateOptions): Promise<Simulated> {
  const { workload, policy, seed } = options;
  // The workload begins at 0.
  const clock = new VirtualClock(-START_UP_MS);
  const random = seededRandom(seed);
  const specs = specsOf(workload, options.concurrency ?? CONCURRENCY_MAX);
  const indexes = new Map(specs.map(({ functionName }, index) => [functionName, index]));
  const clusterOptions = { ...DEFAULT_CLUSTER, ...options.cluster };
  const cluster = new Cluster({
    clock,
    random: seededRandom(random.uint32()),
    options: clusterOptions,
    functionIndex: (functionName) => indexes.get(functionName) ?? -1,
  });
  const parts: SchedulerParts = {
    clock,
    policy,
    random: seededRandom(random.uint32()),
    log: silentLog(clock),
    resourceManager: cluster.resourceManager,
    dial: (node) => cluster.dial(node),
  };
  const scheduler = new Scheduler(
    options.around?.(parts) ?? parts,
    {
      ownerId: "scheduler-1",
      nodesMax: clusterOptions.nodesMax,
      largestNodeBytes: clusterOptions.nodeMemoryBytes,
      overcommitMax: clusterOptions.overcommitMax,
      ...options.scheduler,
    },
    { ...capacityFor(workload, clusterOptions), ...options.capacity },
  );
  const started = scheduler.start();
  await clock.run(() => false, 0);
  await started;

  const { calls, durationMs } = workload;
  const results = createCallResults(calls.count);
  const counts = { waiting: 0, over: 0 };
  new Arrivals({ clock, cluster, scheduler: () => scheduler, calls, specs, results, counts }).begin();
  let told = 0;
  const isOver = () => {
    if (counts.over - told >= PROGRESS_CALLS) options.onProgress?.(told = counts.over, calls.count);
    return counts.over === calls.count && clock.nowMs() >= durationMs;
  };
  // The end of the workload is a moment of its own, whatever else happens.
  clock.after(durationMs, () => {});
  await clock.run(isOver);
  const endMs = Math.max(clock.nowMs(), durationMs);
  scheduler.checkInvariants();
  scheduler.close();
  await clock.run(() => true);
  return {
    policy: policy.name,
    seed,
    workload,
    endMs,
    calls: results,
    ...cluster.timeline.close(endMs),
    events: clock.events,
  };
}
