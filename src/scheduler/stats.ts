import { messageOf } from "../base/mod.ts";
import { ContainerPhase, type Hash64, hashText, NODE_KIB_MAX, NodePhase } from "../core/mod.ts";
import type { Context } from "./context.ts";
import type { NodeKeeper } from "./node_keeper.ts";
import type { ContainerReport, NodeReport } from "./ports.ts";
import type { Remover } from "./remover.ts";
import { type ContainerRecord, kibOf, type NodeRecord } from "./state.ts";
import { containerNumber, type Watcher } from "./watcher.ts";

/** So many containers' stats are read in a second: that takes time, and most of very many did nothing. */
const CONTAINERS_PER_SECOND_MAX = 8_192;
/** A node is asked at least so often before its silence counts: one lost message is no lost node. */
const TRIES_BEFORE_LOST = 3;
/** Memory that changed by no more than this share has not changed. */
const MEMORY_NOISE = 1 / 64;
/** Where something seems wrong on a node and it was not quiet for so long, it is made quiet. */
const COMPARED_WITHIN_MS = 10_000;

/**
 * Compares what the scheduler believes of a node with what the node says, and takes over what the node says: it knows.
 * Stats taken while containers came or went there are only good as a sign of life.
 */
export class StatsKeeper {
  /** Leases taken over from a scheduler before: the only ones that end because no node runs them. */
  private readonly adopted = new Map<
    number,
    { hash: string; container: ContainerRecord; life: number; missing: number }
  >();

  constructor(
    private readonly context: Context,
    private readonly nodes: NodeKeeper,
    private readonly remover: Remover,
    private readonly watcher: Watcher,
  ) {}

  /** Remembers a lease that was rebuilt from a node's report. */
  watch(lease: number, hash: Hash64, container: ContainerRecord): void {
    const life = this.context.state.tables.leases.generation(lease);
    this.adopted.set(lease, { hash: keyOf(hash), container, life, missing: 0 });
  }

  /**
   * Asks every node whose turn it is and that is not being asked already: each in its own rhythm, so not all at once, and
   * very many less often.
   */
  poll(): void {
    const { clock, options } = this.context;
    const nowMs = clock.nowMs();
    let containersLeft = Math.ceil(CONTAINERS_PER_SECOND_MAX * options.tickMs / 1_000);
    for (const node of this.nodes.toAsk) {
      if (nowMs - node.polledMs < options.statsPeriodMs || containersLeft <= 0) return;
      if (node.polling) continue;
      containersLeft -= 1 + node.containers.size;
      this.nodes.toAsk.delete(node);
      this.nodes.toAsk.add(node);
      node.polling = true;
      node.polledMs = nowMs;
      this.ask(node)
        .catch((error) => this.context.log.error("stats ended badly", { error: messageOf(error) }))
        .finally(() => node.polling = false);
    }
  }

  private async ask(node: NodeRecord): Promise<void> {
    const { options, clock, newRequestId, state, log } = this.context;
    const { changes, closing } = node;
    const quiet = node.busy === 0;
    const timeoutMs = Math.min(options.callTimeoutMs, options.nodeLostAfterMs / TRIES_BEFORE_LOST);
    let report: NodeReport;
    try {
      report = await node.port.getStats({ requestId: newRequestId() }, { timeoutMs, signal: closing });
    } catch (error) {
      if (closing.aborted || node.gone) return;
      node.failures++;
      this.nodes.suspect(node);
      log.warn("a node did not answer", { node: node.lease.nodeId, error: messageOf(error) });
      node.unansweredMs = Math.min(node.unansweredMs, node.polledMs);
      const silentMs = clock.nowMs() - node.unansweredMs;
      if (silentMs >= options.nodeLostAfterMs) this.nodes.lose(node, "no answer", "release");
      return;
    }
    if (node.gone) return;
    if (report.ownerId !== "" && report.ownerId !== options.ownerId) {
      // A claim of its predecessor that comes late takes an agent that was started anew: nobody else gives it back.
      return this.nodes.lose(node, "another scheduler owns it", this.nodes.isAnothers(report) ? "keep" : "release");
    }
    if (report.liveId !== node.liveId) return this.nodes.lose(node, "it was started anew", "release");
    const before = { askedMs: node.askedMs, answeredMs: node.answeredMs };
    node.askedMs = node.polledMs;
    node.answeredMs = clock.nowMs();
    node.unansweredMs = Infinity;
    node.failures = 0;
    state.tables.nodes.setLoad(node.slot, report.cpuUsagePct);
    const isAsBelieved = this.takeUsage(node, report, before);
    this.context.meter.readOneOfMany(node, clock.nowMs());
    this.endAdopted(node, report);
    if (quiet && node.busy === 0 && node.changes === changes) {
      await this.reconcile(node, report, isAsBelieved);
      node.comparedMs = clock.nowMs();
    } else if (clock.nowMs() - node.comparedMs >= COMPARED_WITHIN_MS && this.seemsWrong(node, report)) {
      // Containers come and go there without a pause: none more until it has been compared.
      return this.nodes.suspect(node);
    }
    if (!node.gone && state.tables.nodes.phase(node.slot) === NodePhase.joining) {
      state.tables.nodes.open(node.slot);
      this.context.wake();
    }
  }

  /** Whether something there will not clear up by itself. */
  private seemsWrong(node: NodeRecord, report: NodeReport): boolean {
    const known = new Set<string>();
    for (const { containerId, outcomeUnknown } of node.containers) {
      if (outcomeUnknown) return true;
      known.add(containerId);
    }
    return report.containers.some(({ containerId, usable }) => usable && !known.has(containerId));
  }

  /** What containers have used since `before`; whether the node has all that is believed to be there, and no more. */
  private takeUsage(
    node: NodeRecord,
    report: NodeReport,
    before: Pick<NodeRecord, "askedMs" | "answeredMs">,
  ): boolean {
    const { policy, clock, state: { tables }, feed } = this.context;
    const reported = new Reported(report.containers);
    const nowMs = clock.nowMs();
    let asBelieved = 0;
    for (const record of node.containers) {
      const { slot, memoryUsageBytes: beforeBytes } = record;
      const found = reported.of(record.containerId);
      const bytes = found?.memoryUsageBytes ?? 0;
      if (bytes !== beforeBytes) record.memoryUsageBytes = bytes;
      if (!found) continue;
      if (found.usable && !record.outcomeUnknown) asBelieved++;
      // Of thousands of containers most did nothing since. What such a one uses by itself is told with its next run.
      const inFlight = tables.containers.inFlight(slot);
      const didNothing = inFlight === 0 && tables.containers.idleMs(slot, nowMs) > nowMs - before.askedMs;
      if (didNothing && isAlike(bytes, beforeBytes)) continue;
      // An agent's percentage is of the time since anybody asked it; what was used in all leaves nothing out.
      const coversMs = nowMs - Math.max(before.answeredMs, record.upMs);
      const cpuMs = found.cpuMs === undefined ? undefined : found.cpuMs - record.measuredCpuMs;
      const isSpan = cpuMs !== undefined && coversMs > 0;
      const cpuPct = isSpan ? Math.max(0, cpuMs) / coversMs * 100 : found.cpuUsagePct;
      record.measuredCpuMs = found.cpuMs ?? record.measuredCpuMs;
      const { function: fn, generation } = record;
      feed?.measured(fn, cpuPct, coversMs, bytes, inFlight);
      if (!policy.measured) continue;
      const container = containerNumber(slot, generation);
      policy.measured(fn.facts, { memoryKiB: kibOf(bytes), cpuPct, coversMs, inFlight, container }, nowMs);
      this.watcher.touch(fn);
    }
    return asBelieved === node.containers.size && asBelieved === report.containers.length;
  }

  /** Nothing came or went while the node answered: every difference is real. */
  private async reconcile(node: NodeRecord, report: NodeReport, isAsBelieved: boolean): Promise<void> {
    const { state, log } = this.context;
    const { driftKiB, orphans } = isAsBelieved ? NO_DIFFERENCE : this.correct(node, report);
    const allKiB = driftKiB + this.takeCapacity(node, report);
    if (allKiB > 0) {
      state.counters.memoryCorrections++;
      log.warn("a node's memory account was corrected", {
        node: node.lease.nodeId,
        drift_kib: allKiB,
        unknown_containers: orphans.length,
      });
    }
    for (const orphan of orphans) await this.remover.removeOrphan(node, orphan.containerId);
  }

  /** Strikes out what the node has not got, and finds what nobody here knows. */
  private correct(node: NodeRecord, report: NodeReport): Difference {
    const { state, dispatcher, clock } = this.context;
    const reported = new Map(report.containers.map((c) => [c.containerId, c]));
    let driftKiB = 0;
    for (const record of [...node.containers]) {
      const there = reported.get(record.containerId);
      reported.delete(record.containerId);
      if (there?.usable && !record.outcomeUnknown) continue;
      if (there) {
        record.outcomeUnknown = false;
        this.context.stopGrants(record.slot);
        continue;
      }
      // The node has not got it: it crashed and was cleared away, or never came to be.
      driftKiB += record.outcomeUnknown ? 0 : record.kib;
      state.drain(record);
      state.tables.leases.eachOf(record.slot, record.generation, (lease, life) => dispatcher.endLease(lease, life));
      if (state.drain(record) !== ContainerPhase.removing) continue;
      state.dropContainer(record, clock.nowMs());
    }
    const orphans = [...reported.values()];
    for (const orphan of orphans) driftKiB += kibOf(orphan.memoryLimitBytes);
    return { driftKiB, orphans };
  }

  /** How much memory the node says it has, taken over; answers by how much the account was wrong, in KiB. */
  private takeCapacity({ slot }: NodeRecord, report: NodeReport): number {
    const { nodes } = this.context.state.tables;
    const capacityKiB = Math.min(NODE_KIB_MAX, kibOf(report.totalMemoryBytes));
    const beforeKiB = nodes.capacityKiB(slot);
    if (capacityKiB <= 0 || capacityKiB === beforeKiB) return 0;
    this.nodes.sawCapacity(capacityKiB);
    // A node that shrank below what runs on it shrinks step by step: only the step is new.
    return Math.abs(nodes.resize(slot, capacityKiB) - beforeKiB);
  }

  /** An adopted lease ends as soon as its invocation is missing twice in a row. */
  private endAdopted(node: NodeRecord, report: NodeReport): void {
    if (this.adopted.size === 0) return;
    const hash: Hash64 = { lo: 0, hi: 0 };
    const running = new Set(report.containers.flatMap((c) => c.requestIds.map((id) => keyOf(hashText(id, hash)))));
    for (const [lease, adopted] of this.adopted) {
      // Ended by now, and the entry perhaps another invocation's, in the same container even.
      const ended = this.context.state.tables.leases.generation(lease) !== adopted.life;
      if (!ended && adopted.container.node !== node) continue;
      if (ended) this.adopted.delete(lease);
      else if (running.has(adopted.hash)) adopted.missing = 0;
      else if (++adopted.missing >= 2) {
        this.adopted.delete(lease);
        this.context.dispatcher.endLease(lease, adopted.life);
      }
    }
  }
}

/** How a node and what is believed of it differ: memory accounted for in vain or not at all, containers nobody knows. */
interface Difference {
  readonly driftKiB: number;
  readonly orphans: readonly ContainerReport[];
}

const NO_DIFFERENCE: Difference = { driftKiB: 0, orphans: [] };

/** A container that has just come or gone lets the others stand no further than this from where they are looked for. */
const LOOKS_AHEAD = 4;

/** Finds containers in a report: nearly all of them where they are looked for, since agents list them as they came. */
class Reported {
  private next = 0;
  private byId?: Map<string, ContainerReport>;

  constructor(private readonly containers: readonly ContainerReport[]) {}

  of(containerId: string): ContainerReport | undefined {
    if (containerId === "") return undefined;
    for (let at = this.next; at < this.next + LOOKS_AHEAD; at++) {
      if (this.containers[at]?.containerId !== containerId) continue;
      this.next = at + 1;
      return this.containers[at];
    }
    this.byId ??= new Map(this.containers.map((container) => [container.containerId, container]));
    return this.byId.get(containerId);
  }
}

const keyOf = (hash: Hash64): string => `${hash.lo} ${hash.hi}`;

/** Whether memory is the same as before but for a little. */
function isAlike(bytes: number, beforeBytes: number): boolean {
  return Math.abs(bytes - beforeBytes) <= MEMORY_NOISE * bytes;
}
