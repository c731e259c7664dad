import type { ConnectRouter, HandlerContext } from "@connectrpc/connect";
import { APIServer } from "../../gen/apiserverproto/apiserver_pb.ts";
import { FunctionService } from "../../gen/minifaas/admin/v1/function_pb.ts";
import {
  accountOf,
  checkFunctionName,
  checkText,
  type Clock,
  invalidArgument,
  NAME_LENGTH_MAX,
  newId,
} from "../base/mod.ts";
import { clusterRoutes, type SchedulerPort } from "../scheduler/mod.ts";
import type { BundleChecker } from "./bundle.ts";
import { deploy } from "./deploy.ts";
import { invokeEvent } from "./event.ts";
import type { Invoker } from "./invoker.ts";
import type { LogRequest, NodeLogLine } from "./ports.ts";
import type { FunctionRecord } from "./records.ts";
import type { FunctionName, Registry } from "./registry.ts";

/** What the handlers stand on. */
export interface ApiServerParts {
  readonly registry: Registry;
  readonly bundles: Pick<BundleChecker, "check">;
  readonly invoker: Pick<Invoker, "start">;
  readonly scheduler: SchedulerPort;
  /** Reads a function's logs on all nodes; see `logs.ts`. */
  readonly logs: (request: LogRequest, signal: AbortSignal) => AsyncIterable<NodeLogLine>;
  readonly clock: Clock;
  /** Whether a token protects the platform's ports. */
  readonly hasToken: boolean;
}

/** The handlers of `apiserverproto.APIServer`, `minifaas.admin.v1.FunctionService` and `ClusterService`. */
export function apiServerRoutes(parts: ApiServerParts): (router: ConnectRouter) => void {
  return (router) => {
    invokeRoutes(parts)(router);
    functionRoutes(parts)(router);
    clusterRoutes(parts.scheduler)(router);
  };
}

function invokeRoutes({ registry, invoker, clock }: ApiServerParts): (router: ConnectRouter) => void {
  return (router) => {
    router.service(APIServer, {
      invokeFunction: async (request, context) => {
        const startMs = clock.nowMs();
        const call = {
          ...nameOf(request),
          event: request.event,
          signal: context.signal,
          timeoutMs: context.timeoutMs(),
        };
        const { requestId, body } = await invokeEvent(invoker, call);
        return { requestId, body, serverSideLatencyInMs: BigInt(Math.round(clock.nowMs() - startMs)) };
      },
      listFunctions: () => ({
        requestId: newId(),
        functions: registry.list().map((record) => ({
          functionName: record.functionName,
          timeoutInMs: BigInt(record.timeoutMs),
          memoryInBytes: BigInt(record.memoryBytes),
          handler: record.handler,
          accountId: record.accountId,
          version: BigInt(record.version),
        })),
      }),
    });
  };
}

function functionRoutes(parts: ApiServerParts): (router: ConnectRouter) => void {
  const { registry } = parts;
  return (router) => {
    router.service(FunctionService, {
      deployFunction: async (request) => {
        const { function: record, changed } = await deploy(parts, {
          ...nameOf(request),
          code: request.code,
          handler: request.handler,
          memoryBytes: toNumber(request.memoryInBytes, "memory_in_bytes"),
          timeoutMs: toNumber(request.timeoutInMs, "timeout_in_ms"),
          concurrency: toNumber(request.concurrency, "concurrency"),
          allowNet: request.allowNet,
        });
        return { function: recordToWire(record), changed };
      },
      removeFunction: (request) => ({ versionsRemoved: BigInt(registry.remove(nameOf(request))) }),
      describeFunction: (request) => ({
        function: recordToWire(registry.describe(nameOf(request), toNumber(request.version, "version"))),
      }),
      listVersions: (request) => ({ versions: registry.versions(nameOf(request)).map(recordToWire) }),
      activateVersion: (request) => {
        const version = toNumber(request.version, "version");
        if (version < 1) throw invalidArgument("version", version, "1 or more");
        return { function: recordToWire(registry.activate(nameOf(request), version)) };
      },
      getCode: (request) => ({ code: registry.code(request.codeHash) as Uint8Array<ArrayBuffer> }),
      streamLogs: async function* (request, context: HandlerContext) {
        const name = nameOf(request);
        registry.resolve(name);
        if (request.tailLines < 0) throw invalidArgument("tail_lines", request.tailLines, "0 (all) or more");
        const { follow, tailLines } = request;
        for await (const line of parts.logs({ ...name, follow, tailLines }, context.signal)) {
          yield { ...line, timestampMs: BigInt(Math.round(line.timestampMs)) };
        }
      },
    });
  };
}

/** `ClusterService`, answered by the scheduler behind the port. */
function nameOf(request: { accountId: string; functionName: string }): FunctionName {
  const accountId = accountOf(request.accountId);
  checkText(accountId, "account_id", NAME_LENGTH_MAX);
  checkFunctionName(request.functionName);
  return { accountId, functionName: request.functionName };
}

function recordToWire(record: FunctionRecord) {
  return {
    accountId: record.accountId,
    functionName: record.functionName,
    version: BigInt(record.version),
    codeHash: record.codeHash,
    codeSizeInBytes: BigInt(record.codeSizeBytes),
    handler: record.handler,
    memoryInBytes: BigInt(record.memoryBytes),
    timeoutInMs: BigInt(record.timeoutMs),
    concurrency: BigInt(record.concurrency),
    allowNet: [...record.allowNet],
    createdAtMs: BigInt(record.createdAtMs),
    active: record.active,
  };
}

function toNumber(value: bigint, field: string): number {
  const number = Number(value);
  if (!Number.isSafeInteger(number)) throw invalidArgument(field, value, "within 2^53");
  return number;
}
