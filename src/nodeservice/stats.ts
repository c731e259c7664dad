import type { FunctionSpec } from "../base/mod.ts";

/** What a node agent tells of itself: memory in bytes, processor use in percent of one processor. */
export interface AgentStats {
  readonly liveId: string;
  readonly accountId: string;
  readonly ownerId: string;
  readonly totalMemoryBytes: number;
  /** What containers use now. */
  readonly memoryUsageBytes: number;
  /** What is left to be handed out: total less the limits of all containers. */
  readonly availableMemoryBytes: number;
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
  readonly cpuUsagePct: number;
  /** Invocations running now. */
  readonly requestIds: readonly string[];
  readonly usable: boolean;
  /** Its code is not loaded yet. */
  readonly starting: boolean;
}
