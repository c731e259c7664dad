/**
 * The Azure Functions trace of 2021 (Azure/AzurePublicDataset): one row for every call, with its end and its duration
 * in seconds. It says nothing of memory and processors: both are drawn from the seed, function by function.
 */
import { MIB, seededRandom } from "../../base/mod.ts";
import { forEachRow } from "./csv.ts";
import { logUniform, uniform } from "./draw.ts";
import type { TraceFile } from "./azure2019.ts";
import { drawComputes, memoryClass, type OnNote, RunCut, traceFunction, workOf } from "./trace.ts";
import { CallsBuilder, createWorkload, DURATION_MS_MAX, type Workload, type WorkloadFunction } from "./types.ts";

/** The trace counts from its own start, two weeks of it; other clocks may count from 1970. */
const TIMESTAMP_S_MAX = 1e11;

export interface Azure2021Options {
  readonly seed: number;
  /** Share of the functions that compute instead of waiting, by default a quarter; the trace does not tell. */
  readonly cpuShare?: number;
  /** Longer runs are cut to this, in milliseconds; by default to ten minutes. */
  readonly runMsMax?: number;
  readonly onNote?: OnNote;
}

/** Most that a call holds, drawn once for each function; nearly all use little. */
const PEAK_MIB_MIN = 2, PEAK_MIB_MAX = 400;

/** Reads the trace; the first call to begin begins at 0. Throws `invalid_argument` naming line, column and bounds. */
export async function readAzure2021(file: TraceFile, options: Azure2021Options): Promise<Workload> {
  const { seed, cpuShare = 0.25, onNote = () => {} } = options;
  const random = seededRandom(seed);
  const functions: (WorkloadFunction & { readonly computes: boolean; readonly peakBytes: number })[] = [];
  const indexes = new Map<string, number>();
  const rows: { functionIndex: number; atMs: number; durationMs: number }[] = [];
  const runs = new RunCut(options.runMsMax);
  await forEachRow(file.name, file.chunks, ["app", "func", "end_timestamp", "duration"], (row) => {
    const key = `${row.text("app")}/${row.text("func")}`;
    let functionIndex = indexes.get(key);
    if (functionIndex === undefined) {
      functionIndex = functions.length;
      indexes.set(key, functionIndex);
      const peakBytes = Math.round(logUniform(random, PEAK_MIB_MIN, PEAK_MIB_MAX) * MIB);
      const fn = traceFunction(functionIndex, row.text("func"), memoryClass(peakBytes));
      functions.push({ ...fn, peakBytes, computes: drawComputes(random, cpuShare) });
    }
    const durationMs = row.number("duration", 0, DURATION_MS_MAX / 1_000) * 1_000;
    const endMs = row.number("end_timestamp", -TIMESTAMP_S_MAX, TIMESTAMP_S_MAX) * 1_000;
    rows.push({ functionIndex, atMs: endMs - durationMs, durationMs });
  });
  const startMs = rows.reduce((least, { atMs }) => Math.min(least, atMs), Infinity);
  const calls = new CallsBuilder();
  for (const { functionIndex, atMs, durationMs } of rows) {
    const { computes, memoryBytes, peakBytes } = functions[functionIndex];
    calls.add({
      functionIndex,
      atMs: Math.round((atMs - startMs) * 1000) / 1000,
      ...workOf(computes, memoryBytes, runs.cut(durationMs)),
      peakBytes: Math.round(peakBytes * uniform(random, 0.7, 1)),
    });
  }
  runs.tell(onNote);
  return createWorkload({
    name: "azure-2021",
    functions: functions.map(({ id, label, memoryBytes, timeoutMs }) => ({ id, label, memoryBytes, timeoutMs })),
    calls: calls.build(),
  });
}
