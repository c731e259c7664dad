import type { FailureKind, FunctionSpec, PlatformError } from "../../base/mod.ts";
import { SimEvent } from "../engine/event_queue.ts";

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

/** One run of a function in a container: first it computes, then it sleeps, holding its memory all the while. */
export abstract class Run extends SimEvent {
  /** Set while it runs. */
  container: SimContainer | undefined;
  /** Of the last container it ran in, in the timeline. */
  containerIndex = -1;
  isSleeping = false;
  beganMs = 0;
  /** Most that its container held while it ran. */
  containerPeakBytes = 0;

  abstract readonly requestId: string;
  abstract readonly cpuMs: number;
  abstract readonly sleepMs: number;
  abstract readonly peakBytes: number;
  abstract readonly timeoutMs: number;

  /** It is over: well, or as `failure` says. */
  abstract ended(failure: FailureKind | undefined, memoryToldBytes: number): void;
}
