import {
  assert,
  type CallOptions,
  invalidArgument,
  messageOf,
  type NodeOwner,
  PlatformError,
  retry,
} from "../base/mod.ts";
import { ContainerPhase, NODE_KIB_MAX, NodePhase } from "../core/mod.ts";
import type { ClusterFacts, HeldNodes, NodeFacts } from "../policy/mod.ts";
import { admittedBy, chargeOn } from "./charge.ts";
import type { Context } from "./context.ts";
import { LiveNodeFacts } from "./node_facts.ts";
import { didNotHappen } from "./outcome.ts";
import type { NodeLease, NodePort, NodeReport } from "./ports.ts";
import { type ContainerRecord, type FunctionRecord, kibOf, type NodeRecord } from "./state.ts";

/** Pause after a reservation that failed: first, and at most. Twice as long each time. */
const RESERVE_PAUSE_MS = 200;
const RESERVE_PAUSE_MAX_MS = 5_000;
/** Where there was no room for what is on a node that was to be drained, none is for so long. */
const DRAIN_AGAIN_MS = 60_000;
/** For so long after one more was wanted none is drained: among a thousand nodes one would come for each that goes. */
const WANTED_MS = 2_000;
/**
 * Of more nodes than this a policy chooses from fewer: looking at a thousand of them for every start would cost more than
 * it brings.
 */
const NODES_MANY = 32;
const NODES_OFFERED_MAX = 16;
/** Longest pause between two tries of a release. */
const RELEASE_PAUSE_MAX_MS = 5_000;

/** Holds nodes: reserves one when room is short, gives the long idle back, writes the dead off. */
export class NodeKeeper {
  private reserving = false;
  private failures = 0;
  private notBeforeMs = 0;
  private drainNotBeforeMs = -Infinity;
  /**
   * Request id of a reservation whose reply was lost. The resource manager may hold a node for it: it is asked again
   * with this id until it tells, even when nobody needs the node any more.
   */
  private openRequestId?: string;
  private readonly slots: (NodeRecord | undefined)[] = [];
  /** What policies are told of the nodes in these slots. */
  private readonly facts: LiveNodeFacts[] = [];
  /** Those that are not being drained, in the order of their reservation; undefined where that has changed. */
  private stays?: LiveNodeFacts[];
  /** Nodes that are being drained. */
  readonly draining = new Set<NodeRecord>();
  /** All of them, in the order in which they are to be asked for their stats. */
  readonly toAsk = new Set<NodeRecord>();
  /** Lost, with containers that are still in the tables. */
  private readonly dying = new Set<NodeRecord>();

  /** How new this scheduler is: tells nodes that a claim of its predecessor comes too late. */
  private epoch: number;

  constructor(private readonly context: Context) {
    this.epoch = Math.max(1, Math.floor(context.clock.wallMs()));
    context.state.tables.largestNodeKiB = kibOf(context.options.largestNodeBytes ?? 0);
  }

  get readyCount(): number {
    return this.context.state.tables.nodes.takingContainers;
  }

  /**
   * Of the nodes with room for a container of `fn`, the one that `choose` takes by its index, with the memory reserved on
   * it; else whether it wants another. With more nodes than {@linkcode NODES_MANY} it is shown the fullest.
   */
  choose(
    fn: FunctionRecord,
    choose: (nodes: NodeFacts[]) => number | "another" | "none",
  ): NodeRecord | "another" | "none" {
    const { tables } = this.context.state;
    const withRoom = this.withRoom(fn);
    if (withRoom.length === 0) return "another";
    for (const { node } of fn.containers) node.facts.ofFunction++;
    let chosen;
    try {
      chosen = choose(withRoom);
    } finally {
      for (const { node } of fn.containers) node.facts.ofFunction = 0;
    }
    if (chosen === "another" || chosen === "none") return chosen;
    const node = withRoom[chosen];
    assert(node, `policy ${this.context.policy.name} chose node ${chosen} of ${withRoom.length}`);
    return tables.nodes.reserve(node.slot, chargeOn(fn, node)) ? this.slots[node.slot]! : "another";
  }

  /** Nodes with room for a container of `fn`, in the order of their reservation; of many the fullest, those first. */
  private withRoom(fn: FunctionRecord): LiveNodeFacts[] {
    const { tables, nodes } = this.context.state;
    const hasRoom = (node: LiveNodeFacts) => node.freeKiB >= chargeOn(fn, node);
    if (nodes.size <= NODES_MANY) {
      return this.staying.filter((node) => tables.nodes.mayPlace(node.slot) && hasRoom(node));
    }
    const fullest = (kib: number) => {
      return tables.placement.fullest(kib, NODES_OFFERED_MAX).map((slot) => this.facts[slot]).filter(hasRoom);
    };
    const byCharge = fullest(fn.chargeKiB);
    // Where agents admit less than the scheduler would, all that is full by the limit may stand before what has room.
    return byCharge.length > 0 ? byCharge : fullest(fn.facts.memoryKiB);
  }

  bySlot(slot: number): NodeRecord | undefined {
    return this.slots[slot];
  }

  get held(): HeldNodes {
    return { count: this.context.state.nodes.size - this.draining.size, mayReserve: this.mayReserve };
  }

  /** Whether one more node is to be had, as far as is known. */
  private get mayReserve(): boolean {
    const { state, options, clock, policy } = this.context;
    const most = Math.min(options.nodesMax, policy.nodesMax ?? Infinity, state.tables.capacity.nodes);
    return this.reserving || (state.nodes.size < most && clock.nowMs() >= this.notBeforeMs);
  }

  /**
   * Reserves one more node, and remembers why, unless that is under way; false where no node can be had at present. One
   * at a time: several at once take more than the burst needs by the time they are there.
   */
  want(why: string): boolean {
    const { clock, log } = this.context;
    this.drainNotBeforeMs = Math.max(this.drainNotBeforeMs, clock.nowMs() + WANTED_MS);
    if (this.reserving) return true;
    if (!this.mayReserve) return false;
    this.reserving = true;
    this.context.history.note("", `asking for another node: ${why}`);
    this.reserve().catch((error) => {
      const code = error instanceof PlatformError ? error.code : "internal";
      const pause = Math.min(RESERVE_PAUSE_MAX_MS, RESERVE_PAUSE_MS * 2 ** this.failures++);
      const told = error instanceof PlatformError ? error.retryAfterMs ?? 0 : 0;
      this.notBeforeMs = clock.nowMs() + Math.min(RESERVE_PAUSE_MAX_MS, Math.max(pause, told));
      // It tells when to come again where one is on its way.
      if (code === "resource_exhausted" && told === 0) this.context.feed?.noMoreNodes(this.context.state.nodes.size);
      const text = code === "resource_exhausted" ? "no node to be had" : "a node could not be reserved";
      this.context.history.note("", `${text}: ${messageOf(error)}`);
      if (!this.context.closing.aborted) log.warn(text, { code, error: messageOf(error) });
    }).finally(() => {
      this.reserving = false;
      // Among many nodes one more or less can wait for the next tick.
      if (this.context.state.nodes.size <= NODES_MANY) this.guarded(() => this.followPolicy());
      this.context.wake();
    });
    return true;
  }

  /** Takes a reserved node into the tables; containers may be placed on it once `open` is called. */
  join(lease: NodeLease, port: NodePort, report: NodeReport, reserveMs: number): NodeRecord {
    const { state, clock, options, closing } = this.context;
    const admitted = admittedBy(report);
    const slot = state.tables.nodes.findFree();
    const capacityKiB = kibOf(lease.memoryBytes);
    const { nodeId, address, port: nodePort } = lease;
    const told = JSON.stringify({ nodeId, nodeAddress: address, nodePort });
    const fault = slot < 0
      ? new PlatformError("resource_exhausted", "the node table is full")
      : !(capacityKiB >= 1 && capacityKiB <= NODE_KIB_MAX)
      ? invalidArgument("memory_in_bytes", lease.memoryBytes, `1 to ${NODE_KIB_MAX} KiB`)
      : !state.tables.facts.fits(told)
      ? invalidArgument("node.id", nodeId, "short enough to be kept")
      : undefined;
    if (fault) {
      port.close();
      throw fault;
    }
    const nowMs = clock.nowMs();
    // Before it joins: whoever reads it by the node's new generation finds it whole.
    state.tables.facts.set(slot, told);
    state.tables.nodes.join(slot, capacityKiB, nowMs);
    const containers = new Set<ContainerRecord>();
    const overcommit = Math.min(admitted, options.overcommitMax);
    const node: NodeRecord = {
      slot,
      facts: new LiveNodeFacts(slot, overcommit, state.tables, clock, containers),
      lease,
      port,
      closing: AbortSignal.any([closing]),
      containers,
      liveId: report.liveId,
      admitted,
      overcommit,
      joinedMs: nowMs,
      meteredMs: nowMs,
      polledMs: nowMs,
      answeredMs: nowMs,
      askedMs: nowMs,
      unansweredMs: Infinity,
      comparedMs: nowMs,
      failures: 0,
      polling: false,
      changes: 0,
      busy: 0,
      draining: false,
      drainingSinceMs: 0,
      leavingKiB: 0,
      gone: false,
    };
    // Told to those who waited for it.
    state.tables.nodes.setReservation(slot, nowMs, reserveMs);
    state.addNode(node);
    this.toAsk.add(node);
    this.slots[slot] = node;
    this.facts[slot] = node.facts;
    this.stays?.push(node.facts);
    this.sawCapacity(capacityKiB);
    return node;
  }

  /** Remembers how large nodes can be. */
  sawCapacity(kib: number): void {
    const { tables } = this.context.state;
    if (kib > tables.largestNodeKiB) tables.largestNodeKiB = kib;
  }

  /** Claims a node for this scheduler and asks what runs on it; retried until `deadlineMs`. */
  async greet(lease: NodeLease, deadlineMs: number): Promise<{ port: NodePort; report: NodeReport }> {
    const { clock, random, closing, options, newRequestId, dial } = this.context;
    const port = dial(lease);
    const call = { timeoutMs: options.callTimeoutMs, signal: closing };
    try {
      const report = await retry({ clock, random, deadlineMs, signal: closing }, async () => {
        await this.claim(port, call);
        return await port.getStats({ requestId: newRequestId() }, call);
      });
      closing.throwIfAborted();
      return { port, report };
    } catch (error) {
      port.close();
      throw error;
    }
  }

  /** Whether a node is another scheduler's, as far as is known one that this one has not succeeded. */
  isAnothers({ ownerId, ownerEpoch }: NodeOwner): boolean {
    const isSucceeded = ownerEpoch > 0 && ownerEpoch < this.epoch;
    return ownerId !== "" && ownerId !== this.context.options.ownerId && !isSucceeded;
  }

  private async claim(port: NodePort, call: CallOptions): Promise<void> {
    const { options: { accountId, ownerId }, newRequestId } = this.context;
    const reserve = () => {
      return port.reserve({ requestId: newRequestId(), accountId, ownerId, ownerEpoch: this.epoch }, call);
    };
    try {
      await reserve();
    } catch (error) {
      if (!(error instanceof PlatformError && error.code === "failed_precondition")) throw error;
      // The resource manager says that the node is ours: only a clock that went back makes its last owner seem newer.
      const { ownerEpoch } = await port.getStats({ requestId: newRequestId() }, call);
      this.epoch = Math.max(this.epoch, ownerEpoch + 1);
      await reserve();
    }
  }

  /** Places nothing on a node that gave trouble until its stats come again. */
  suspect(node: NodeRecord): void {
    if (node.gone || !this.context.state.tables.nodes.mayPlace(node.slot)) return;
    this.context.state.tables.nodes.shut(node.slot, NodePhase.joining);
    node.failures++;
  }

  /** Gives nodes back that have had no container for longer than the policy keeps them. */
  sweep(): void {
    const { state, policy, clock } = this.context;
    if (this.openRequestId !== undefined) this.want("an earlier request for one was not answered");
    this.bury();
    this.followPolicy();
    let held = state.nodes.size;
    for (const node of state.emptyNodes) {
      if (node.busy > 0) continue;
      if (node.draining) {
        held--;
        this.forget(node);
        this.release(node.lease);
        continue;
      }
      const idleMs = state.tables.nodes.idleMs(node.slot, clock.nowMs());
      if (policy.keepNode({ idleMs, nodes: held }) || !state.tables.nodes.shutIfEmpty(node.slot)) continue;
      held--;
      this.forget(node);
      this.release(node.lease);
    }
  }

  /** Reserves ahead, and drains, as the policy wants. */
  private followPolicy(): void {
    const { policy, clock, history } = this.context;
    if (!policy.nodesWanted && !policy.nodeToDrain) return;
    const nodes = this.staying;
    let leavingKiB = 0;
    for (const node of this.draining) leavingKiB += node.leavingKiB;
    const cluster: ClusterFacts = { nowMs: clock.nowMs(), nodes, leavingKiB };
    const wanted = policy.nodesWanted?.(cluster) ?? 0;
    if (nodes.length < wanted) this.want(`the policy holds ${wanted}`);
    if (clock.nowMs() < this.drainNotBeforeMs) return;
    const index = policy.nodeToDrain?.(cluster) ?? -1;
    if (index < 0) return;
    const node = this.slots[nodes[index]?.slot];
    assert(node, `policy ${policy.name} drains node ${index} of ${nodes.length}`);
    history.note("", `draining node ${node.lease.nodeId}`);
    this.drain(node);
  }

  private get staying(): LiveNodeFacts[] {
    return this.stays ??= [...this.context.state.nodes].filter((node) => !node.draining).map(({ facts }) => facts);
  }

  private staysNoLonger({ facts }: NodeRecord): void {
    const at = this.stays?.indexOf(facts) ?? -1;
    if (at >= 0) this.stays!.splice(at, 1);
  }

  private guarded(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.context.log.error("following the policy failed", { error: messageOf(error) });
    }
  }

  /** Notes what is charged for containers on a node being drained that still take invocations. */
  countLeaving(node: NodeRecord): void {
    const { containers } = this.context.state.tables;
    node.leavingKiB = 0;
    for (const { slot, kib } of node.containers) {
      if (containers.phase(slot) === ContainerPhase.warm) node.leavingKiB += kib;
    }
  }

  private drain(node: NodeRecord): void {
    node.draining = true;
    this.staysNoLonger(node);
    this.draining.add(node);
    node.drainingSinceMs = this.context.clock.nowMs();
    this.countLeaving(node);
    this.context.state.tables.nodes.shut(node.slot, NodePhase.draining);
  }

  /** A node that was to be drained stays: there is no room elsewhere for what is on it. */
  keep(node: NodeRecord): void {
    if (!node.draining || node.gone) return;
    node.draining = false;
    this.stays = undefined;
    this.draining.delete(node);
    this.drainNotBeforeMs = this.context.clock.nowMs() + DRAIN_AGAIN_MS;
    const { nodes } = this.context.state.tables;
    // One that gave trouble is opened with its next stats.
    if (node.failures > 0) nodes.shut(node.slot, NodePhase.joining);
    else nodes.open(node.slot);
    this.context.history.note("", `node ${node.lease.nodeId} is not drained: what is on it has no other place`);
  }

  /**
   * Writes a node off: its leases end, its containers and memory are struck from the tables. `then` says what becomes
   * of its lease at the resource manager.
   */
  lose(node: NodeRecord, why: string, then: "release" | "keep"): void {
    const { state, log } = this.context;
    if (node.gone) return;
    this.context.history.note("", `node ${node.lease.nodeId} is written off: ${why}`);
    log.warn("a node is written off", { node: node.lease.nodeId, why, containers: node.containers.size });
    state.counters.nodesLost++;
    state.tables.nodes.shut(node.slot, NodePhase.lost);
    for (const record of [...node.containers]) {
      state.drain(record);
    }
    this.context.meter.readOff(node, this.context.clock.nowMs());
    node.gone = true;
    node.port.close();
    state.removeNode(node);
    this.staysNoLonger(node);
    this.toAsk.delete(node);
    this.draining.delete(node);
    this.dying.add(node);
    this.bury();
    if (then === "release") this.release(node.lease);
    this.context.wake();
  }

  /**
   * Strikes the containers of lost nodes from the tables, and a node's slot after its last one. A permit that another
   * thread holds and has not made a lease of yet comes back by itself: its container is looked at again next time.
   */
  private bury(): void {
    const { state, dispatcher, clock } = this.context;
    const { leases, nodes } = state.tables;
    for (const node of this.dying) {
      for (const record of [...node.containers]) {
        leases.eachOf(record.slot, record.generation, (lease, life) => dispatcher.endLease(lease, life));
        if (state.drain(record) === ContainerPhase.removing) state.dropContainer(record, clock.nowMs());
      }
      if (node.containers.size > 0) continue;
      this.dying.delete(node);
      this.slots[node.slot] = undefined;
      nodes.recycle(node.slot);
    }
  }

  /** Tells the resource manager that a node is not needed, again and again until it has heard it. */
  release(lease: NodeLease): void {
    const { resourceManager, clock, random, closing, options, newRequestId, log } = this.context;
    const requestId = newRequestId();
    retry(
      { clock, random, deadlineMs: Infinity, signal: closing, pauseMaxMs: RELEASE_PAUSE_MAX_MS },
      async () => {
        const call = { timeoutMs: options.callTimeoutMs, signal: closing };
        try {
          await resourceManager.releaseNode({ requestId, nodeId: lease.nodeId }, call);
        } catch (error) {
          if (didNotHappen(error)) throw error;
          throw new PlatformError("unavailable", messageOf(error), { cause: error });
        }
      },
    ).then(
      () => log.info("a node was released", { node: lease.nodeId }),
      (error) => {
        if (closing.aborted) return;
        log.error("a node could not be released", { node: lease.nodeId, error: messageOf(error) });
      },
    );
  }

  private async reserve(): Promise<void> {
    const { resourceManager, clock, closing, options, newRequestId, state, log } = this.context;
    const beganMs = clock.nowMs();
    const call = { timeoutMs: options.callTimeoutMs, signal: closing };
    const requestId = this.openRequestId ??= newRequestId();
    let lease: NodeLease;
    try {
      lease = await resourceManager.reserveNode({ requestId, accountId: options.accountId }, call);
      this.openRequestId = undefined;
    } catch (error) {
      if (didNotHappen(error)) this.openRequestId = undefined;
      throw error;
    }
    try {
      const { port, report } = await this.greet(lease, beganMs + options.callTimeoutMs * 2);
      const reserveMs = clock.nowMs() - beganMs;
      const node = this.join(lease, port, report, reserveMs);
      this.context.score.reserved(reserveMs);
      state.tables.nodes.open(node.slot);
    } catch (error) {
      this.release(lease);
      throw error;
    }
    this.failures = 0;
    this.context.history.note("", `node ${lease.nodeId} was reserved`);
    log.info("a node was reserved", { node: lease.nodeId, memory_bytes: lease.memoryBytes });
  }

  private forget(node: NodeRecord): void {
    this.context.meter.readOff(node, this.context.clock.nowMs());
    node.gone = true;
    this.context.state.removeNode(node);
    this.staysNoLonger(node);
    this.toAsk.delete(node);
    this.draining.delete(node);
    this.slots[node.slot] = undefined;
    this.context.state.tables.nodes.recycle(node.slot);
    node.port.close();
  }
}
