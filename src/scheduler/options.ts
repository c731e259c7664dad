/** Everything about the scheduler that may be set, with units and reasons. */
export interface SchedulerOptions {
  /** Account in whose name nodes are reserved. */
  readonly accountId: string;
  /** Identity of this scheduler process: node agents refuse creates and removes of any other. */
  readonly ownerId: string;
  /** How often idle containers, idle nodes and lease deadlines are looked at. Bells do not wait for it. */
  readonly tickMs: number;
  /** How often every node is asked for its stats; less often where they have more than 8,192 containers in all. */
  readonly statsPeriodMs: number;
  /** A node that has not answered for so long since it was asked is written off. */
  readonly nodeLostAfterMs: number;
  /** Containers being started at once, per node held: starts crowd one another. */
  readonly startsPerNodeMax: number;
  /** Nodes held at most; the resource manager may have fewer to give. */
  readonly nodesMax: number;
  /** How long one CreateContainer may take. */
  readonly createTimeoutMs: number;
  /** How long any other call to a node or the resource manager may take. */
  readonly callTimeoutMs: number;
  /** How long an acquire waits whose caller names no deadline. */
  readonly acquireTimeoutMs: number;
  /**
   * How far the memory that containers may use can go beyond their node's, as a factor; 1: never. Within it the policy
   * decides what each is charged.
   */
  readonly overcommitMax: number;
  /** Memory of the largest node there can be, where known: more is refused at once. */
  readonly largestNodeBytes?: number;
}

export const DEFAULT_SCHEDULER_OPTIONS: Omit<SchedulerOptions, "ownerId"> = {
  accountId: "default",
  tickMs: 100,
  statsPeriodMs: 1_000,
  nodeLostAfterMs: 5_000,
  startsPerNodeMax: 4,
  nodesMax: 256,
  createTimeoutMs: 30_000,
  callTimeoutMs: 5_000,
  acquireTimeoutMs: 60_000,
  overcommitMax: 1,
};

/**
 * How long a function may be acquired without the controller hearing of it. It forgets none that it heard of less than
 * {@linkcode FORGET_AFTER_MS} ago, so a slot remembered here is never another function's.
 */
export const REMEMBER_MS = 20_000;
/** How long a function must not have been heard of before its slot may be another's, where threads share the tables. */
export const FORGET_AFTER_MS = 2 * REMEMBER_MS;
