/** ClusterService's messages and our views of the same, both ways. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  Container,
  ContainerSchema,
  Decision,
  DecisionSchema,
  GetSummaryResponse,
  GetSummaryResponseSchema,
  Node,
  NodeSchema,
} from "../../gen/minifaas/admin/v1/cluster_pb.ts";
import type { ContainerView, DecisionView, NodeView, Summary } from "./ports.ts";

export function toNodeView(node: Node): NodeView {
  return {
    nodeId: node.nodeId,
    address: node.address,
    port: Number(node.nodeServicePort),
    phase: node.phase as NodeView["phase"],
    memoryBytes: Number(node.memoryInBytes),
    admittedBytes: Number(node.admittedMemoryInBytes),
    freeBytes: Number(node.freeMemoryInBytes),
    containers: Number(node.containers),
    reservedAtMs: Number(node.reservedAtMs),
    liveId: node.liveId,
  };
}

export function fromNodeView(view: NodeView): MessageInitShape<typeof NodeSchema> {
  return {
    nodeId: view.nodeId,
    address: view.address,
    nodeServicePort: BigInt(view.port),
    phase: view.phase,
    memoryInBytes: BigInt(view.memoryBytes),
    admittedMemoryInBytes: BigInt(view.admittedBytes),
    freeMemoryInBytes: BigInt(view.freeBytes),
    containers: BigInt(view.containers),
    reservedAtMs: BigInt(view.reservedAtMs),
    liveId: view.liveId,
  };
}

export function toContainerView(container: Container): ContainerView {
  return {
    containerId: container.containerId,
    nodeId: container.nodeId,
    accountId: container.accountId,
    functionName: container.functionName,
    version: Number(container.version),
    phase: container.phase as ContainerView["phase"],
    memoryBytes: Number(container.memoryInBytes),
    chargedBytes: Number(container.chargedMemoryInBytes),
    inFlight: Number(container.inFlight),
    concurrency: Number(container.concurrency),
    createdAtMs: Number(container.createdAtMs),
    idleSinceMs: Number(container.idleSinceMs),
    memoryUsageBytes: Number(container.memoryUsageInBytes),
  };
}

export function fromContainerView(view: ContainerView): MessageInitShape<typeof ContainerSchema> {
  return {
    containerId: view.containerId,
    nodeId: view.nodeId,
    accountId: view.accountId,
    functionName: view.functionName,
    version: BigInt(view.version),
    phase: view.phase,
    memoryInBytes: BigInt(view.memoryBytes),
    chargedMemoryInBytes: BigInt(view.chargedBytes),
    inFlight: BigInt(view.inFlight),
    concurrency: BigInt(view.concurrency),
    createdAtMs: BigInt(view.createdAtMs),
    idleSinceMs: BigInt(view.idleSinceMs),
    memoryUsageInBytes: BigInt(view.memoryUsageBytes),
  };
}

const COUNTS = [
  "leases",
  "waiting",
  "containers",
  "nodes",
  "acquires",
  "releases",
  "coldStarts",
  "unknownReturns",
  "expiredLeases",
  "memoryCorrections",
  "containersCreated",
  "containersRemoved",
  "nodesLost",
] as const satisfies readonly (keyof Summary & keyof GetSummaryResponse)[];

export function toSummary(reply: GetSummaryResponse): Summary {
  const counts = COUNTS.map((name) => [name, Number(reply[name])]);
  return { policy: reply.policy, ...Object.fromEntries(counts) };
}

export function fromSummary(summary: Summary): MessageInitShape<typeof GetSummaryResponseSchema> {
  return { policy: summary.policy, ...Object.fromEntries(COUNTS.map((name) => [name, BigInt(summary[name])])) };
}

const NANOS_PER_MS = 1e6;

export function toDecisionView(decision: Decision): DecisionView {
  return {
    requestId: decision.requestId,
    accountId: decision.accountId,
    functionName: decision.functionName,
    outcome: decision.outcome as DecisionView["outcome"],
    containerId: decision.containerId,
    nodeId: decision.nodeId,
    decidedAtMs: Number(decision.decidedAtMs),
    waitedMs: Number(decision.waitedInNanos) / NANOS_PER_MS,
    waitingBefore: Number(decision.waitingBefore),
    alternatives: decision.alternatives,
    events: decision.events.map(({ atMs, text }) => ({ atMs: Number(atMs), text })),
  };
}

export function fromDecisionView(view: DecisionView): MessageInitShape<typeof DecisionSchema> {
  return {
    requestId: view.requestId,
    accountId: view.accountId,
    functionName: view.functionName,
    outcome: view.outcome,
    containerId: view.containerId,
    nodeId: view.nodeId,
    decidedAtMs: BigInt(Math.round(view.decidedAtMs)),
    waitedInNanos: BigInt(Math.round(view.waitedMs * NANOS_PER_MS)),
    waitingBefore: BigInt(view.waitingBefore),
    alternatives: [...view.alternatives],
    events: view.events.map(({ atMs, text }) => ({ atMs: BigInt(Math.round(atMs)), text })),
  };
}
