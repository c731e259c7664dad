import type { Clock, Log, PlatformError, Random } from "../base/mod.ts";
import type { Policy } from "../policy/mod.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { History } from "./history.ts";
import type { SchedulerOptions } from "./options.ts";
import type { NodeLease, NodePort, ResourceManagerPort } from "./ports.ts";
import type { Feed } from "./score/feed.ts";
import type { LiveScore } from "./score/live_score.ts";
import type { Meter } from "./score/meter.ts";
import type { Observer } from "./score/observer.ts";
import type { FunctionRecord, State } from "./state.ts";

/** The parts that the scheduler is made of, handed in by whoever composes it. */
export interface SchedulerParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly policy: Policy;
  readonly resourceManager: ResourceManagerPort;
  /** A connection to the agent of a node. */
  readonly dial: (node: Pick<NodeLease, "nodeId" | "address" | "port">) => NodePort;
  /** Told of every call that is over, where somebody wants to know. */
  readonly observer?: Observer;
}

/** What the controller's parts work on. */
export interface Context extends SchedulerParts {
  readonly options: SchedulerOptions;
  readonly state: State;
  /** Of this thread. */
  readonly dispatcher: Dispatcher;
  /** Takes a container out of service; what runs in it may end. */
  readonly stopGrants: (slot: number) => void;
  /** Fails all who wait for the function, on every thread. */
  readonly failWaiting: (error: PlatformError, fn: FunctionRecord) => void;
  /** Looks after a function for which somebody waits who is not in its queue. */
  readonly hungry: (fn: FunctionRecord) => void;
  /** What was done lately, and why. */
  readonly history: History;
  /** What everything gets and costs. */
  readonly score: LiveScore;
  readonly meter: Meter;
  /** What the observer is told by. */
  readonly feed: Feed | undefined;
  /** Aborted when the scheduler closes. */
  readonly closing: AbortSignal;
  /** Asks for a round of the controller as soon as what runs now is done. */
  readonly wake: () => void;
  /** A request id of the scheduler's own. */
  readonly newRequestId: () => string;
}
