import { messageOf, retry } from "../base/mod.ts";
import { ContainerPhase } from "../core/mod.ts";
import type { FunctionDemand, RoomCandidate } from "../policy/mod.ts";
import { chargeOn } from "./charge.ts";
import type { Context } from "./context.ts";
import type { ContainerRecord, FunctionRecord, NodeRecord } from "./state.ts";
import { Rounds } from "./turns.ts";

/** How long a RemoveContainer is tried before it is left to the node's next stats. */
const REMOVE_PATIENCE_MS = 10_000;

/** Functions looked at in one sweep: with more of them each has its turn in one of the next. */
const FUNCTIONS_PER_SWEEP = 128;
/** Nodes on which room is looked for at once: what has idled longest on so many has idled about longest of all. */
const NODES_PER_ROOM = 32;

/** Lets containers go: the drained, the long idle, and those that must make room. */
export class Remover {
  private readonly functions: Rounds<[key: string, fn: FunctionRecord]>;
  private sweeps = 0;
  private readonly nodes: Rounds<NodeRecord>;

  constructor(private readonly context: Context) {
    this.functions = new Rounds(context.state.functions);
    this.nodes = new Rounds(context.state.nodes);
  }

  /** As `sweepOf`, for some functions for which it was not called lately. */
  sweep(): void {
    const sweepsOfRound = this.context.state.functions.size / FUNCTIONS_PER_SWEEP;
    for (const [, fn] of this.functions.take(FUNCTIONS_PER_SWEEP)) {
      if (this.sweeps - fn.swept >= sweepsOfRound / 2) this.sweepOf(fn);
    }
    this.sweeps++;
  }

  /** Removes the function's containers that drained to nothing, and idle ones that the policy does not keep. */
  sweepOf(fn: FunctionRecord): void {
    fn.swept = this.sweeps;
    if (fn.containers.size > 1) this.sweepMany(fn);
    else for (const record of fn.containers) this.retireUnlessKept(record, 1, 1);
  }

  private sweepMany(fn: FunctionRecord): void {
    const { containers } = this.context.state.tables;
    const perNode = new Map<NodeRecord, number>();
    let warm = 0;
    for (const { node, slot } of fn.containers) {
      perNode.set(node, (perNode.get(node) ?? 0) + 1);
      if (containers.phase(slot) === ContainerPhase.warm) warm++;
    }
    // The youngest rank first: load is packed on the low ones.
    const highestFirst = [...fn.containers].sort((a, b) => containers.rank(b.slot) - containers.rank(a.slot));
    for (const record of highestFirst) {
      const onNode = perNode.get(record.node) ?? 1;
      if (!this.retireUnlessKept(record, warm, onNode)) continue;
      warm--;
      perNode.set(record.node, onNode - 1);
    }
  }

  /** Removes a container that drained to nothing; whether an idle one goes that the policy does not keep. */
  private retireUnlessKept(record: ContainerRecord, warm: number, onNode: number): boolean {
    const { state, policy, clock, history } = this.context;
    const { containers } = state.tables;
    const { slot, node, function: { facts, key } } = record;
    const phase = containers.phase(slot);
    let isRetired = false;
    if (phase === ContainerPhase.draining) state.drain(record);
    if (phase === ContainerPhase.warm && !node.draining && containers.inFlight(slot) === 0) {
      const nowMs = clock.nowMs(), idleMs = containers.idleMs(slot, nowMs);
      if (policy.keepContainer({ function: facts, nowMs, idleMs, warm, onNode, nodes: state.nodes.size })) return false;
      isRetired = state.retire(record);
      if (isRetired) {
        history.note(key, `removing container ${record.containerId}: idle for ${Math.round(idleMs / 1_000)} s`);
      }
    }
    this.removeIfDone(record);
    return isRetired;
  }

  /** Removes what stopped taking invocations and has none left. */
  sweepDrained(): void {
    const { state } = this.context;
    for (const record of [...state.leaving].sort((a, b) => a.slot - b.slot)) {
      if (state.tables.containers.phase(record.slot) === ContainerPhase.draining) state.drain(record);
      this.removeIfDone(record);
    }
  }

  /** Asks the policy which idle containers to give up so that one node has room for a container of `fn`. */
  makeRoom(fn: FunctionRecord, demand: FunctionDemand): void {
    const { chargeKiB: needKiB, key: forKey } = fn;
    const { state, policy, clock } = this.context;
    const { containers, nodes, placement } = state.tables;
    // Where nodes admit less than others there may be room that is not enough: those are looked at one by one.
    if (placement.find(fn.facts.memoryKiB) >= 0) return;
    const onTheWay = this.onTheWay();
    const freeKiBOf = (node: NodeRecord) => nodes.freeKiB(node.slot) + (onTheWay.get(node) ?? 0);
    for (const node of onTheWay.keys()) {
      if (nodes.mayPlace(node.slot) && freeKiBOf(node) >= chargeOn(fn, node)) return;
    }
    const candidates: (RoomCandidate & { records: ContainerRecord[] })[] = [];
    for (const node of this.nodesToEmpty()) {
      if (!nodes.mayPlace(node.slot)) continue;
      // What it takes more than on others is as good as taken.
      const freeKiB = freeKiBOf(node) - (chargeOn(fn, node) - needKiB);
      if (freeKiB >= needKiB) return;
      const records = [...node.containers].filter((record) =>
        containers.phase(record.slot) === ContainerPhase.warm && containers.inFlight(record.slot) === 0 &&
        state.tables.functions.waiting(record.function.slot) === 0
      );
      const idle = records.map(({ slot, kib, function: { facts } }) => {
        return { function: facts, idleMs: containers.idleMs(slot, clock.nowMs()), kib };
      });
      candidates.push({ freeKiB, idle, records });
    }
    const eviction = policy.makeRoom(needKiB, candidates, demand);
    if (!eviction) return;
    for (const index of eviction.containers) {
      const record = candidates[eviction.candidate].records[index];
      if (!state.retire(record)) continue;
      const text = `removing idle container ${record.containerId} of ${record.function.key} to make room for ${forKey}`;
      for (const key of new Set([forKey, record.function.key])) this.context.history.note(key, text);
      this.remove(record);
    }
  }

  /** Memory of each node that the removals under way will free, in KiB. */
  private onTheWay(): Map<NodeRecord, number> {
    const { leaving, tables } = this.context.state;
    const kibOf = new Map<NodeRecord, number>();
    for (const { slot, node, kib } of leaving) {
      if (tables.containers.phase(slot) !== ContainerPhase.removing) continue;
      kibOf.set(node, (kibOf.get(node) ?? 0) + kib);
    }
    return kibOf;
  }

  /** The nodes on which room may be made; of many some, others each time. */
  private nodesToEmpty(): Iterable<NodeRecord> {
    const { nodes } = this.context.state;
    return nodes.size <= NODES_PER_ROOM ? nodes : this.nodes.take(NODES_PER_ROOM);
  }

  /** Removes a container that takes no invocations any more and has none. */
  remove(record: ContainerRecord): void {
    if (record.removing || record.outcomeUnknown || record.node.gone) return;
    record.removing = true;
    this.carryOut(record).catch((error) =>
      this.context.log.error("a removal ended badly", { error: messageOf(error) })
    );
  }

  /** Removes a container that the node has and nobody here knows. */
  async removeOrphan(node: NodeRecord, containerId: string): Promise<boolean> {
    try {
      await this.call(node, containerId, 0);
      return true;
    } catch (error) {
      this.context.log.warn("an unknown container could not be removed", {
        node: node.lease.nodeId,
        container: containerId,
        error: messageOf(error),
      });
      return false;
    }
  }

  private removeIfDone(record: ContainerRecord): void {
    if (this.context.state.tables.containers.phase(record.slot) === ContainerPhase.removing) this.remove(record);
  }

  private async carryOut(record: ContainerRecord): Promise<void> {
    const { state, clock, log } = this.context;
    const { node } = record;
    const { closing } = node;
    node.busy++;
    node.changes++;
    try {
      await this.call(node, record.containerId, REMOVE_PATIENCE_MS);
      if (node.gone) return;
      state.counters.containersRemoved++;
      state.dropContainer(record, clock.nowMs());
    } catch (error) {
      if (closing.aborted || node.gone) return;
      log.warn("a container could not be removed", {
        container: record.containerId,
        node: node.lease.nodeId,
        error: messageOf(error),
      });
      // Its memory stays taken until the node's stats tell what became of it.
      record.removing = false;
      record.outcomeUnknown = true;
    } finally {
      node.busy--;
      node.changes++;
      this.context.wake();
    }
  }

  private call(node: NodeRecord, containerId: string, patienceMs: number): Promise<void> {
    const { clock, random, options, newRequestId } = this.context;
    const { closing } = node;
    const requestId = newRequestId();
    const retrying = { clock, random, deadlineMs: clock.nowMs() + patienceMs, signal: closing };
    return retry(retrying, () =>
      node.port.removeContainer({ requestId, containerId, ownerId: options.ownerId }, {
        timeoutMs: options.callTimeoutMs,
        signal: closing,
      }));
  }
}
