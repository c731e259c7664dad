/**
 * What the scheduler knows beyond the tables: names, connections, timings. The tables decide, the records explain.
 * Controller thread only.
 */
import { assert, type FunctionSpec, KIB, PlatformError } from "../base/mod.ts";
import { type Capacity, ContainerPhase, Tables } from "../core/mod.ts";
import type { FunctionFacts } from "../policy/mod.ts";
import { FORGET_AFTER_MS } from "./options.ts";
import type { LiveNodeFacts } from "./node_facts.ts";
import type { NodeLease, NodePort } from "./ports.ts";
import type { Account } from "./score/account.ts";

/** In the order in which it is looked at most often, so that a look finds together what it needs. */
export interface FunctionRecord {
  readonly slot: number;
  /** What the policy is told of it; another object when its configuration changes. */
  facts: FunctionFacts;
  /** What the policy has set for its containers: invocations at once, and the least charge to a node's account. */
  limit: number;
  chargeKiB: number;
  /** How long it expects who comes to wait, and how much longer for each who waits before, in milliseconds. */
  waitMs: number;
  waitEachMs: number;
  /** It has containers that are charged less because their node had no more to give. */
  isUndercharged: boolean;
  /** The policy was told something of it, and what follows from that does not hold yet. */
  isTouched: boolean;
  /** What the live score counts for it. */
  account?: Account;
  readonly containers: Set<ContainerRecord>;
  /** Number of the sweep for containers to let go that came to it last. */
  swept: number;
  /** Cells of waiters that were bound to a start that failed; the next starts are for them. */
  readonly unserved: number[];
  /** Starts that failed in a row for the function's own fault, and until when the next one is not tried. */
  startFailures: number;
  brokenUntilMs: number;
  startError?: PlatformError;
  /** What new containers are started from; containers of another one drain. */
  spec: FunctionSpec;
  readonly key: string;
  lastUsedMs: number;
}

/** In the order in which stats look at it, thousands of times a second: what they need of an idle one lies together. */
export interface ContainerRecord {
  readonly slot: number;
  /** Empty until the node has named it. */
  containerId: string;
  memoryUsageBytes: number;
  /** The start's outcome is unknown: it is cleared up with the node's next stats. */
  outcomeUnknown: boolean;
  readonly generation: number;
  readonly function: FunctionRecord;
  readonly spec: FunctionSpec;
  readonly node: NodeRecord;
  /** What it takes of its node's account. */
  kib: number;
  readonly createdAtMs: number;
  /** Up to when its cost has been counted. */
  meteredMs: number;
  /** Cell of the waiter that it is started for and that waits for nothing else; −1: there is none. */
  boundCell: number;
  /** When it came up, or was taken over. */
  upMs: number;
  /** The processor time it had used when the policy was told of it last. */
  measuredCpuMs: number;
  /** A RemoveContainer is under way. */
  removing: boolean;
}

export interface NodeRecord {
  readonly slot: number;
  /** What policies are told of it. */
  readonly facts: LiveNodeFacts;
  readonly lease: NodeLease;
  readonly port: NodePort;
  /** Aborted when the scheduler closes: one for each node, since a signal's listeners are walked with every call. */
  readonly closing: AbortSignal;
  readonly containers: Set<ContainerRecord>;
  liveId: string;
  /** How far its memory may be overcommitted, as a factor: by its agent, and by the scheduler's setting as well. */
  readonly admitted: number;
  readonly overcommit: number;
  readonly joinedMs: number;
  /** Up to when its cost has been counted. */
  meteredMs: number;
  /** Moment at which it was asked for its stats last. */
  polledMs: number;
  /** Moments of the last answer and of its question, and of the first one since without an answer (Infinity: none). */
  answeredMs: number;
  askedMs: number;
  unansweredMs: number;
  /** Moment at which it was last compared with what is believed of it. */
  comparedMs: number;
  failures: number;
  polling: boolean;
  /** Counts creates and removes begun or ended: stats taken across a change of it are not compared. */
  changes: number;
  /** Creates and removes under way. */
  busy: number;
  /** It takes no new containers, gives up those that it has, and is released after the last one. */
  draining: boolean;
  drainingSinceMs: number;
  /** What is charged for containers on it that still take invocations, as of the last look while it is drained. */
  leavingKiB: number;
  gone: boolean;
}

export interface Counters {
  expiredLeases: number;
  memoryCorrections: number;
  containersCreated: number;
  containersRemoved: number;
  nodesLost: number;
}

export class State {
  readonly tables: Tables;
  readonly functions = new Map<string, FunctionRecord>();
  readonly functionById = new Map<number, FunctionRecord>();
  readonly functionBySlot: (FunctionRecord | undefined)[] = [];
  readonly containerBySlot: (ContainerRecord | undefined)[] = [];
  readonly nodes = new Set<NodeRecord>();
  /** Those of them without containers. */
  readonly emptyNodes = new Set<NodeRecord>();
  /** Containers that take no more invocations and are still there. */
  readonly leaving = new Set<ContainerRecord>();
  readonly counters: Counters = {
    expiredLeases: 0,
    memoryCorrections: 0,
    containersCreated: 0,
    containersRemoved: 0,
    nodesLost: 0,
  };
  private functionsKnown = 0;
  private readonly freeFunctions: number[] = [];
  private readonly freeContainers: number[] = [];

  /** `forgotten` is told of every function whose slot is given to another, `dropping` of every container that goes. */
  constructor(
    capacity: Capacity,
    private readonly forgotten: (fn: FunctionRecord) => void,
    private readonly dropping: (record: ContainerRecord, nowMs: number) => void,
  ) {
    this.tables = new Tables(capacity);
    for (let slot = capacity.functions - 1; slot >= 0; slot--) this.freeFunctions.push(slot);
    for (let slot = capacity.containers - 1; slot >= 0; slot--) this.freeContainers.push(slot);
  }

  addNode(node: NodeRecord): void {
    this.nodes.add(node);
    this.emptyNodes.add(node);
  }

  /** Nobody holds the node any more; containers that are still listed on it are dropped later. */
  removeNode(node: NodeRecord): void {
    this.nodes.delete(node);
    this.emptyNodes.delete(node);
  }

  /** A record for a function seen for the first time. Errors: `resource_exhausted` where the table is full. */
  addFunction(key: string, spec: FunctionSpec, nowMs: number): FunctionRecord {
    const slot = this.freeFunctions.pop() ?? this.forgetOldestFunction(nowMs);
    this.tables.functions.define(slot);
    this.tables.queue.reset(slot);
    const record: FunctionRecord = {
      slot,
      facts: factsOf(this.functionsKnown++, spec),
      limit: spec.concurrency,
      chargeKiB: kibOf(spec.memoryBytes),
      waitMs: 0,
      waitEachMs: 0,
      isUndercharged: false,
      isTouched: false,
      account: undefined,
      containers: new Set(),
      swept: -1,
      unserved: [],
      startFailures: 0,
      brokenUntilMs: 0,
      startError: undefined,
      spec,
      key,
      lastUsedMs: nowMs,
    };
    this.functions.set(key, record);
    this.functionById.set(record.facts.id, record);
    this.functionBySlot[slot] = record;
    return record;
  }

  /** A starting container on a node where `kib` are reserved for it already; undefined where the table is full. */
  addContainer(
    fn: FunctionRecord,
    spec: FunctionSpec,
    node: NodeRecord,
    kib: number,
    nowMs: number,
  ): ContainerRecord | undefined {
    const slot = this.freeContainers.pop();
    if (slot === undefined) return undefined;
    const record: ContainerRecord = {
      slot,
      containerId: "",
      memoryUsageBytes: 0,
      outcomeUnknown: false,
      generation: this.tables.containers.begin(slot, fn.slot, node.slot, kib),
      function: fn,
      spec,
      node,
      kib,
      createdAtMs: nowMs,
      meteredMs: nowMs,
      boundCell: -1,
      upMs: nowMs,
      measuredCpuMs: 0,
      removing: false,
    };
    this.containerBySlot[slot] = record;
    fn.containers.add(record);
    node.containers.add(record);
    this.emptyNodes.delete(node);
    this.tables.nodes.countContainers(node.slot, 1, nowMs);
    return record;
  }

  /** As `ContainerTable.drain`. */
  drain(record: ContainerRecord): ContainerPhase {
    this.leaving.add(record);
    return this.tables.containers.drain(record.slot);
  }

  /** As `ContainerTable.retire`. */
  retire(record: ContainerRecord): boolean {
    const isRetired = this.tables.containers.retire(record.slot);
    if (isRetired) this.leaving.add(record);
    return isRetired;
  }

  /** Forgets a container that is gone for good and gives its memory back to the node's account. */
  dropContainer(record: ContainerRecord, nowMs: number): void {
    const { containers, functions, nodes } = this.tables;
    assert(this.containerBySlot[record.slot] === record, `container ${record.containerId} is dropped twice`);
    this.dropping(record, nowMs);
    const rank = containers.rank(record.slot);
    if (rank >= 0) functions.removeRank(record.function.slot, rank);
    containers.end(record.slot);
    nodes.release(record.node.slot, record.kib);
    nodes.countContainers(record.node.slot, -1, nowMs);
    this.containerBySlot[record.slot] = undefined;
    this.leaving.delete(record);
    record.function.containers.delete(record);
    const { node } = record;
    node.containers.delete(record);
    if (node.containers.size === 0 && this.nodes.has(node)) this.emptyNodes.add(node);
    this.freeContainers.push(record.slot);
  }

  /** Containers of a function in the given phase. */
  countPhase(fn: FunctionRecord, phase: ContainerPhase): number {
    let count = 0;
    for (const record of fn.containers) if (this.tables.containers.phase(record.slot) === phase) count++;
    return count;
  }

  /** Throws unless tables and records agree, as `Tables.checkInvariants` does for the tables alone. */
  checkInvariants(): void {
    this.tables.checkInvariants();
    const { containers, nodes } = this.tables;
    let counted = 0;
    this.containerBySlot.forEach((record, slot) => {
      if (!record) return;
      counted++;
      const { containerId, node, function: fn } = record;
      const current = record.slot === slot && containers.generation(slot) === record.generation;
      assert(current && containers.phase(slot) !== 0, `container ${containerId}: its slot is another one's`);
      assert(!node.gone && this.nodes.has(node), `container ${containerId} is on a node that is gone`);
      assert(node.containers.has(record) && fn.containers.has(record), `container ${containerId} is not listed`);
      const phase = containers.phase(slot);
      const leaves = phase === ContainerPhase.draining || phase === ContainerPhase.removing;
      assert(
        leaves === this.leaving.has(record),
        `container ${containerId} leaves and is not listed so, or the reverse`,
      );
      assert(this.functionBySlot[fn.slot] === fn, `container ${containerId} is of a function that is forgotten`);
      assert(containers.functionSlot(slot) === fn.slot, `container ${containerId}: its function slot is another one's`);
    });
    let onNodes = 0;
    for (const node of this.nodes) {
      onNodes += node.containers.size;
      const inTable = nodes.containers(node.slot);
      assert(inTable === node.containers.size, `node ${node.lease.nodeId}: ${inTable} containers in the table`);
      const isEmpty = node.containers.size === 0;
      assert(
        isEmpty === this.emptyNodes.has(node),
        `node ${node.lease.nodeId} is empty and not listed so, or the reverse`,
      );
    }
    assert(onNodes === counted, `${onNodes} containers on nodes, ${counted} in slots`);
    const free = this.tables.capacity.containers - this.freeContainers.length;
    assert(free === counted, `${free} container slots are taken, ${counted} are in use`);
  }

  private forgetOldestFunction(nowMs: number): number {
    const shared = (this.tables.capacity.workers ?? 1) > 1;
    const oldestFirst = [...this.functions.values()].sort((a, b) => a.lastUsedMs - b.lastUsedMs);
    for (const fn of oldestFirst) {
      const { slot, key, containers, lastUsedMs } = fn;
      if (containers.size > 0) continue;
      // An ingress thread may acquire it for a while without saying so.
      if (shared && nowMs - lastUsedMs < FORGET_AFTER_MS) continue;
      // Not one that somebody waits for.
      if (!this.tables.functions.forget(slot)) continue;
      this.functions.delete(key);
      this.functionById.delete(fn.facts.id);
      this.functionBySlot[slot] = undefined;
      this.forgotten(fn);
      return slot;
    }
    const most = this.tables.capacity.functions;
    throw new PlatformError("resource_exhausted", `${most} functions are in use, the most this scheduler holds`, {
      retryAfterMs: 1_000,
    });
  }
}

/** What a policy is told of a function. */
export function factsOf(id: number, { memoryBytes, timeoutMs, concurrency }: FunctionSpec): FunctionFacts {
  return { id, memoryKiB: kibOf(memoryBytes), timeoutMs, concurrencyMax: concurrency };
}

/** Memory sizes round up to whole KiB. */
export function kibOf(bytes: number): number {
  return Math.ceil(bytes / KIB);
}
