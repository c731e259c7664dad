import type { ConnectRouter, HandlerContext } from "@connectrpc/connect";
import { ClusterService } from "../../gen/minifaas/admin/v1/cluster_pb.ts";
import { type AcquireContainerRequest, Scheduler } from "../../gen/schedulerproto/scheduler_pb.ts";
import {
  type CallOptions,
  checkFunctionSpec,
  checkInteger,
  checkText,
  type FunctionSpec,
  invalidArgument,
  NAME_LENGTH_MAX,
  PlatformError,
  REQUEST_ID_LENGTH_MAX,
} from "../base/mod.ts";
import { fromContainerView, fromDecisionView, fromNodeView, fromSummary } from "./cluster_wire.ts";
import type { ClusterPort, ColdStart, SchedulerPort } from "./ports.ts";
import { fromScoreView } from "./score_wire.ts";

/** Error messages come from user code: more of one than this helps nobody. */
const ERROR_TEXT_MAX = 4_096;
/** An acquire ends so much (at most a tenth) before its caller's deadline: so the caller still hears why. */
const ANSWER_MARGIN_MS = 50;

/** Registers the scheduler's services. */
export function schedulerRoutes(scheduler: SchedulerPort): (router: ConnectRouter) => void {
  return (router) => {
    router.service(Scheduler, {
      async acquireContainer(request, context) {
        checkText(request.requestId, "request_id", REQUEST_ID_LENGTH_MAX);
        const spec = specOf(request);
        const { signal, timeoutMs } = callOf(context);
        const call = { signal, timeoutMs: timeoutMs && timeoutMs - Math.min(ANSWER_MARGIN_MS, timeoutMs / 10) };
        const grant = await scheduler.acquire({ requestId: request.requestId, function: spec }, call);
        if (context.signal.aborted) {
          // Nobody is there to take it: the container must not wait for the lease to run out.
          await scheduler.release({
            requestId: request.requestId,
            containerId: grant.containerId,
            durationNanos: 0,
            maxMemoryBytes: 0,
            errorCode: "",
            errorMessage: "",
          });
        }
        return {
          nodeId: grant.nodeId,
          nodeAddress: grant.nodeAddress,
          nodeServicePort: BigInt(grant.nodePort),
          containerId: grant.containerId,
          queuedInNanos: nanos(grant.queuedMs),
          coldStart: grant.coldStart !== undefined,
          coldStartStages: grant.coldStart && stagesOf(grant.coldStart),
        };
      },
      async returnContainer(request) {
        checkText(request.requestId, "request_id", REQUEST_ID_LENGTH_MAX);
        if (request.containerId.length > NAME_LENGTH_MAX) {
          throw invalidArgument("container_id", request.containerId, `at most ${NAME_LENGTH_MAX} characters`);
        }
        const durationNanos = Number(request.durationInNanos), maxMemoryBytes = Number(request.maxMemoryUsageInBytes);
        checkInteger(durationNanos, "duration_in_nanos", 0, Number.MAX_SAFE_INTEGER);
        checkInteger(maxMemoryBytes, "max_memory_usage_in_bytes", 0, Number.MAX_SAFE_INTEGER);
        await scheduler.release({
          requestId: request.requestId,
          containerId: request.containerId,
          durationNanos,
          maxMemoryBytes,
          errorCode: request.errorCode.slice(0, NAME_LENGTH_MAX),
          errorMessage: request.errorMessage.slice(0, ERROR_TEXT_MAX),
        });
        return {};
      },
    });
    clusterRoutes(scheduler)(router);
  };
}

/** Registers ClusterService over a scheduler, near or far: the apiserver offers it as well. */
export function clusterRoutes(
  scheduler: ClusterPort,
): (router: ConnectRouter) => void {
  return (router) => {
    router.service(ClusterService, {
      async listNodes(_, context) {
        return { nodes: (await scheduler.listNodes(callOf(context))).map(fromNodeView) };
      },
      async listContainers({ accountId, functionName }, context) {
        const views = await scheduler.listContainers({ accountId, functionName }, callOf(context));
        return { containers: views.map(fromContainerView) };
      },
      async getSummary(_, context) {
        return fromSummary(await scheduler.summary(callOf(context)));
      },
      async getScore(_, context) {
        return fromScoreView(await scheduler.score(callOf(context)));
      },
      async explainRequest({ requestId }, context) {
        checkText(requestId, "request_id", REQUEST_ID_LENGTH_MAX);
        const decisions = await scheduler.explain(requestId, callOf(context));
        if (decisions.length === 0) {
          throw new PlatformError("not_found", `nothing is remembered of request ${requestId}`);
        }
        return { decisions: decisions.map(fromDecisionView) };
      },
    });
  };
}

function callOf(context: HandlerContext): CallOptions {
  return { signal: context.signal, timeoutMs: context.timeoutMs() };
}

function specOf(request: AcquireContainerRequest): FunctionSpec {
  const config = request.functionConfig;
  if (!config) throw invalidArgument("function_config", undefined, "set");
  const spec: FunctionSpec = {
    accountId: request.accountId,
    functionName: request.functionName,
    handler: config.handler,
    memoryBytes: Number(config.memoryInBytes),
    timeoutMs: Number(config.timeoutInMs),
    codeHash: config.codeHash,
    version: Number(config.version),
    concurrency: config.concurrency === 0n ? 1 : Number(config.concurrency),
    allowNet: config.allowNet,
  };
  checkFunctionSpec(spec, "function_config.");
  return spec;
}

function stagesOf(coldStart: ColdStart) {
  return {
    reserveNodeInNanos: nanos(coldStart.reserveNodeMs),
    createInNanos: nanos(coldStart.createMs),
    bootInNanos: nanos(coldStart.bootMs),
    importInNanos: nanos(coldStart.importMs),
  };
}

function nanos(ms: number): bigint {
  return BigInt(Math.round(ms * 1e6));
}
