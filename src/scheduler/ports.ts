/** What the scheduler offers and what it needs, in the words of the house; the wire's words stay in `service.ts`. */
import type { CallOptions, FunctionSpec, NodeOwner } from "../base/mod.ts";
import type { ScoreView } from "./score/view.ts";

export interface AcquireRequest {
  readonly requestId: string;
  readonly function: FunctionSpec;
}

/** A container that may run the invocation now. */
export interface Grant {
  readonly nodeId: string;
  readonly nodeAddress: string;
  readonly nodePort: number;
  readonly containerId: string;
  /** How long the acquire waited in its function's queue. */
  readonly queuedMs: number;
  /** Set where the container was started for a waiting invocation and this is the first it runs. */
  readonly coldStart?: ColdStart;
}

export interface ColdStart {
  /** 0 where a node with room was there. */
  readonly reserveNodeMs: number;
  /** The whole CreateContainer call, boot and import included. */
  readonly createMs: number;
  readonly bootMs: number;
  readonly importMs: number;
}

export interface ReleaseRequest {
  readonly requestId: string;
  readonly containerId: string;
  readonly durationNanos: number;
  readonly maxMemoryBytes: number;
  /** A failure kind, or empty after a good run. */
  readonly errorCode: string;
  readonly errorMessage: string;
}

/** The scheduler as its callers see it: the object itself in one process, a client of its port elsewhere. */
export interface SchedulerPort extends ClusterPort {
  /**
   * A container for the invocation, at once or as soon as there is one.
   * Errors: `invalid_argument`; `deadline_exceeded` when `timeoutMs` is over; `resource_exhausted` with a retry delay
   * when the queue is full; `aborted` where another acquire of the same id is under way; `unavailable`.
   */
  acquire(request: AcquireRequest, options: CallOptions): Promise<Grant>;
  /** Ends the lease. Twice is the same as once, and an unknown request id is no error. */
  release(request: ReleaseRequest, options?: CallOptions): Promise<void>;
}

/** What the scheduler tells of itself. */
export interface ClusterPort {
  listNodes(options?: CallOptions): Promise<NodeView[]>;
  /** Containers of all functions, or of those that match. */
  listContainers(filter: ContainerFilter, options?: CallOptions): Promise<ContainerView[]>;
  summary(options?: CallOptions): Promise<Summary>;
  /** What calls got and what they cost, since the start. */
  score(options?: CallOptions): Promise<ScoreView>;
  /** What was decided for an invocation lately, one for each acquire, oldest first; empty where nothing is left. */
  explain(requestId: string, options?: CallOptions): Promise<DecisionView[]>;
}

/** How one acquire ended, and why. */
export interface DecisionView {
  readonly requestId: string;
  readonly accountId: string;
  readonly functionName: string;
  readonly outcome: "warm" | "waited" | "cold_start" | "cancelled" | "refused";
  /** Empty where there was none, or where it is gone by now. */
  readonly containerId: string;
  readonly nodeId: string;
  readonly decidedAtMs: number;
  readonly waitedMs: number;
  /** Acquires of the function that waited when this one came. */
  readonly waitingBefore: number;
  /** Other containers of the function that seemed to have room at that moment and are still there. */
  readonly alternatives: readonly string[];
  /** What the controller did for the function while this acquire waited, and shortly before. */
  readonly events: readonly { readonly atMs: number; readonly text: string }[];
}

export interface ContainerFilter {
  readonly accountId?: string;
  readonly functionName?: string;
}

export interface NodeView {
  readonly nodeId: string;
  readonly address: string;
  readonly port: number;
  readonly phase: "joining" | "ready" | "draining" | "lost";
  readonly memoryBytes: number;
  /** What its containers may use in all, by their limits. */
  readonly admittedBytes: number;
  readonly freeBytes: number;
  readonly containers: number;
  readonly reservedAtMs: number;
  readonly liveId: string;
}

export interface ContainerView {
  readonly containerId: string;
  readonly nodeId: string;
  readonly accountId: string;
  readonly functionName: string;
  readonly version: number;
  readonly phase: "starting" | "warm" | "draining" | "removing";
  /** Its limit. */
  readonly memoryBytes: number;
  /** What it takes of its node's account. */
  readonly chargedBytes: number;
  readonly inFlight: number;
  readonly concurrency: number;
  readonly createdAtMs: number;
  /** 0 while it runs invocations. */
  readonly idleSinceMs: number;
  /** From the node's last stats. */
  readonly memoryUsageBytes: number;
}

/** Counters are since the start of the process; the first four are of this moment. */
export interface Summary {
  /** Name of the policy that decides. */
  readonly policy: string;
  readonly leases: number;
  readonly waiting: number;
  readonly containers: number;
  readonly nodes: number;
  readonly acquires: number;
  readonly releases: number;
  readonly coldStarts: number;
  readonly unknownReturns: number;
  readonly expiredLeases: number;
  readonly memoryCorrections: number;
  readonly containersCreated: number;
  readonly containersRemoved: number;
  readonly nodesLost: number;
}

/** A node as the resource manager hands it out. */
export interface NodeLease {
  readonly nodeId: string;
  readonly address: string;
  readonly port: number;
  readonly memoryBytes: number;
  readonly reservedAtMs: number;
  /** 0 while it is held. */
  readonly releasedAtMs: number;
}

/** What the scheduler needs of the resource manager. */
export interface ResourceManagerPort {
  /** Errors: `resource_exhausted` where the pool has no node ready; `unavailable`. */
  reserveNode(request: { requestId: string; accountId: string }, options: CallOptions): Promise<NodeLease>;
  releaseNode(request: { requestId: string; nodeId: string }, options: CallOptions): Promise<void>;
  getNodesUsage(request: { requestId: string }, options: CallOptions): Promise<NodeLease[]>;
}

/** What the scheduler needs of a node agent. Errors: `failed_precondition` where another owner holds the node, or a newer. */
export interface NodePort {
  reserve(request: NodeOwner & { requestId: string; accountId: string }, options: CallOptions): Promise<void>;
  createContainer(
    request: { requestId: string; name: string; ownerId: string; function: FunctionSpec },
    options: CallOptions,
  ): Promise<{ containerId: string; bootMs: number; importMs: number }>;
  removeContainer(
    request: { requestId: string; containerId: string; ownerId: string },
    options: CallOptions,
  ): Promise<void>;
  getStats(request: { requestId: string }, options: CallOptions): Promise<NodeReport>;
  /** Gives up the connection. */
  close(): void;
}

/** A node's own account of itself. */
export interface NodeReport extends NodeOwner {
  readonly liveId: string;
  /** What containers may use in all; 0 where the agent does not say. */
  readonly totalMemoryBytes: number;
  /** What containers may use in all, by their limits; 0 where the agent does not say: then no more than in total. */
  readonly admittedMemoryBytes: number;
  readonly memoryUsageBytes: number;
  /** In percent of all its processors. */
  readonly cpuUsagePct: number;
  readonly containers: readonly ContainerReport[];
}

export interface ContainerReport {
  readonly containerId: string;
  /** Undefined where the agent does not tell what it runs. */
  readonly function?: FunctionSpec;
  readonly memoryLimitBytes: number;
  readonly memoryUsageBytes: number;
  /** In percent of one processor, since somebody asked last. */
  readonly cpuUsagePct: number;
  /** Processor time since it came up, in milliseconds; undefined where the agent does not tell. */
  readonly cpuMs?: number;
  readonly requestIds: readonly string[];
  readonly usable: boolean;
}
