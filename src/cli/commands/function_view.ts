import type { Function as WireFunction } from "../../../gen/minifaas/admin/v1/function_pb.ts";

/** One version of a function, as `--json` tells it. */
export interface FunctionView {
  readonly accountId: string;
  readonly functionName: string;
  readonly version: number;
  readonly active: boolean;
  readonly codeHash: string;
  readonly codeSizeBytes: number;
  readonly handler: string;
  readonly memoryBytes: number;
  readonly timeoutMs: number;
  readonly concurrency: number;
  readonly allowNet: readonly string[];
  readonly createdAtMs: number;
}

/** The wire's function in our words. */
export function describe(one: WireFunction): FunctionView {
  return {
    accountId: one.accountId,
    functionName: one.functionName,
    version: Number(one.version),
    active: one.active,
    codeHash: one.codeHash,
    codeSizeBytes: Number(one.codeSizeInBytes),
    handler: one.handler,
    memoryBytes: Number(one.memoryInBytes),
    timeoutMs: Number(one.timeoutInMs),
    concurrency: Number(one.concurrency),
    allowNet: one.allowNet,
    createdAtMs: Number(one.createdAtMs),
  };
}
