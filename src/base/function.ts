import { invalidArgument } from "./errors.ts";
import {
  checkFunctionName,
  checkInteger,
  checkText,
  CONCURRENCY_MAX,
  DEFAULT_ACCOUNT,
  FUNCTION_MEMORY_BYTES_MIN,
  MIB,
  NAME_LENGTH_MAX,
  TIMEOUT_MS_MAX,
} from "./limits.ts";

/** All that the platform must know of one version of a function to run it. */
export interface FunctionSpec {
  readonly accountId: string;
  readonly functionName: string;
  /** Name of the export to call; empty: `handler` where there is one, else the default export's `fetch`. */
  readonly handler: string;
  readonly memoryBytes: number;
  readonly timeoutMs: number;
  /** SHA-256 of the bundle in hex; empty: whatever the registry names at present. */
  readonly codeHash: string;
  /** Version in the registry, from 1; 0 where the caller does not know it. */
  readonly version: number;
  /** Invocations that may share one container, 1 to 255. */
  readonly concurrency: number;
  /** Hosts the code may connect to, each `host` or `host:port`; `*` is every host. */
  readonly allowNet: readonly string[];
}

/** One key per function, whatever its version. */
export function functionKey(spec: { accountId: string; functionName: string }): string {
  return `${spec.accountId}/${spec.functionName}`;
}

const HASH = /^[0-9a-f]{64}$/;
const HANDLER = /^[A-Za-z_$][\w$]{0,127}$/;
const HOST = /^(\*|(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,252}))(?::([0-9]{1,5}))?)$/;

/** Throws `invalid_argument`, naming the wire's field, unless every part of `spec` is within its bounds. */
export function checkFunctionSpec(spec: FunctionSpec, prefix = ""): void {
  checkText(spec.accountId, "account_id", NAME_LENGTH_MAX);
  checkFunctionName(spec.functionName);
  if (spec.handler !== "" && !HANDLER.test(spec.handler)) {
    throw invalidArgument(`${prefix}handler`, spec.handler, "the name of an export");
  }
  if (!Number.isSafeInteger(spec.memoryBytes) || spec.memoryBytes < FUNCTION_MEMORY_BYTES_MIN) {
    const allowed = `at least ${FUNCTION_MEMORY_BYTES_MIN} (${FUNCTION_MEMORY_BYTES_MIN / MIB} MiB)`;
    throw invalidArgument(`${prefix}memory_in_bytes`, spec.memoryBytes, allowed);
  }
  checkInteger(spec.timeoutMs, `${prefix}timeout_in_ms`, 1, TIMEOUT_MS_MAX);
  checkInteger(spec.concurrency, `${prefix}concurrency`, 1, CONCURRENCY_MAX);
  checkInteger(spec.version, `${prefix}version`, 0, Number.MAX_SAFE_INTEGER);
  if (spec.codeHash !== "" && !HASH.test(spec.codeHash)) {
    throw invalidArgument(`${prefix}code_hash`, spec.codeHash, "64 hex digits");
  }
  if (spec.allowNet.length > 64) throw invalidArgument(`${prefix}allow_net`, spec.allowNet.length, "at most 64 hosts");
  for (const host of spec.allowNet) {
    const match = HOST.exec(host);
    if (!match || Number(match[3] ?? 1) > 65_535) throw invalidArgument(`${prefix}allow_net`, host, "host[:port] or *");
  }
}

/** The account a request means: {@linkcode DEFAULT_ACCOUNT} where it names none. */
export function accountOf(accountId: string): string {
  return accountId === "" ? DEFAULT_ACCOUNT : accountId;
}
