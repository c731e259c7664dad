/** What the loaders of recorded traces share: what traces do not tell, and how it is filled in. */
import { FUNCTION_MEMORY_BYTES_MIN, GIB, MIB, type Random, TIMEOUT_MS_MAX, VCPU_PER_GIB } from "../../base/mod.ts";
import { opaqueId } from "./opaque_id.ts";
import type { Call, WorkloadFunction } from "./types.ts";

/** Told once for each thing that a file lacks: what was done about it. */
export type OnNote = (note: string) => void;

/** A container's memory beside that of its calls, with some room. */
const CONTAINER_IDLE_BYTES = 24 * MIB;
/** What containers are offered in; the largest still leaves room for another on a node. */
const MEMORY_CLASSES = [128, 256, 512, 768, 1024, 1536].map((mib) => mib * MIB);
export const PEAK_BYTES_MAX = MEMORY_CLASSES[MEMORY_CLASSES.length - 1] - CONTAINER_IDLE_BYTES;
/** Longer runs are cut: what the Azure plan of the traces allowed by default at most. */
export const RUN_MS_MAX = 600_000;

/** The smallest class in which a call of `peakBytes` can run. */
export function memoryClass(peakBytes: number): number {
  return MEMORY_CLASSES.find((bytes) => bytes >= peakBytes + CONTAINER_IDLE_BYTES) ?? MEMORY_CLASSES.at(-1)!;
}

/** Function `index` of a trace, recorded under the name `recorded`. */
export function traceFunction(index: number, recorded: string, memoryBytes: number): WorkloadFunction {
  return {
    id: opaqueId(index),
    label: recorded.slice(0, recorded.length > 32 ? 8 : 32),
    memoryBytes: Math.max(FUNCTION_MEMORY_BYTES_MIN, memoryBytes),
    timeoutMs: TIMEOUT_MS_MAX,
  };
}

/** The cores that one call alone in a container of this memory can use. */
export function quotaCores(memoryBytes: number): number {
  return Math.min(1, VCPU_PER_GIB * memoryBytes / GIB);
}

/** A recorded duration as work: all of it computing at the container's quota, or all of it waiting. */
export function workOf(computes: boolean, memoryBytes: number, durationMs: number): Pick<Call, "cpuMs" | "sleepMs"> {
  const ms = Math.min(durationMs, RUN_MS_MAX);
  return computes ? { cpuMs: ms * quotaCores(memoryBytes), sleepMs: 0 } : { cpuMs: 0, sleepMs: ms };
}

/** Whether a function computes: traces do not tell, so that a share of all is drawn. */
export function drawComputes(random: Random, share: number): boolean {
  return random.float() < share;
}
