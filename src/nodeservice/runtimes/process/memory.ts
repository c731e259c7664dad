import { type Clock, MIB } from "../../../base/mod.ts";
import type { Cgroup } from "./cgroup.ts";
import { processMemoryBytes } from "./procfs.ts";

/** How often resident memory is looked at where no control group can limit it. */
const POLL_MS = 50;

/** The kernel hands memory to a group in portions: at its limit a group may hold this much less. */
const NEAR_BYTES = 2 * MIB;

/** A container's memory, whoever counts it. */
export interface MemoryMeter {
  bytes(): number;
  /** Starts the peak anew. */
  resetPeak(): void;
  /** Highest use seen since; 0 where it cannot be measured. */
  peakBytes(): number;
  /** Whether its process had to end for want of memory: of its own, or of its node's. */
  ranOut(): "own" | "node" | undefined;
  stop(): void;
}

/** The kernel counts, limits and kills. */
export function cgroupMeter(cgroup: Cgroup, bytesMax: number): MemoryMeter {
  return {
    bytes: () => cgroup.memoryBytes() ?? 0,
    resetPeak: () => cgroup.resetPeak(),
    peakBytes: () => cgroup.peakBytes() ?? 0,
    ranOut() {
      if (!cgroup.ranOutOfMemory()) return undefined;
      return (cgroup.peakBytes() ?? bytesMax) >= bytesMax - NEAR_BYTES ? "own" : "node";
    },
    stop: () => {},
  };
}

/** Looks at the process's memory every {@linkcode POLL_MS} and calls `onOver` once when it is over `bytesMax`. */
export function polledMeter(pid: number, bytesMax: number, clock: Clock, onOver: () => void): MemoryMeter {
  let peak = 0;
  let over = false;
  const look = () => {
    const bytes = processMemoryBytes(pid) ?? 0;
    peak = Math.max(peak, bytes);
    if (bytes > bytesMax && !over) {
      over = true;
      onOver();
    }
    return bytes;
  };
  const poll = () => {
    look();
    cancel = clock.after(POLL_MS, poll);
  };
  let cancel = clock.after(POLL_MS, poll);
  return {
    bytes: look,
    resetPeak: () => {
      peak = 0;
      look();
    },
    peakBytes: () => {
      look();
      return peak;
    },
    ranOut: () => over ? "own" : undefined,
    stop: () => cancel(),
  };
}
