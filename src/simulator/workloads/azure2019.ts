/**
 * The Azure Functions trace of 2019 ("Serverless in the Wild", Azure/AzurePublicDataset) and samples of it: three
 * tables for one day. Invocations of every function in each of 1,440 minutes; percentiles of its durations; percentiles
 * of its app's memory. When in its minute a call comes, and how long it takes and what it holds, is drawn from the seed.
 */
import { invalidArgument, MIB, PlatformError, type Random, seededRandom } from "../../base/mod.ts";
import { type CsvRow, forEachRow } from "./csv.ts";
import { fromPercentiles, type Percentiles } from "./draw.ts";
import { drawComputes, memoryClass, type OnNote, PEAK_BYTES_MAX, RunCut, traceFunction, workOf } from "./trace.ts";
import { CALLS_MAX, CallsBuilder, createWorkload, FUNCTIONS_MAX, type Workload } from "./types.ts";

const MINUTE_MS = 60_000;
export const MINUTES = 1_440;
/** Durations of one trace row go up to days; what is longer than allowed is cut. */
const DURATION_MS_RECORDED_MAX = 30 * 86_400_000;
const MEMORY_MIB_RECORDED_MAX = 1024 * 1024;

/** Bytes of one of the tables, and its name for errors. */
export interface TraceFile {
  readonly name: string;
  readonly chunks: AsyncIterable<Uint8Array>;
}

export interface Azure2019Options {
  readonly seed: number;
  /** First minute of the day that counts, from 1, and how many of them; by default the whole day. */
  readonly fromMinute?: number;
  readonly minutes?: number;
  /** At most so many functions: the first ones of the file that have a call in these minutes. */
  readonly functionsMax?: number;
  /**
   * Part of the recorded memory that a call holds, by default a quarter: the trace has the memory of a whole app with
   * its runtime, of which a container here holds one function's calls.
   */
  readonly memoryShare?: number;
  /** Share of the functions that compute instead of waiting, by default a quarter; the trace does not tell. */
  readonly cpuShare?: number;
  /** Longer runs are cut to this, in milliseconds; by default to ten minutes. */
  readonly runMsMax?: number;
  readonly onNote?: OnNote;
}

const DURATION_COLUMNS = [0, 1, 25, 50, 75, 99, 100];
const MEMORY_COLUMNS = [1, 5, 25, 50, 75, 95, 99, 100];
const IDS = ["HashFunction", "HashApp", "HashOwner"];

/** Reads the three tables as one workload. Throws `invalid_argument` naming file, line, column, found and allowed. */
export async function readAzure2019(
  files: { readonly invocations: TraceFile; readonly durations: TraceFile; readonly memory: TraceFile },
  options: Azure2019Options,
): Promise<Workload> {
  const { fromMinute = 1, minutes = MINUTES, functionsMax = FUNCTIONS_MAX } = options;
  const { memoryShare = 0.25, cpuShare = 0.25, onNote = () => {} } = options;
  const durations = await readPercentiles(files.durations, IDS, "percentile_Average_", DURATION_COLUMNS, {
    max: DURATION_MS_RECORDED_MAX,
  });
  const memory = await readPercentiles(files.memory, IDS.slice(1), "AverageAllocatedMb_pct", MEMORY_COLUMNS, {
    max: MEMORY_MIB_RECORDED_MAX,
  });

  const random = seededRandom(options.seed);
  const functions: Workload["functions"][number][] = [];
  const calls = new CallsBuilder();
  let columns: { first: number; length: number } | undefined;
  let withoutDuration = 0, withoutMemory = 0;
  const runs = new RunCut(options.runMsMax);
  await forEachRow(files.invocations.name, files.invocations.chunks, IDS, (row) => {
    if (functions.length >= functionsMax) return;
    columns ??= minuteColumns(row, fromMinute, minutes);
    const { first, length } = columns;
    const counts = Array.from({ length }, (_, i) => Math.round(row.numberAt(first + i, 0, CALLS_MAX)));
    if (counts.every((count) => count === 0)) return;
    const duration = durations.get(keyOf(row, IDS));
    if (!duration) return void withoutDuration++;
    const recorded = memory.get(keyOf(row, IDS.slice(1)));
    if (!recorded) withoutMemory++;
    const holds = holdsOf(recorded ?? UNKNOWN_MEMORY, memoryShare);
    const functionIndex = functions.length;
    const computes = drawComputes(random, cpuShare);
    const { memoryBytes } = functions[
      functions.push(
        traceFunction(functionIndex, row.text("HashFunction"), memoryClass(holds.mostBytes)),
      ) - 1
    ];
    counts.forEach((count, minute) => {
      for (let i = 0; i < count; i++) {
        calls.add({
          functionIndex,
          atMs: Math.round((minute + random.float()) * MINUTE_MS * 1000) / 1000,
          ...workOf(computes, memoryBytes, runs.cut(fromPercentiles(random, duration))),
          peakBytes: holds.draw(random),
        });
      }
    });
  });
  if (withoutDuration > 0) onNote(`${withoutDuration} functions have no row in ${files.durations.name}: left out`);
  if (withoutMemory > 0) {
    onNote(`${withoutMemory} functions have no row in ${files.memory.name}: taken as 100 to 200 MiB`);
  }
  runs.tell(onNote);
  if (functions.length === 0) throw new PlatformError("invalid_argument", `${files.invocations.name} has no calls`);
  return createWorkload({
    name: "azure-2019",
    durationMs: columns!.length * MINUTE_MS,
    functions,
    calls: calls.build(),
  });
}

/** A typical app of the trace, for those of which it says nothing. */
const UNKNOWN_MEMORY: Percentiles = { at: [0, 100], values: [100, 200] };

/** Where the wanted minutes stand. Their columns are called `minute_7` in samples and `7` in the trace. */
function minuteColumns(row: CsvRow, fromMinute: number, minutes: number): { first: number; length: number } {
  const isMinute = (column: string, minute: number) => column === `minute_${minute}` || column === String(minute);
  const first = row.columns.findIndex((column) => isMinute(column, fromMinute));
  if (first < 0) {
    throw invalidArgument("the heading", row.columns.slice(0, 5).join(","), `one with minute_${fromMinute}`);
  }
  let length = 1;
  while (length < minutes && isMinute(row.columns[first + length] ?? "", fromMinute + length)) length++;
  return { first, length };
}

function holdsOf({ at, values }: Percentiles, share: number) {
  const scaled = { at, values: values.map((mib) => Math.min(PEAK_BYTES_MAX, mib * share * MIB)) };
  return {
    mostBytes: scaled.values[scaled.values.length - 1],
    draw: (random: Random) => Math.round(fromPercentiles(random, scaled)),
  };
}

async function readPercentiles(
  file: TraceFile,
  ids: readonly string[],
  prefix: string,
  percents: readonly number[],
  { max }: { max: number },
): Promise<Map<string, Percentiles>> {
  const all = new Map<string, Percentiles>();
  const columns = percents.map((percent) => `${prefix}${percent}`);
  // Where the least is not recorded, the lowest percentile stands for it.
  const at = percents[0] === 0 ? percents : [0, ...percents];
  await forEachRow(file.name, file.chunks, [...ids, ...columns], (row) => {
    const values: number[] = [];
    // Rounded percentiles may fall a little: each is at least the one before.
    for (const column of columns) values.push(Math.max(values.at(-1) ?? 0, row.number(column, 0, max)));
    all.set(keyOf(row, ids), { at, values: at === percents ? values : [values[0], ...values] });
  });
  return all;
}

function keyOf(row: CsvRow, ids: readonly string[]): string {
  return ids.map((id) => row.text(id)).join("/");
}
