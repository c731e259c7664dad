import { type CallOptions as ConnectOptions, createClient, type Transport } from "@connectrpc/connect";
import { APIServer } from "../../gen/apiserverproto/apiserver_pb.ts";
import { type Function as WireFunction, FunctionService } from "../../gen/minifaas/admin/v1/function_pb.ts";
import { assert, type CallOptions } from "../base/mod.ts";
import type { LogRequest, NodeLogLine } from "./ports.ts";
import type { FunctionRecord } from "./records.ts";
import type { Deployment, FunctionName } from "./registry.ts";

/** What ListFunctions tells of a function. */
export type FunctionSummary =
  & FunctionName
  & Pick<FunctionRecord, "handler" | "memoryBytes" | "timeoutMs" | "version">;

/** An apiserver, over whatever transport. Errors of every call: the PlatformError that the transport makes of them. */
export interface ApiClient {
  /** Stores a bundle as the next version; an empty account and settings of 0 mean the defaults. */
  deploy(request: Deployment, options?: CallOptions): Promise<{ function: FunctionRecord; changed: boolean }>;
  /** Forgets a function; answers how many versions it had. */
  remove(name: FunctionName, options?: CallOptions): Promise<number>;
  /** One version, or with 0 the active one. */
  describe(name: FunctionName, version?: number, options?: CallOptions): Promise<FunctionRecord>;
  /** Newest first. */
  versions(name: FunctionName, options?: CallOptions): Promise<FunctionRecord[]>;
  /** Rolls back: answers the new version that has the code and settings of `version`. */
  activate(name: FunctionName, version: number, options?: CallOptions): Promise<FunctionRecord>;
  list(options?: CallOptions): Promise<FunctionSummary[]>;
  getCode(codeHash: string, options?: CallOptions): Promise<Uint8Array>;
  invoke(
    request: FunctionName & { readonly event: Uint8Array },
    options?: CallOptions,
  ): Promise<{ requestId: string; body: Uint8Array; latencyMs: number }>;
  streamLogs(request: LogRequest, options?: CallOptions): AsyncIterable<NodeLogLine>;
}

/** A client of the apiserver's services over `transport`. */
export function createApiClient(transport: Transport): ApiClient {
  const legacy = createClient(APIServer, transport);
  const functions = createClient(FunctionService, transport);
  return {
    async deploy(request, options) {
      const { memoryBytes, timeoutMs, concurrency, allowNet, code, ...rest } = request;
      const reply = await functions.deployFunction({
        ...rest,
        code: code as Uint8Array<ArrayBuffer>,
        memoryInBytes: BigInt(memoryBytes),
        timeoutInMs: BigInt(timeoutMs),
        concurrency: BigInt(concurrency),
        allowNet: [...allowNet],
      }, toConnect(options));
      return { function: recordFromWire(reply.function), changed: reply.changed };
    },
    async remove(name, options) {
      return Number((await functions.removeFunction(name, toConnect(options))).versionsRemoved);
    },
    async describe(name, version = 0, options) {
      const request = { ...name, version: BigInt(version) };
      return recordFromWire((await functions.describeFunction(request, toConnect(options))).function);
    },
    async versions(name, options) {
      return (await functions.listVersions(name, toConnect(options))).versions.map(recordFromWire);
    },
    async activate(name, version, options) {
      const request = { ...name, version: BigInt(version) };
      return recordFromWire((await functions.activateVersion(request, toConnect(options))).function);
    },
    async list(options) {
      return (await legacy.listFunctions({}, toConnect(options))).functions.map((config) => ({
        accountId: config.accountId,
        functionName: config.functionName,
        handler: config.handler,
        memoryBytes: Number(config.memoryInBytes),
        timeoutMs: Number(config.timeoutInMs),
        version: Number(config.version),
      }));
    },
    async getCode(codeHash, options) {
      return (await functions.getCode({ codeHash }, toConnect(options))).code;
    },
    async invoke({ event, ...name }, options) {
      const request = { ...name, event: event as Uint8Array<ArrayBuffer> };
      const { requestId, body, serverSideLatencyInMs } = await legacy.invokeFunction(request, toConnect(options));
      return { requestId, body, latencyMs: Number(serverSideLatencyInMs) };
    },
    async *streamLogs(request, options) {
      for await (const line of functions.streamLogs(request, toConnect(options))) {
        const { nodeId, containerId, timestampMs, stream, line: text } = line;
        const kind = stream === "stderr" ? "stderr" : "stdout";
        yield { nodeId, containerId, timestampMs: Number(timestampMs), stream: kind, line: text };
      }
    },
  };
}

function toConnect(options: CallOptions = {}): ConnectOptions {
  return { signal: options.signal, timeoutMs: options.timeoutMs };
}

function recordFromWire(record: WireFunction | undefined): FunctionRecord {
  assert(record !== undefined, "the reply has no function");
  return {
    accountId: record.accountId,
    functionName: record.functionName,
    version: Number(record.version),
    codeHash: record.codeHash,
    codeSizeBytes: Number(record.codeSizeInBytes),
    handler: record.handler,
    memoryBytes: Number(record.memoryInBytes),
    timeoutMs: Number(record.timeoutInMs),
    concurrency: Number(record.concurrency),
    allowNet: record.allowNet,
    createdAtMs: Number(record.createdAtMs),
    active: record.active,
  };
}
