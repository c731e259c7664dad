/** What a node agent's door checks before anything else: each error names the field of the wire. */
import {
  accountOf,
  checkFunctionSpec,
  checkInteger,
  checkText,
  EVENT_BYTES_MAX,
  type FunctionSpec,
  type HeaderList,
  invalidArgument,
  KIB,
  NAME_LENGTH_MAX,
  PlatformError,
  REQUEST_ID_LENGTH_MAX,
  TIMEOUT_MS_MAX,
} from "../base/mod.ts";

/** Names and values of one request's headers together: what servers in front of us take, and twice that. */
const HEADERS_LENGTH_MAX = 32 * KIB;
const HEADERS_MAX = 256;
const URL_LENGTH_MAX = 16 * KIB;
const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/;
/** The Fetch standard lets nobody make a Request with these. */
const METHODS_REFUSED = new Set(["CONNECT", "TRACE", "TRACK"]);

/** A function as the wire describes it; 0 and empty stand for missing. */
export interface WireFunction {
  readonly functionName: string;
  readonly handler: string;
  readonly timeoutInMs: bigint;
  readonly memoryInBytes: bigint;
  readonly accountId: string;
  readonly codeHash: string;
  readonly version: bigint;
  readonly concurrency: bigint;
  readonly allowNet: string[];
}

export function checkRequestId(requestId: string): void {
  checkText(requestId, "request_id", REQUEST_ID_LENGTH_MAX);
}

export function checkContainerId(containerId: string): void {
  checkText(containerId, "container_id", NAME_LENGTH_MAX);
}

/** An optional text: an owner's or an account's id, a name. */
export function checkOptional(text: string, field: string): void {
  if (text !== "") checkText(text, field, NAME_LENGTH_MAX);
}

export function checkedFunction(meta: WireFunction | undefined): FunctionSpec {
  if (!meta) throw invalidArgument("function_meta", undefined, "set");
  const spec: FunctionSpec = {
    accountId: accountOf(meta.accountId),
    functionName: meta.functionName,
    handler: meta.handler,
    memoryBytes: Number(meta.memoryInBytes),
    timeoutMs: Number(meta.timeoutInMs),
    codeHash: meta.codeHash,
    version: Number(meta.version),
    concurrency: Number(meta.concurrency) || 1,
    allowNet: meta.allowNet,
  };
  checkFunctionSpec(spec, "function_meta.");
  return spec;
}

/** What an invocation may take: its own, or `fallbackMs` where it says 0. */
export function checkedTimeout(timeoutInMs: bigint, field: string, fallbackMs: number): number {
  if (timeoutInMs === 0n) return fallbackMs;
  checkInteger(Number(timeoutInMs), field, 1, TIMEOUT_MS_MAX);
  return Number(timeoutInMs);
}

export function checkEvent(event: Uint8Array): void {
  if (event.length <= EVENT_BYTES_MAX) return;
  throw new PlatformError(
    "invalid_argument",
    `event has ${event.length} bytes, at most ${EVENT_BYTES_MAX} are allowed`,
  );
}

export function checkHttpRequest(method: string, url: string, headers: HeaderList): void {
  if (!TOKEN.test(method) || method.length > 32 || METHODS_REFUSED.has(method.toUpperCase())) {
    throw invalidArgument("start.method", method, "an HTTP method other than CONNECT, TRACE and TRACK");
  }
  if (url.length > URL_LENGTH_MAX || !/^https?:\/\//i.test(url) || !URL.canParse(url)) {
    throw invalidArgument("start.url", url, `an absolute http or https URL of at most ${URL_LENGTH_MAX} characters`);
  }
  if (headers.length > HEADERS_MAX) throw invalidArgument("start.headers", headers.length, `at most ${HEADERS_MAX}`);
  let length = 0;
  for (const [name, value] of headers) {
    length += name.length + value.length;
    // deno-lint-ignore no-control-regex
    if (!TOKEN.test(name) || !/^[^\0\r\n]*$/.test(value) || /[^\x00-\xff]/.test(value)) {
      throw invalidArgument("start.headers", `${name}: ${value}`, "a name and a value that HTTP allows");
    }
  }
  if (length > HEADERS_LENGTH_MAX) {
    throw invalidArgument("start.headers", `${length} characters`, `at most ${HEADERS_LENGTH_MAX} characters in all`);
  }
}
