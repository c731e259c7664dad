import type { FunctionSpec, NodeOwner } from "../base/mod.ts";

/** What a node agent tells of itself: memory in bytes. */
export interface AgentStats extends NodeOwner {
  readonly liveId: string;
  readonly accountId: string;
  readonly totalMemoryBytes: number;
  /** What containers use now. */
  readonly memoryUsageBytes: number;
  /** What the limits of all containers may come to: total, or more where it may be overcommitted. */
  readonly admittedMemoryBytes: number;
  /** What is left to be handed out without overcommitting: total less the limits of all containers. */
  readonly availableMemoryBytes: number;
  /** What containers use, in percent of all processors. */
  readonly cpuUsagePct: number;
  readonly disk: DiskStats;
  readonly containers: readonly ContainerStats[];
}

export interface DiskStats {
  readonly totalBytes: number;
  readonly availableBytes: number;
  readonly totalInodes: number;
  readonly freeInodes: number;
}

export interface ContainerStats {
  readonly containerId: string;
  readonly function: FunctionSpec;
  readonly memoryUsageBytes: number;
  /** In percent of one processor, since somebody asked last. */
  readonly cpuUsagePct: number;
  /** Processor time since it came up, in milliseconds. */
  readonly cpuMs: number;
  /** Invocations running now. */
  readonly requestIds: readonly string[];
  readonly usable: boolean;
  /** Its code is not loaded yet. */
  readonly starting: boolean;
}
