import type { Clock } from "../base/mod.ts";
import { KIB } from "../base/mod.ts";
import { ContainerPhase, NodePhase } from "../core/mod.ts";
import type { ContainerFilter, ContainerView, NodeView, Summary } from "./ports.ts";
import type { State } from "./state.ts";

const NODE_PHASES: Record<NodePhase, NodeView["phase"]> = {
  [NodePhase.free]: "lost",
  [NodePhase.joining]: "joining",
  [NodePhase.ready]: "ready",
  [NodePhase.draining]: "draining",
  [NodePhase.lost]: "lost",
};

const CONTAINER_PHASES: Record<ContainerPhase, ContainerView["phase"]> = {
  [ContainerPhase.free]: "removing",
  [ContainerPhase.starting]: "starting",
  [ContainerPhase.warm]: "warm",
  [ContainerPhase.draining]: "draining",
  [ContainerPhase.removing]: "removing",
};

export function viewNodes(state: State): NodeView[] {
  const { nodes } = state.tables;
  return [...state.nodes].map(({ slot, lease, liveId, containers, overcommit }) => ({
    nodeId: lease.nodeId,
    address: lease.address,
    port: lease.port,
    phase: NODE_PHASES[nodes.phase(slot)],
    memoryBytes: nodes.capacityKiB(slot) * KIB,
    admittedBytes: Math.round(nodes.capacityKiB(slot) * KIB * overcommit),
    freeBytes: nodes.freeKiB(slot) * KIB,
    containers: containers.size,
    reservedAtMs: lease.reservedAtMs,
    liveId,
  }));
}

export function viewContainers(state: State, filter: ContainerFilter, clock: Clock): ContainerView[] {
  const { containers } = state.tables;
  const nowMs = clock.nowMs(), wallMs = clock.wallMs();
  const views: ContainerView[] = [];
  for (const record of state.containerBySlot) {
    if (!record) continue;
    const { accountId, functionName, version } = record.spec;
    if (filter.accountId && filter.accountId !== accountId) continue;
    if (filter.functionName && filter.functionName !== functionName) continue;
    const inFlight = containers.inFlight(record.slot);
    views.push({
      containerId: record.containerId,
      nodeId: record.node.lease.nodeId,
      accountId,
      functionName,
      version,
      phase: CONTAINER_PHASES[containers.phase(record.slot)],
      memoryBytes: record.spec.memoryBytes,
      chargedBytes: record.kib * KIB,
      inFlight,
      concurrency: containers.limit(record.slot),
      createdAtMs: Math.round(wallMs - (nowMs - record.createdAtMs)),
      idleSinceMs: inFlight > 0 ? 0 : Math.round(wallMs - containers.idleMs(record.slot, nowMs)),
      memoryUsageBytes: record.memoryUsageBytes,
    });
  }
  return views;
}

export function viewSummary(state: State, policy: string): Summary {
  const { counters, functions, leases } = state.tables;
  let containers = 0, waiting = 0;
  for (const record of state.containerBySlot) if (record) containers++;
  for (const { slot } of state.functions.values()) waiting += functions.waiting(slot);
  return {
    policy,
    leases: leases.countLive(),
    waiting,
    containers,
    nodes: state.nodes.size,
    acquires: counters.total("acquires"),
    releases: counters.total("releases"),
    coldStarts: counters.total("coldStarts"),
    unknownReturns: counters.total("unknownReturns"),
    ...state.counters,
  };
}

/** What there is of a function, for the person whose acquire came too late. */
export function describe(state: State, functionSlot: number): string {
  const fn = state.functionBySlot[functionSlot];
  const starting = fn ? state.countPhase(fn, ContainerPhase.starting) : 0;
  return `it has ${fn?.containers.size ?? 0} containers (${starting} starting) on ${state.nodes.size} nodes`;
}
