/**
 * A workload as a plain file: JSON lines. The first line says what it is, then comes a line for every function, then
 * one for every call: `[atMs, function, cpuMs, sleepMs, peakBytes]`, the function by its place in the list, from 0.
 *
 *     {"format":"mini-faas-workload","version":1,"name":"two hellos","durationMs":1000}
 *     {"id":"fn-00c0ffee","label":"hello","memoryBytes":134217728,"timeoutMs":60000}
 *     [0,0,2.5,10,1048576]
 *     [250.5,0,2.5,10,1048576]
 */
import { invalidArgument, PlatformError } from "../../base/mod.ts";
import { forEachLine } from "./lines.ts";
import {
  CallsBuilder,
  checkCall,
  checkFunction,
  createWorkload,
  DURATION_MS_MAX,
  FUNCTIONS_MAX,
  type Workload,
  type WorkloadFunction,
} from "./types.ts";

export const WORKLOAD_FORMAT = "mini-faas-workload";
export const WORKLOAD_VERSION = 1;
const NAME_LENGTH_MAX = 128;
/** Lines that are put together before they are handed on. */
const LINES_PER_PIECE = 4096;

/** The file of a workload, in pieces of many lines each. */
export function* writeWorkload(workload: Workload): Generator<string, void> {
  const { name, durationMs, functions, calls } = workload;
  const head = { format: WORKLOAD_FORMAT, version: WORKLOAD_VERSION, name, durationMs };
  yield JSON.stringify(head) + "\n";
  yield functions.map(({ id, label, memoryBytes, timeoutMs }) =>
    JSON.stringify({ id, label, memoryBytes, timeoutMs }) + "\n"
  ).join("");
  for (let from = 0; from < calls.count; from += LINES_PER_PIECE) {
    const lines: string[] = [];
    for (let i = from; i < Math.min(calls.count, from + LINES_PER_PIECE); i++) {
      const { atMs, functionIndex, cpuMs, sleepMs, peakBytes } = calls;
      lines.push(`[${atMs[i]},${functionIndex[i]},${cpuMs[i]},${sleepMs[i]},${peakBytes[i]}]\n`);
    }
    yield lines.join("");
  }
}

/**
 * Reads the file of a workload; calls may stand in any order, functions stand before the calls. `name` is for errors:
 * throws `invalid_argument` with it, the line, the field, what was found and what is allowed.
 */
export async function readWorkload(name: string, chunks: AsyncIterable<Uint8Array>): Promise<Workload> {
  let head: { name: string; durationMs: number } | undefined;
  const functions: WorkloadFunction[] = [];
  const calls = new CallsBuilder();
  const ids = new Set<string>();
  await forEachLine(name, chunks, (text) => {
    const value = parse(text);
    if (!head) head = headOf(value);
    else if (Array.isArray(value)) {
      if (value.length !== 5) throw invalidArgument("a call", `${value.length} values`, `[${CALL_FIELDS}]`);
      const [atMs, functionIndex, cpuMs, sleepMs, peakBytes] = value as number[];
      const call = { atMs, functionIndex, cpuMs, sleepMs, peakBytes };
      checkCall(call, functions.length);
      if (atMs > head.durationMs) {
        throw invalidArgument("atMs", atMs, `at most ${head.durationMs}, the workload's durationMs`);
      }
      calls.add(call);
    } else {
      if (calls.count > 0) throw invalidArgument("a function", "after the first call", "before all calls");
      const fn = functionOf(value);
      if (ids.has(fn.id)) throw invalidArgument("id", fn.id, "the id of one function only");
      if (functions.length === FUNCTIONS_MAX) throw invalidArgument("functions", "more", `at most ${FUNCTIONS_MAX}`);
      ids.add(fn.id);
      functions.push(fn);
    }
  });
  if (!head) throw new PlatformError("invalid_argument", `${name} is empty, must begin with a line {"format":…}`);
  if (functions.length === 0) throw new PlatformError("invalid_argument", `${name} has no function`);
  return createWorkload({ ...head, functions, calls: calls.build() });
}

const CALL_FIELDS = "atMs, function, cpuMs, sleepMs, peakBytes";

function parse(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalidArgument("the line", text, "JSON");
  }
  if (typeof value !== "object" || value === null) throw invalidArgument("the line", text, "a JSON object or array");
  return value;
}

function headOf(value: unknown): { name: string; durationMs: number } {
  const { format, version, name, durationMs } = value as Record<string, unknown>;
  if (format !== WORKLOAD_FORMAT) throw invalidArgument("format", format, `"${WORKLOAD_FORMAT}"`);
  if (version !== WORKLOAD_VERSION) throw invalidArgument("version", version, String(WORKLOAD_VERSION));
  if (typeof name !== "string" || name === "" || name.length > NAME_LENGTH_MAX) {
    throw invalidArgument("name", name, `1 to ${NAME_LENGTH_MAX} characters`);
  }
  if (typeof durationMs !== "number" || !(durationMs >= 0 && durationMs <= DURATION_MS_MAX)) {
    throw invalidArgument("durationMs", durationMs, `a number from 0 to ${DURATION_MS_MAX} ms`);
  }
  return { name, durationMs };
}

function functionOf(value: unknown): WorkloadFunction {
  const { id, label = id, memoryBytes, timeoutMs } = value as Record<string, unknown>;
  if (typeof id !== "string") throw invalidArgument("id", id, "a text");
  if (typeof label !== "string") throw invalidArgument("label", label, "a text");
  const fn = { id, label, memoryBytes: memoryBytes as number, timeoutMs: timeoutMs as number };
  checkFunction(fn);
  return fn;
}
