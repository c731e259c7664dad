import type { ConnectRouter, HandlerContext } from "@connectrpc/connect";
import {
  accountOf,
  checkFunctionName,
  checkInteger,
  type FailureKind,
  type FunctionSpec,
  type HeaderList,
  invalidArgument,
  type InvocationFooter,
  type InvocationReply,
} from "../base/mod.ts";
import {
  type FetchRequest,
  type FetchRequest_Start,
  NodeAgentService,
  type StreamLogsRequest,
  StreamLogsResponse_Stream as Stream,
} from "../../gen/minifaas/node/v1/node_pb.ts";
import { type InvokeFunctionRequest, NodeService } from "../../gen/nodeservoceproto/nodeservice_pb.ts";
import type { NodeAgent } from "./agent.ts";
import type { LogQuery } from "./container_logs.ts";
import type { AgentStats, ContainerStats } from "./stats.ts";
import {
  checkContainerId,
  checkedFunction,
  checkedTimeout,
  checkEvent,
  checkHttpRequest,
  checkOptional,
  checkRequestId,
} from "./wire_check.ts";

const encoder = new TextEncoder();
/** Lines that one call of StreamLogs may ask for from the past. */
const TAIL_LINES_MAX = 1_000_000;

/** The handlers of `nodeservoceproto.NodeService` and `minifaas.node.v1.NodeAgentService` over `agent`. */
export function nodeRoutes(agent: NodeAgent): (router: ConnectRouter) => void {
  return (router) => {
    router.service(NodeService, {
      reserve({ requestId, ownerAccountId, ownerId, ownerEpoch }) {
        checkRequestId(requestId);
        checkOptional(ownerAccountId, "owner_account_id");
        checkOptional(ownerId, "owner_id");
        checkInteger(Number(ownerEpoch), "owner_epoch", 0, Number.MAX_SAFE_INTEGER);
        agent.reserve({ accountId: ownerAccountId, ownerId, ownerEpoch: Number(ownerEpoch) });
        return {};
      },
      async createContainer({ requestId, ownerId, functionMeta }, { signal }) {
        checkRequestId(requestId);
        const request = { requestId, ownerId, function: checkedFunction(functionMeta) };
        const { containerId, bootMs, importMs } = await agent.createContainer(request, signal);
        return { containerId, bootInNanos: nanos(bootMs), importInNanos: nanos(importMs) };
      },
      async removeContainer({ requestId, containerId, ownerId }) {
        checkRequestId(requestId);
        checkContainerId(containerId);
        await agent.removeContainer({ containerId, ownerId });
        return {};
      },
      invokeFunction: (request, context) => invokeFunction(agent, request, context),
      async getStats({ requestId }) {
        checkRequestId(requestId);
        return statsToWire(await agent.stats());
      },
    });
    router.service(NodeAgentService, {
      fetch: (requests, context) => fetch(agent, requests, context),
      streamLogs: (request, context) => streamLogs(agent, request, context),
      reset: async () => ({ liveId: await agent.reset() }),
    });
  };
}

async function* invokeFunction(agent: NodeAgent, request: InvokeFunctionRequest, { signal }: HandlerContext) {
  const { requestId, containerId, event, functionMeta } = request;
  checkRequestId(requestId);
  checkContainerId(containerId);
  checkEvent(event);
  const own = agent.functionOf(containerId).timeoutMs;
  const timeoutMs = checkedTimeout(functionMeta?.timeoutInMs ?? 0n, "function_meta.timeout_in_ms", own);
  const reply = await agent.invoke({ kind: "event", requestId, containerId, timeoutMs, event }, signal);
  const { head } = reply;
  if (head) yield { header: { handled: true, statusCode: String(head.status), headers: headerMap(head.headers) } };
  else yield { header: failedHeader(await reply.footer) };
  for await (const body of reply.body) if (body.length > 0) yield { body };
  const { durationNanos, maxMemoryBytes, failure } = await reply.footer;
  yield {
    footer: {
      durationInNanos: BigInt(durationNanos),
      invokeException: failure?.kind === "exception" ? failure.message : "",
      error: failure && failure.kind !== "exception" ? failure.message : "",
      maxMemoryUsageInBytes: BigInt(maxMemoryBytes),
      errorCode: failure?.kind ?? "",
    },
  };
}

function failedHeader({ failure, maxMemoryBytes }: InvocationFooter) {
  return {
    handled: false,
    error: encoder.encode(failure?.message),
    statusCode: String(statusOf(failure?.kind)),
    maxMemUsageInBytes: BigInt(maxMemoryBytes),
  };
}

function statusOf(kind: FailureKind | undefined): number {
  return kind === "timeout" ? 504 : kind === "unavailable" ? 503 : kind === "cancelled" ? 499 : 500;
}

function headerMap(headers: HeaderList): Record<string, { items: string[] }> {
  // Without a prototype: a function may name a header as it likes.
  const map: Record<string, { items: string[] }> = Object.create(null);
  for (const [name, value] of headers) (map[name] ??= { items: [] }).items.push(value);
  return map;
}

async function* fetch(agent: NodeAgent, requests: AsyncIterable<FetchRequest>, { signal }: HandlerContext) {
  const parts = requests[Symbol.asyncIterator]();
  const { value: first } = await parts.next();
  if (first?.part.case !== "start") throw invalidArgument("part", first?.part.case, "start in the first message");
  const start: FetchRequest_Start = first.part.value;
  const { requestId, containerId, method, url, timeoutInMs, hasBody } = start;
  const headers: HeaderList = start.headers.map(({ name, value }) => [name, value]);
  checkRequestId(requestId);
  checkContainerId(containerId);
  checkHttpRequest(method, url, headers);
  const timeoutMs = checkedTimeout(timeoutInMs, "start.timeout_in_ms", agent.functionOf(containerId).timeoutMs);
  const body = hasBody ? bodyOf(parts) : undefined;
  const reply: InvocationReply = await agent.invoke(
    { kind: "fetch", requestId, containerId, timeoutMs, method, url, headers, body },
    signal,
  );
  if (reply.head) {
    const { status, headers } = reply.head;
    const list = headers.map(([name, value]) => ({ name, value }));
    yield { part: { case: "head" as const, value: { status, headers: list } } };
  }
  for await (const value of reply.body) if (value.length > 0) yield { part: { case: "body" as const, value } };
  const { durationNanos, maxMemoryBytes, failure } = await reply.footer;
  const value = {
    durationInNanos: BigInt(durationNanos),
    maxMemoryUsageInBytes: BigInt(maxMemoryBytes),
    errorCode: failure?.kind ?? "",
    errorMessage: failure?.message ?? "",
  };
  yield { part: { case: "footer" as const, value } };
}

async function* bodyOf(parts: AsyncIterator<FetchRequest>): AsyncGenerator<Uint8Array, void> {
  for (;;) {
    const { done, value } = await parts.next();
    if (done) return;
    if (value.part.case !== "body") throw invalidArgument("part", value.part.case, "body after the first message");
    yield value.part.value;
  }
}

async function* streamLogs(agent: NodeAgent, request: StreamLogsRequest, { signal }: HandlerContext) {
  for await (const { containerId, timestampMs, stream, line } of agent.streamLogs(logQuery(request), signal)) {
    yield {
      containerId,
      timestampMs: BigInt(timestampMs),
      stream: stream === "stdout" ? Stream.STDOUT : Stream.STDERR,
      line,
    };
  }
}

function logQuery({ containerId, accountId, functionName, follow, tailLines }: StreamLogsRequest): LogQuery {
  checkInteger(tailLines, "tail_lines", 0, TAIL_LINES_MAX);
  if (containerId !== "") {
    checkContainerId(containerId);
    return { containerId, follow, tailLines };
  }
  checkFunctionName(functionName);
  return { accountId: accountOf(accountId), functionName, follow, tailLines };
}

function statsToWire(stats: AgentStats) {
  const { disk } = stats;
  return {
    nodeStats: {
      totalMemoryInBytes: BigInt(stats.totalMemoryBytes),
      memoryUsageInBytes: BigInt(stats.memoryUsageBytes),
      availableMemoryInBytes: BigInt(stats.availableMemoryBytes),
      cpuUsagePct: stats.cpuUsagePct,
      diskTotalInBytes: BigInt(disk.totalBytes),
      diskAvailInBytes: BigInt(disk.availableBytes),
      diskTotalInodes: BigInt(disk.totalInodes),
      diskFreeInodes: BigInt(disk.freeInodes),
      admittedMemoryInBytes: BigInt(stats.admittedMemoryBytes),
    },
    // One that still starts is told once its creator knows its id.
    containerStatsList: stats.containers.filter((container) => !container.starting).map(containerToWire),
    liveId: stats.liveId,
    ownerAccountId: stats.accountId,
    ownerId: stats.ownerId,
    ownerEpoch: BigInt(stats.ownerEpoch),
  };
}

function containerToWire(container: ContainerStats) {
  const spec: FunctionSpec = container.function;
  return {
    containerId: container.containerId,
    totalMemoryInBytes: BigInt(spec.memoryBytes),
    memoryUsageInBytes: BigInt(container.memoryUsageBytes),
    cpuUsagePct: container.cpuUsagePct,
    functionName: spec.functionName,
    requestIds: [...container.requestIds],
    handler: spec.handler,
    accountId: spec.accountId,
    timeoutInMs: BigInt(spec.timeoutMs),
    codeHash: spec.codeHash,
    version: BigInt(spec.version),
    concurrency: BigInt(spec.concurrency),
    allowNet: [...spec.allowNet],
    usable: container.usable,
    cpuTimeInNanos: nanos(container.cpuMs),
  };
}

function nanos(ms: number): bigint {
  return BigInt(Math.round(ms * 1e6));
}
