/** A cluster in memory on a clock that stands still: resource manager and node agents with faults to inject. */
import {
  type FunctionSpec,
  ManualClock,
  MIB,
  NO_OWNER,
  PlatformError,
  seededRandom,
  silentLog,
  sleep,
  supersedes,
} from "../base/mod.ts";
import type { Capacity } from "../core/mod.ts";
import { onDemand, type OnDemandOptions, type Policy } from "../policy/mod.ts";
import type { SchedulerOptions } from "./options.ts";
import type { CallOptions } from "../base/mod.ts";
import type { ContainerReport, NodeLease, NodePort, NodeReport, ResourceManagerPort } from "./ports.ts";
import { Scheduler } from "./scheduler.ts";

export const TEST_CAPACITY: Capacity = {
  nodes: 8,
  containers: 256,
  functions: 8,
  leases: 8_192,
  tickets: 4_096,
  ringDepth: 4_096,
};

const unavailable = (message: string) => new PlatformError("unavailable", message);
const heldByAnother = () => new PlatformError("failed_precondition", "another owner holds the node");

interface TestContainer {
  containerId: string;
  spec?: FunctionSpec;
  requestIds: string[];
  usable: boolean;
  /** Processor time it has used; told where it is set. */
  cpuMs?: number;
}

/** A node with its agent. Public fields are for tests to set and to look at. */
export class TestNode {
  lease: NodeLease;
  lives = 1;
  owner = NO_OWNER;
  up = true;
  readonly containers = new Map<string, TestContainer>();
  /** Errors that the next CreateContainers fail with before anything is done. */
  readonly createErrors: PlatformError[] = [];
  /** So many replies of CreateContainer are lost after the container was made. */
  createRepliesLost = 0;
  /** What the node tells as its memory, where it is not what the resource manager says. */
  tellsMemoryBytes?: number;
  /** How far its agent lets its memory be overcommitted; undefined: it does not say. */
  overcommit?: number;
  openPorts = 0;
  removes = 0;

  constructor(readonly cluster: TestCluster, id: number, memoryBytes: number) {
    this.lease = {
      nodeId: `node-${id}`,
      address: "10.0.0." + id,
      port: 10_300,
      memoryBytes,
      reservedAtMs: 0,
      releasedAtMs: 0,
    };
  }

  get liveId(): string {
    return `${this.lease.nodeId}.${this.lives}`;
  }

  /** The agent starts anew, without its containers. */
  restart(): void {
    this.lives++;
    this.up = true;
    this.owner = NO_OWNER;
    this.containers.clear();
  }

  addUnknown(containerId: string, container: Partial<TestContainer> = {}): void {
    this.containers.set(containerId, { containerId, requestIds: [], usable: true, ...container });
  }

  usedBytes(): number {
    let bytes = 0;
    for (const { spec } of this.containers.values()) bytes += spec?.memoryBytes ?? 0;
    return bytes;
  }

  port(): NodePort {
    this.openPorts++;
    let open = true;
    const { cluster } = this;
    const check = (ownerId?: string) => {
      if (!open) throw unavailable("the connection is closed");
      if (!this.up) throw unavailable(`${this.lease.nodeId} is down`);
      if (ownerId !== undefined && ownerId !== this.owner.ownerId) throw heldByAnother();
    };
    return {
      reserve: async ({ ownerId, ownerEpoch }, options) => {
        await cluster.pass(1, options);
        check();
        const owner = { ownerId, ownerEpoch };
        if (!supersedes(owner, this.owner)) throw heldByAnother();
        this.owner = owner;
      },
      createContainer: async ({ function: spec, ownerId }, options) => {
        await cluster.pass(cluster.startMs, options);
        check(ownerId);
        const error = this.createErrors.shift();
        if (error) throw error;
        const containerId = `container-${++cluster.containersMade}`;
        this.containers.set(containerId, { containerId, spec, requestIds: [], usable: true });
        cluster.checkMemory(this);
        if (this.createRepliesLost > 0) {
          this.createRepliesLost--;
          throw unavailable("the reply was lost");
        }
        return { containerId, bootMs: 10, importMs: 5 };
      },
      removeContainer: async ({ containerId, ownerId }, options) => {
        await cluster.pass(5, options);
        check(ownerId);
        this.removes++;
        this.containers.delete(containerId);
      },
      getStats: async (_, options) => {
        await cluster.pass(1, options);
        check();
        return this.report();
      },
      close: () => {
        if (open) this.openPorts--;
        open = false;
      },
    };
  }

  private report(): NodeReport {
    const containers: ContainerReport[] = [...this.containers.values()].map((c) => ({
      containerId: c.containerId,
      function: c.spec,
      memoryLimitBytes: c.spec?.memoryBytes ?? 0,
      memoryUsageBytes: 1_000,
      cpuUsagePct: 1,
      cpuMs: c.cpuMs,
      requestIds: [...c.requestIds],
      usable: c.usable,
    }));
    return {
      liveId: this.liveId,
      ...this.owner,
      totalMemoryBytes: this.tellsMemoryBytes ?? this.lease.memoryBytes,
      admittedMemoryBytes: (this.overcommit ?? 0) * this.lease.memoryBytes,
      memoryUsageBytes: 0,
      cpuUsagePct: 12.5,
      containers,
    };
  }
}

/** Nodes of one size, a resource manager over them, and what may go wrong with both. */
export class TestCluster {
  readonly clock = new ManualClock();
  readonly nodes: TestNode[] = [];
  readonly held = new Map<string, TestNode>();
  startMs = 500;
  containersMade = 0;
  reserveCalls = 0;
  /** Errors of the next ReserveNodes. */
  readonly reserveErrors: PlatformError[] = [];
  /** So many replies of ReserveNode are lost after the node was given. */
  reserveRepliesLost = 0;
  managerUp = true;
  private readonly requests = new Map<string, TestNode>();

  constructor(options: { nodes?: number; memoryMib?: number } = {}) {
    for (let id = 1; id <= (options.nodes ?? 3); id++) {
      this.nodes.push(new TestNode(this, id, (options.memoryMib ?? 1_024) * MIB));
    }
  }

  readonly resourceManager: ResourceManagerPort = {
    reserveNode: async ({ requestId }, options) => {
      this.reserveCalls++;
      await this.manager(20, options);
      const error = this.reserveErrors.shift();
      if (error) throw error;
      const again = this.requests.get(requestId);
      const node = again && this.held.has(again.lease.nodeId)
        ? again
        : this.nodes.find((n) => !this.held.has(n.lease.nodeId));
      if (!node) throw new PlatformError("resource_exhausted", "no node is ready");
      this.hold(node);
      this.requests.set(requestId, node);
      if (this.reserveRepliesLost > 0) {
        this.reserveRepliesLost--;
        throw unavailable("the reply was lost");
      }
      return node.lease;
    },
    releaseNode: async ({ nodeId }, options) => {
      await this.manager(5, options);
      this.held.get(nodeId)?.restart();
      this.held.delete(nodeId);
    },
    getNodesUsage: async (_, options) => {
      await this.manager(5, options);
      return [...this.held.values()].map((node) => node.lease);
    },
  };

  hold(node: TestNode): void {
    this.held.set(node.lease.nodeId, node);
  }

  /** Time passes on the way; the caller's deadline and signal hold. */
  async pass(ms: number, { timeoutMs, signal }: CallOptions): Promise<void> {
    if (timeoutMs !== undefined && timeoutMs < ms) {
      await sleep(this.clock, timeoutMs, signal);
      throw new PlatformError("deadline_exceeded", "no answer in time");
    }
    await sleep(this.clock, ms, signal);
  }

  /** Nothing is ever placed on a node beyond its memory. */
  checkMemory(node: TestNode): void {
    const most = (node.tellsMemoryBytes ?? node.lease.memoryBytes) * (node.overcommit ?? 1);
    if (node.usedBytes() > most) throw new Error(`${node.lease.nodeId} has more containers than memory`);
  }

  containers(): TestContainer[] {
    return this.nodes.flatMap((node) => [...node.containers.values()]);
  }

  scheduler(
    options: Partial<SchedulerOptions> = {},
    policy: Policy | Partial<OnDemandOptions> = {},
    capacity: Partial<Capacity> = {},
  ): Scheduler {
    const { clock, resourceManager } = this;
    return new Scheduler(
      {
        clock,
        resourceManager,
        random: seededRandom(1),
        log: silentLog(clock),
        policy: "name" in policy
          ? policy
          : onDemand({ containerIdleMs: 10_000, nodeIdleMs: 20_000, containersMin: 0, nodesMin: 0, ...policy }),
        dial: ({ nodeId }) => this.nodes.find((node) => node.lease.nodeId === nodeId)!.port(),
      },
      { ownerId: "scheduler-1", ...options },
      { ...TEST_CAPACITY, ...capacity },
    );
  }

  private async manager(ms: number, options: CallOptions): Promise<void> {
    await this.pass(ms, options);
    if (!this.managerUp) throw unavailable("the resource manager is down");
  }
}

/** A function of 128 MiB with a second's timeout. */
export function spec(functionName = "hello", rest: Partial<FunctionSpec> = {}): FunctionSpec {
  return {
    accountId: "default",
    functionName,
    handler: "",
    memoryBytes: 128 * MIB,
    timeoutMs: 1_000,
    codeHash: "",
    version: 1,
    concurrency: 1,
    allowNet: [],
    ...rest,
  };
}

/** The return of an invocation that ran well, or as told. */
export function returned(requestId: string, containerId: string, errorCode = "") {
  return { requestId, containerId, durationNanos: 1, maxMemoryBytes: 1, errorCode, errorMessage: "" };
}

/** How a promise ended, for a test to look at without awaiting it. */
export function watch<T>(promise: Promise<T>): { value?: T; error?: PlatformError } {
  const watched: { value?: T; error?: PlatformError } = {};
  promise.then((value) => watched.value = value, (error) => watched.error = error);
  return watched;
}

/** A scheduler over a cluster, started; closed afterwards, with nothing left behind. */
export async function withScheduler(
  run: (test: { cluster: TestCluster; scheduler: Scheduler; clock: ManualClock }) => Promise<void>,
  options: {
    cluster?: TestCluster;
    options?: Partial<SchedulerOptions>;
    policy?: Policy | Partial<OnDemandOptions>;
    capacity?: Partial<Capacity>;
  } = {},
): Promise<void> {
  const cluster = options.cluster ?? new TestCluster();
  const { clock } = cluster;
  const scheduler = cluster.scheduler(options.options, options.policy, options.capacity);
  const started = scheduler.start();
  await clock.advance(100);
  await started;
  try {
    await run({ cluster, scheduler, clock });
    scheduler.checkInvariants();
  } finally {
    scheduler.close();
    await clock.advance(0);
  }
  for (const node of cluster.nodes) {
    if (node.openPorts > 0) throw new Error(`${node.lease.nodeId}: a connection was left open`);
  }
  if (clock.pending > 0) throw new Error(`${clock.pending} timers were left behind`);
}
