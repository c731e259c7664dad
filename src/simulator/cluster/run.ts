import type { FailureKind } from "../../base/mod.ts";
import { SimEvent } from "../engine/event_queue.ts";
import type { SimContainer } from "./container.ts";

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
