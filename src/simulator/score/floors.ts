/** What no policy can be better than: response time without any waiting, node time without any wasted memory. */
import { assert, GIB, MIB, VCPU_PER_GIB } from "../../base/mod.ts";
import type { Workload, WorkloadFunction } from "../workloads/types.ts";
import type { Costs } from "./score.ts";

/** The cluster that the floors are of; by default the reference environment. */
export interface FloorOptions {
  /** What a node offers to containers. */
  readonly nodeMemoryBytes?: number;
  /** What a container holds before anything runs in it. */
  readonly containerIdleBytes?: number;
}

const NODE_MEMORY_BYTES = 3072 * MIB;
const CONTAINER_IDLE_BYTES = 20 * MIB;

/** How long a call takes that has its container for itself: its work at the quota (one core at most), then its sleep. */
export function aloneMs({ memoryBytes }: WorkloadFunction, cpuMs: number, sleepMs: number): number {
  return cpuMs / Math.min(1, VCPU_PER_GIB * memoryBytes / GIB) + sleepMs;
}

/**
 * The floors as costs. Response time: every call runs alone the moment it arrives. Node time: ∫ ⌈resident memory of
 * the calls running then ÷ a node's memory⌉ dt, where the running calls of a function hold their memory and as few
 * containers as that fits into.
 */
export function floorsOf(workload: Workload, options: FloorOptions = {}): Costs {
  const { nodeMemoryBytes = NODE_MEMORY_BYTES, containerIdleBytes = CONTAINER_IDLE_BYTES } = options;
  const { functions, calls } = workload;
  const responseMs: (number | undefined)[] = functions.map(() => undefined);
  const endMs = new Float64Array(calls.count);
  for (let i = 0; i < calls.count; i++) {
    const at = calls.functionIndex[i];
    const ms = aloneMs(functions[at], calls.cpuMs[i], calls.sleepMs[i]);
    responseMs[at] = (responseMs[at] ?? 0) + ms;
    endMs[i] = calls.atMs[i] + ms;
  }
  const byEnd = Uint32Array.from({ length: calls.count }, (_, i) => i).sort((a, b) => endMs[a] - endMs[b]);

  const running = functions.map(() => ({ calls: 0, bytes: 0, residentBytes: 0 }));
  let residentBytes = 0;
  const change = (call: number, by: 1 | -1) => {
    const at = calls.functionIndex[call];
    const one = running[at];
    one.calls += by;
    one.bytes = one.calls === 0 ? 0 : one.bytes + by * calls.peakBytes[call];
    residentBytes -= one.residentBytes;
    one.residentBytes = one.calls === 0 ? 0 : one.bytes + containerIdleBytes * containersFor(functions[at], one.bytes);
    residentBytes += one.residentBytes;
  };
  const containersFor = ({ memoryBytes }: WorkloadFunction, bytes: number) => {
    const room = memoryBytes - containerIdleBytes;
    return room > 0 ? Math.max(1, Math.ceil(bytes / room)) : 1;
  };

  let nodeMs = 0;
  let nowMs = 0;
  let ended = 0;
  const moveTo = (toMs: number) => {
    nodeMs += Math.ceil(residentBytes / nodeMemoryBytes) * (toMs - nowMs);
    nowMs = toMs;
  };
  const endUntil = (untilMs: number) => {
    for (; ended < calls.count && endMs[byEnd[ended]] <= untilMs; ended++) {
      moveTo(endMs[byEnd[ended]]);
      change(byEnd[ended], -1);
    }
  };
  for (let i = 0; i < calls.count; i++) {
    endUntil(calls.atMs[i]);
    moveTo(calls.atMs[i]);
    change(i, 1);
  }
  endUntil(Infinity);
  assert(running.every((one) => one.calls === 0), "a call of the floors never ends");
  return { responseMs, nodeMs, failedShare: 0 };
}
