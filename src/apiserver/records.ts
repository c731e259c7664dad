import type { FunctionSpec } from "../base/mod.ts";

/** One version of a function as the registry tells of it. */
export interface FunctionRecord extends FunctionSpec {
  readonly codeSizeBytes: number;
  readonly createdAtMs: number;
  /** Whether invocations run it. */
  readonly active: boolean;
}

/** A row of `versions` with what belongs to it from the tables beside it. */
export interface VersionRow {
  readonly account_id: string;
  readonly function_name: string;
  readonly version: number;
  readonly code_hash: string;
  readonly handler: string;
  readonly memory_bytes: number;
  readonly timeout_ms: number;
  readonly concurrency: number;
  readonly allow_net: string;
  readonly created_at_ms: number;
  readonly size_bytes: number;
  readonly active_version: number;
}

/** The database's words in ours. */
export function fromRow(row: VersionRow): FunctionRecord {
  return {
    accountId: row.account_id,
    functionName: row.function_name,
    handler: row.handler,
    memoryBytes: row.memory_bytes,
    timeoutMs: row.timeout_ms,
    codeHash: row.code_hash,
    version: row.version,
    concurrency: row.concurrency,
    allowNet: JSON.parse(row.allow_net) as string[],
    codeSizeBytes: row.size_bytes,
    createdAtMs: row.created_at_ms,
    active: row.version === row.active_version,
  };
}

/** Whether two versions run the same code in the same way. */
export function sameSettings(a: Omit<FunctionSpec, "version">, b: Omit<FunctionSpec, "version">): boolean {
  return a.codeHash === b.codeHash && a.handler === b.handler && a.memoryBytes === b.memoryBytes &&
    a.timeoutMs === b.timeoutMs && a.concurrency === b.concurrency &&
    a.allowNet.length === b.allowNet.length && a.allowNet.every((host, n) => host === b.allowNet[n]);
}
