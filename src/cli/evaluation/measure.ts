/** One scheduler's run over real sockets. */
import { messageOf, PlatformError, systemClock } from "../../base/mod.ts";
import type { ClusterOptions, RunResult } from "../../simulator/mod.ts";
import type { OnNote, Workload } from "../../simulator/workloads/mod.ts";
import { NodeClients } from "../compose/node_clients.ts";
import { Closers, type Shared, systemShared } from "../compose/shared.ts";
import type { Settings } from "../platform_flags.ts";
import type { EvaluateValues, Target } from "./evaluate_flags.ts";
import { type Lateness, latenessOf } from "./lateness.ts";
import { type CallErrors, type LoadResult, sendLoad } from "./load.ts";
import { openCluster } from "./measured_cluster.ts";
import { Measurements } from "./measurements.ts";
import { startOwnScheduler } from "./own_scheduler.ts";
import { schedulerReady } from "./readiness.ts";
import { runResultOf } from "./run_result.ts";
import { connectScheduler } from "./scheduler_connections.ts";
import { atSpeed, clusterAtSpeed, WorkloadTime } from "./time_scale.ts";

export interface Watcher {
  readonly onNote: OnNote;
  readonly onProgress: (what: string, share: number) => void;
  /** Ports are open, and a scheduler is waited for. */
  readonly onWaiting: (target: Target, resourceManager: string) => void;
  /** Stops sending and goes on with what there is. */
  readonly signal: AbortSignal;
  readonly writeLog: (line: string) => void;
}

/** One scheduler's run, and how well it could be measured. */
export interface Measured {
  readonly name: string;
  readonly result: RunResult;
  readonly lateness: Lateness;
  /** Calls that were not sent since too many were under way. */
  readonly unsent: number;
  readonly errors: readonly CallErrors[];
}

interface MeasureParts {
  readonly values: EvaluateValues;
  readonly workload: Workload;
  readonly cluster: ClusterOptions;
  readonly settings: Settings;
  readonly watcher: Watcher;
}

/** A fresh cluster, the whole workload, and nothing left of it. */
export async function measure(
  target: Target | { name: string; policy: string },
  { values, workload, cluster, settings, watcher }: MeasureParts,
): Promise<Measured & { load: LoadResult }> {
  const { speed, seed } = values;
  const { signal, onProgress, writeLog: write } = watcher;
  const { token, peerTls } = settings;
  const shared = systemShared({ level: "error", write, token, peerTls });
  const time = new WorkloadTime(systemClock, speed);
  const measurements = new Measurements(time, workload.functions);
  const sent = atSpeed(workload, speed);
  const closers = new Closers();
  try {
    // A scheduler elsewhere looks for the resource manager where it was told to; our own is told where it is.
    const ports = "policy" in target ? { resourcemanagerPort: 0, nodePort: 0 } : {};
    const opened = await openCluster(shared, { ...settings, ...ports }, clusterAtSpeed(cluster, speed), measurements);
    closers.add(() => opened.close());
    const address = await addressOfTarget(target, opened.address, {
      ...{ shared, cluster, settings, sent, closers },
      weights: values.weights,
    });
    const scheduler = connectScheduler(shared.connect, address);
    closers.add(() => scheduler.close());
    if (!("policy" in target)) watcher.onWaiting(target, opened.address);
    await waitFor({ shared, scheduler, address, signal }, values.wait);
    const nodes = new NodeClients(shared.connect);
    closers.add(() => nodes.close());
    const load = await sendLoad({
      ...{ clock: shared.clock, random: shared.random, log: shared.log("evaluation"), scheduler, nodes },
      ...{ workload: sent, speed, time, measurements, signal },
      onProgress: (over, of) => onProgress(target.name, over / of),
    });
    const result = runResultOf({ policy: target.name, seed, workload, load, measurements });
    const { lateMs, sent: sentCount, unsent, errors } = load;
    return { name: target.name, result, lateness: latenessOf(lateMs, sentCount), unsent, errors, load };
  } finally {
    await closers.close(0);
  }
}

/** Where the target listens; our own is started first. */
async function addressOfTarget(
  target: Target | { name: string; policy: string },
  resourceManager: string,
  parts: {
    shared: Shared;
    cluster: ClusterOptions;
    settings: Settings;
    sent: Workload;
    weights: EvaluateValues["weights"];
    closers: Closers;
  },
): Promise<string> {
  if (!("policy" in target)) return target.address;
  const { shared, cluster, settings: door, sent: workload, weights, closers } = parts;
  const { policy } = target;
  const own = await startOwnScheduler(shared, { ...{ policy, weights, resourceManager, door, workload, cluster } });
  closers.add(() => own.close());
  return own.address;
}

async function waitFor(
  parts: {
    shared: Shared;
    scheduler: Parameters<typeof schedulerReady>[0]["scheduler"];
    address: string;
    signal: AbortSignal;
  },
  waitMs: number,
): Promise<void> {
  const { shared: { clock }, ...rest } = parts;
  try {
    await schedulerReady({ clock, ...rest }, waitMs);
  } catch (error) {
    if (!parts.signal.aborted) throw error;
    throw new PlatformError("cancelled", `stopped while waiting for a scheduler: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
