import { type CallOptions as ConnectCallOptions, createClient, type Transport } from "@connectrpc/connect";
import { ClusterService } from "../../gen/minifaas/admin/v1/cluster_pb.ts";
import { Scheduler } from "../../gen/schedulerproto/scheduler_pb.ts";
import type { CallOptions } from "../base/mod.ts";
import { toContainerView, toDecisionView, toNodeView, toSummary } from "./cluster_wire.ts";
import type { ClusterPort, SchedulerPort } from "./ports.ts";
import { toScoreView } from "./score_wire.ts";

const NANOS_PER_MS = 1e6;

/** The scheduler over a transport. Errors are those of {@linkcode SchedulerPort}. */
export function createSchedulerClient(transport: Transport): SchedulerPort {
  const scheduler = createClient(Scheduler, transport);
  return {
    async acquire({ requestId, function: spec }, options) {
      const reply = await scheduler.acquireContainer({
        requestId,
        accountId: spec.accountId,
        functionName: spec.functionName,
        functionConfig: {
          timeoutInMs: BigInt(spec.timeoutMs),
          memoryInBytes: BigInt(spec.memoryBytes),
          handler: spec.handler,
          codeHash: spec.codeHash,
          version: BigInt(spec.version),
          concurrency: BigInt(spec.concurrency),
          allowNet: [...spec.allowNet],
        },
      }, callOptions(options));
      const stages = reply.coldStartStages;
      return {
        nodeId: reply.nodeId,
        nodeAddress: reply.nodeAddress,
        nodePort: Number(reply.nodeServicePort),
        containerId: reply.containerId,
        queuedMs: Number(reply.queuedInNanos) / NANOS_PER_MS,
        coldStart: reply.coldStart && stages
          ? {
            reserveNodeMs: Number(stages.reserveNodeInNanos) / NANOS_PER_MS,
            createMs: Number(stages.createInNanos) / NANOS_PER_MS,
            bootMs: Number(stages.bootInNanos) / NANOS_PER_MS,
            importMs: Number(stages.importInNanos) / NANOS_PER_MS,
          }
          : undefined,
      };
    },
    async release(request, options = {}) {
      await scheduler.returnContainer({
        requestId: request.requestId,
        containerId: request.containerId,
        durationInNanos: BigInt(Math.round(request.durationNanos)),
        maxMemoryUsageInBytes: BigInt(Math.round(request.maxMemoryBytes)),
        errorCode: request.errorCode,
        errorMessage: request.errorMessage,
      }, callOptions(options));
    },
    ...createClusterClient(transport),
  };
}

/** What a scheduler tells of itself, or an apiserver on its behalf. */
export function createClusterClient(transport: Transport): ClusterPort {
  const cluster = createClient(ClusterService, transport);
  return {
    async listNodes(options = {}) {
      return (await cluster.listNodes({}, callOptions(options))).nodes.map(toNodeView);
    },
    async listContainers(filter, options = {}) {
      return (await cluster.listContainers(filter, callOptions(options))).containers.map(toContainerView);
    },
    async summary(options = {}) {
      return toSummary(await cluster.getSummary({}, callOptions(options)));
    },
    async score(options = {}) {
      return toScoreView(await cluster.getScore({}, callOptions(options)));
    },
    async explain(requestId, options = {}) {
      return (await cluster.explainRequest({ requestId }, callOptions(options))).decisions.map(toDecisionView);
    },
  };
}

function callOptions({ signal, timeoutMs }: CallOptions): ConnectCallOptions {
  return { signal, timeoutMs: timeoutMs === undefined ? undefined : Math.max(1, Math.ceil(timeoutMs)) };
}
