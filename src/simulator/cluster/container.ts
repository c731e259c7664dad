import type { FunctionSpec, PlatformError } from "../../base/mod.ts";
import type { Run } from "./run.ts";

/** What came of a creation, told to everybody who asked for it. */
export interface Started {
  readonly containerId: string;
  readonly bootMs: number;
  readonly importMs: number;
}

/** A container as its node keeps it. */
export class SimContainer {
  phase: "starting" | "ready" | "dead" | "gone" = "starting";
  readonly runs = new Set<Run>();
  /** What it holds: its own idle memory and the peaks of what runs. */
  usedBytes: number;
  started: Started | undefined;
  failed: PlatformError | undefined;
  /** Who waits for its start. */
  readonly asked: { answer: (started: Started) => void; fail: (error: PlatformError) => void }[] = [];
  /** At the node's last report. */
  cpuUsedMs = 0;

  constructor(
    readonly node: { due(run: Run): void },
    readonly containerId: string,
    readonly spec: FunctionSpec,
    /** Its index in the timeline. */
    readonly index: number,
    readonly beganMs: number,
    idleBytes: number,
  ) {
    this.usedBytes = idleBytes;
  }
}
