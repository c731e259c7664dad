import { createClient, type Transport } from "@connectrpc/connect";
import type {
  CallOptions,
  FailureKind,
  FunctionSpec,
  Invocation,
  InvocationReply,
  LogLine,
  NodeOwner,
} from "../base/mod.ts";
import {
  type FetchResponse,
  NodeAgentService,
  StreamLogsResponse_Stream as Stream,
} from "../../gen/minifaas/node/v1/node_pb.ts";
import {
  type ContainerStats,
  type InvokeFunctionReply,
  NodeService,
} from "../../gen/nodeservoceproto/nodeservice_pb.ts";
import { fetchMessages, replyFromParts, type ReplyPart } from "./client_reply.ts";
import type { LogQuery } from "./container_logs.ts";

/** A node agent as its callers see it. */
export type NodeClient = ReturnType<typeof createNodeClient>;

/**
 * A typed client of a node agent. Every method rejects with a `PlatformError`; see `NodeAgent` for which. `invoke`
 * rejects only before the answer's head (`not_found`, `unavailable`, …); what breaks later is told in the footer.
 */
export function createNodeClient(transport: Transport, close: () => void = () => {}) {
  const node = createClient(NodeService, transport);
  const agent = createClient(NodeAgentService, transport);
  return {
    async reserve(
      request: NodeOwner & { requestId: string; accountId: string },
      options: CallOptions,
    ): Promise<void> {
      const { requestId, accountId, ownerId, ownerEpoch } = request;
      const claim = { requestId, ownerAccountId: accountId, ownerId, ownerEpoch: BigInt(ownerEpoch) };
      await node.reserve(claim, options);
    },
    async createContainer(
      request: { requestId: string; name: string; ownerId: string; function: FunctionSpec },
      options: CallOptions,
    ): Promise<{ containerId: string; bootMs: number; importMs: number }> {
      const { requestId, name, ownerId } = request;
      const functionMeta = functionToWire(request.function);
      const reply = await node.createContainer({ requestId, name, ownerId, functionMeta }, options);
      const bootMs = Number(reply.bootInNanos) / 1e6;
      return { containerId: reply.containerId, bootMs, importMs: Number(reply.importInNanos) / 1e6 };
    },
    async removeContainer(
      request: { requestId: string; containerId: string; ownerId: string },
      options: CallOptions,
    ): Promise<void> {
      await node.removeContainer(request, options);
    },
    async getStats({ requestId }: { requestId: string }, options: CallOptions) {
      const reply = await node.getStats({ requestId }, options);
      const { nodeStats, containerStatsList, liveId, ownerId, ownerEpoch } = reply;
      return {
        liveId,
        ownerId,
        ownerEpoch: Number(ownerEpoch),
        totalMemoryBytes: Number(nodeStats?.totalMemoryInBytes ?? 0n),
        admittedMemoryBytes: Number(nodeStats?.admittedMemoryInBytes ?? 0n),
        memoryUsageBytes: Number(nodeStats?.memoryUsageInBytes ?? 0n),
        cpuUsagePct: nodeStats?.cpuUsagePct ?? 0,
        containers: containerStatsList.map(containerFromWire),
      };
    },
    /** Runs one invocation: an event by the legacy InvokeFunction, a request by Fetch. */
    async invoke(invocation: Invocation, options: CallOptions): Promise<InvocationReply> {
      const stop = new AbortController();
      const signal = options.signal ? AbortSignal.any([options.signal, stop.signal]) : stop.signal;
      const call = { ...options, signal };
      const { requestId, containerId } = invocation;
      const timeoutInMs = BigInt(invocation.timeoutMs);
      if (invocation.kind === "event") {
        const request = { requestId, containerId, event: invocation.event, functionMeta: { timeoutInMs } };
        return await replyFromParts(eventParts(node.invokeFunction(request, call)), stop, options.signal);
      }
      const messages = fetchMessages(invocation, stop.signal);
      return await replyFromParts(fetchParts(agent.fetch(messages, call)), stop, options.signal);
    },
    async *streamLogs(query: LogQuery, options: CallOptions): AsyncGenerator<LogLine, void> {
      for await (const line of agent.streamLogs(query, options)) {
        yield {
          containerId: line.containerId,
          timestampMs: Number(line.timestampMs),
          stream: line.stream === Stream.STDERR ? "stderr" : "stdout",
          line: line.line,
        };
      }
    },
    /** Removes every container and gives the node a new live id. */
    async reset(options: CallOptions = {}): Promise<string> {
      return (await agent.reset({}, options)).liveId;
    },
    close,
  };
}

async function* eventParts(replies: AsyncIterable<InvokeFunctionReply>): AsyncGenerator<ReplyPart, void> {
  for await (const { header, body, footer } of replies) {
    if (header?.handled) {
      const headers = Object.entries(header.headers).flatMap(([name, { items }]) =>
        items.map((value) => [name, value] as const)
      );
      yield { head: { status: Number(header.statusCode) || 200, headers } };
    } else if (header) {
      yield {};
    }
    if (body.length > 0) yield { body };
    if (!footer) continue;
    const message = footer.invokeException || footer.error;
    // An agent of the field knows no error_code.
    const kind = footer.errorCode || (footer.invokeException ? "exception" : message ? "crash" : "");
    const maxMemoryBytes = Number(footer.maxMemoryUsageInBytes);
    yield { footer: footerOf(footer.durationInNanos, maxMemoryBytes, kind, message) };
  }
}

async function* fetchParts(responses: AsyncIterable<FetchResponse>): AsyncGenerator<ReplyPart, void> {
  for await (const { part } of responses) {
    if (part.case === "head") {
      const { status, headers } = part.value;
      yield { head: { status, headers: headers.map(({ name, value }) => [name, value] as const) } };
    } else if (part.case === "body") {
      yield { body: part.value };
    } else if (part.case === "footer") {
      const { durationInNanos, maxMemoryUsageInBytes, errorCode, errorMessage } = part.value;
      yield { footer: footerOf(durationInNanos, Number(maxMemoryUsageInBytes), errorCode, errorMessage) };
    }
  }
}

function footerOf(durationInNanos: bigint, maxMemoryBytes: number, kind: string, message: string) {
  const failure = kind === "" ? undefined : { kind: kind as FailureKind, message };
  return { durationNanos: Number(durationInNanos), maxMemoryBytes, failure };
}

function functionToWire(spec: FunctionSpec) {
  return {
    functionName: spec.functionName,
    handler: spec.handler,
    timeoutInMs: BigInt(spec.timeoutMs),
    memoryInBytes: BigInt(spec.memoryBytes),
    accountId: spec.accountId,
    codeHash: spec.codeHash,
    version: BigInt(spec.version),
    concurrency: BigInt(spec.concurrency),
    allowNet: [...spec.allowNet],
  };
}

function containerFromWire(stats: ContainerStats) {
  const spec: FunctionSpec | undefined = stats.functionName === "" ? undefined : {
    accountId: stats.accountId,
    functionName: stats.functionName,
    handler: stats.handler,
    memoryBytes: Number(stats.totalMemoryInBytes),
    timeoutMs: Number(stats.timeoutInMs),
    codeHash: stats.codeHash,
    version: Number(stats.version),
    concurrency: Number(stats.concurrency) || 1,
    allowNet: stats.allowNet,
  };
  return {
    containerId: stats.containerId,
    function: spec,
    memoryLimitBytes: Number(stats.totalMemoryInBytes),
    memoryUsageBytes: Number(stats.memoryUsageInBytes),
    cpuUsagePct: stats.cpuUsagePct,
    cpuMs: stats.cpuTimeInNanos > 0n ? Number(stats.cpuTimeInNanos) / 1e6 : undefined,
    requestIds: stats.requestIds,
    usable: stats.usable,
  };
}
