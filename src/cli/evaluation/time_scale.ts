/** A workload in real time, or so many times faster. */
import type { Clock } from "../../base/mod.ts";
import type { ClusterOptions } from "../../simulator/mod.ts";
import type { Workload } from "../../simulator/workloads/mod.ts";

/**
 * The workload as it is sent at this speed: arrivals, work and timeouts take so many times less. What is scaled is the
 * work and not the clock, so that whatever a scheduler is told (durations, retry delays, stats) is in its own time.
 */
export function atSpeed(workload: Workload, speed: number): Workload {
  const { calls } = workload;
  return {
    ...workload,
    durationMs: workload.durationMs / speed,
    functions: workload.functions.map((one) => ({ ...one, timeoutMs: Math.ceil(one.timeoutMs / speed) })),
    calls: {
      ...calls,
      atMs: calls.atMs.map((ms) => ms / speed),
      cpuMs: calls.cpuMs.map((ms) => ms / speed),
      sleepMs: calls.sleepMs.map((ms) => ms / speed),
    },
  };
}

/** The cluster at this speed: what takes time takes so many times less. */
export function clusterAtSpeed(cluster: ClusterOptions, speed: number): ClusterOptions {
  return {
    ...cluster,
    refillMs: cluster.refillMs / speed,
    startDelayMs: cluster.startDelayMs / speed,
    startCpuMs: cluster.startCpuMs / speed,
  };
}

/** Reads a clock in the workload's time: 0 until it begins. */
export class WorkloadTime {
  #beganMs: number | undefined;

  constructor(private readonly clock: Clock, private readonly speed: number) {}

  begin(): void {
    this.#beganMs = this.clock.nowMs();
  }

  /** Milliseconds of the workload. */
  nowMs(): number {
    return this.realMs() * this.speed;
  }

  /** Milliseconds on the clock since it began. */
  realMs(): number {
    return this.#beganMs === undefined ? 0 : this.clock.nowMs() - this.#beganMs;
  }
}
