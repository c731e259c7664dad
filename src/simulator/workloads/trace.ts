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
/** Longer runs are cut where nothing else is asked for: what the Azure plan of the traces allowed at most. */
export const RUN_MS_MAX_DEFAULT = 600_000;

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

/** A run of `ms` as work: all of it computing at the container's quota, or all of it waiting. */
export function workOf(computes: boolean, memoryBytes: number, ms: number): Pick<Call, "cpuMs" | "sleepMs"> {
  return computes ? { cpuMs: ms * quotaCores(memoryBytes), sleepMs: 0 } : { cpuMs: 0, sleepMs: ms };
}

/** Cuts runs that are too long, and counts them. */
export class RunCut {
  #count = 0;

  constructor(private readonly runMsMax = RUN_MS_MAX_DEFAULT) {}

  cut(durationMs: number): number {
    if (durationMs > this.runMsMax) this.#count++;
    return Math.min(durationMs, this.runMsMax);
  }

  tell(onNote: OnNote): void {
    if (this.#count > 0) onNote(`${this.#count} calls of more than ${this.runMsMax / 1_000} s are cut to that`);
  }
}

/** Whether a function computes: traces do not tell, so that a share of all is drawn. */
export function drawComputes(random: Random, share: number): boolean {
  return random.float() < share;
}
