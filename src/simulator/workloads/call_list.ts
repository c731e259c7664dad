/**
 * A list of calls as a table, one row each: `arrival_ms`, `function` and `exec_duration_ms` must be there;
 * `memory_in_bytes` and `timeout_ms` of the function, `cpu_ms` (core-milliseconds) and `max_memory_usage_bytes` of the
 * call may be. Other columns are of no meaning here: what a scheduler made of the call is measured anew.
 */
import {
  checkInteger,
  FUNCTION_MEMORY_BYTES_MIN,
  FUNCTION_TIMEOUT_MS_DEFAULT,
  invalidArgument,
  MIB,
  TIMEOUT_MS_MAX,
} from "../../base/mod.ts";
import { type CsvRow, forEachRow } from "./csv.ts";
import type { TraceFile } from "./azure2019.ts";
import { type OnNote, quotaCores, traceFunction } from "./trace.ts";
import {
  CallsBuilder,
  createWorkload,
  DURATION_MS_MAX,
  MEMORY_BYTES_MAX,
  WORK_MS_MAX,
  type Workload,
  type WorkloadFunction,
} from "./types.ts";

const MEMORY_BYTES_DEFAULT = 256 * MIB;
/** What a call holds where the list does not say. */
const PEAK_BYTES_DEFAULT = 4 * MIB;

/** Reads such a list. Throws `invalid_argument` naming file, line, column, what was found and what is allowed. */
export async function readCallList(file: TraceFile, options: { readonly onNote?: OnNote } = {}): Promise<Workload> {
  const { onNote = () => {} } = options;
  const functions: WorkloadFunction[] = [];
  const indexes = new Map<string, { readonly index: number; readonly line: number }>();
  const calls = new CallsBuilder();
  let unfinished = 0;
  await forEachRow(file.name, file.chunks, ["arrival_ms", "function", "exec_duration_ms"], (row, line) => {
    if (!row.isGiven("exec_duration_ms")) return void unfinished++;
    const name = row.text("function");
    const known = indexes.get(name);
    if (known) checkSame(row, functions[known.index], known.line);
    else {
      indexes.set(name, { index: functions.length, line });
      functions.push(functionOf(row, functions.length, name));
    }
    const durationMs = row.number("exec_duration_ms", 0, WORK_MS_MAX);
    const functionIndex = known?.index ?? functions.length - 1;
    const cpuMs = row.isGiven("cpu_ms") ? row.number("cpu_ms", 0, durationMs) : 0;
    // The rest of its duration it waited, if what it computed did not take all of it at the container's quota.
    const computedMs = cpuMs / quotaCores(functions[functionIndex].memoryBytes);
    calls.add({
      functionIndex,
      atMs: row.number("arrival_ms", 0, DURATION_MS_MAX),
      cpuMs,
      sleepMs: Math.max(0, durationMs - computedMs),
      peakBytes: row.isGiven("max_memory_usage_bytes")
        ? row.number("max_memory_usage_bytes", 0, MEMORY_BYTES_MAX)
        : PEAK_BYTES_DEFAULT,
    });
  });
  if (unfinished > 0) onNote(`${unfinished} calls have no exec_duration_ms: left out`);
  return createWorkload({ name: "calls", functions, calls: calls.build() });
}

function functionOf(row: CsvRow, index: number, name: string): WorkloadFunction {
  const memoryBytes = given(row, "memory_in_bytes", FUNCTION_MEMORY_BYTES_MIN, MEMORY_BYTES_MAX);
  const timeoutMs = given(row, "timeout_ms", 1, TIMEOUT_MS_MAX);
  return {
    ...traceFunction(index, name, memoryBytes ?? MEMORY_BYTES_DEFAULT),
    timeoutMs: timeoutMs ?? FUNCTION_TIMEOUT_MS_DEFAULT,
  };
}

function given(row: CsvRow, column: string, min: number, max: number): number | undefined {
  if (!row.isGiven(column)) return undefined;
  const value = row.number(column, min, max);
  checkInteger(value, column, min, max);
  return value;
}

function checkSame(row: CsvRow, { memoryBytes, timeoutMs }: WorkloadFunction, line: number): void {
  const same = (column: string, wanted: number) => {
    if (!row.isGiven(column)) return;
    const value = row.number(column, 0, MEMORY_BYTES_MAX);
    if (value !== wanted) throw invalidArgument(column, value, `${wanted}, as the function has in line ${line}`);
  };
  same("memory_in_bytes", memoryBytes);
  same("timeout_ms", timeoutMs);
}
