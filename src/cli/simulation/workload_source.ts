/** What `--workload` may name: the evaluation, a generator, or a file; each with parameters after a colon. */
import * as path from "node:path";
import { messageOf, PlatformError, TIMEOUT_MS_MAX } from "../../base/mod.ts";
import {
  type Azure2019Options,
  evaluationWorkload,
  GENERATORS,
  type OnNote,
  readAzure2019,
  readAzure2021,
  readCallList,
  readWorkload,
  splitCells,
  type Workload,
} from "../../simulator/workloads/mod.ts";
import { nearest } from "../suggest.ts";
import { UsageError } from "../usage_error.ts";
import { type Bounds, parseParameters } from "./parameters.ts";

/** Where a workload comes from; for each seed another one, but for files that hold every call. */
export interface WorkloadSource {
  /** Throws {@linkcode UsageError} that names the file, the line, what was found and what is allowed. */
  load(seed: number, onNote: OnNote): Promise<Workload>;
}

const EVALUATION = "evaluation";
/** Enough for the heading of any form. */
const HEAD_BYTES = 64 * 1024;

const SHARE: Bounds = { min: 0, max: 1, help: "a share" };
const AZURE_2019: Readonly<Record<string, Bounds>> = {
  from: { min: 1, max: 1_440, help: "first minute of the day" },
  minutes: { min: 1, max: 1_440, help: "how many minutes" },
  functions: { min: 1, max: 100_000, help: "how many functions at most" },
  memory: { ...SHARE, help: "share of the recorded memory that a call holds (0.25)" },
  cpu: { ...SHARE, help: "share of functions that compute instead of waiting (0.25)" },
  longest: { min: 1, max: TIMEOUT_MS_MAX / 1_000, help: "seconds to which longer runs are cut (600)" },
};
const AZURE_2021: Readonly<Record<string, Bounds>> = { cpu: AZURE_2019.cpu, longest: AZURE_2019.longest };
const SECOND_MS = 1_000;

/** What may stand before the colon, and its parameters: for help. */
export function workloadHelp(): string {
  const lines = GENERATORS.map(({ name, summary, parameters }) => {
    const values = Object.entries(parameters).map(([key, one]) => `${key}=${one.default}`);
    return `  ${name.padEnd(11)}  ${summary}\n${" ".repeat(15)}${values.join(",")}\n`;
  });
  return `  ${EVALUATION.padEnd(11)}  a real evaluation run of 15 functions, 73,156 calls in 20 minutes\n${
    lines.join("")
  }`
    .trimEnd();
}

/** Takes a `--workload` apart. Throws {@linkcode UsageError}. */
export function workloadSource(text: string, cwd: string): WorkloadSource {
  const { name, given } = splitParameters(text);
  if (name === EVALUATION) {
    parseParameters(EVALUATION, given, {});
    return { load: (seed) => Promise.resolve(evaluationWorkload(seed)) };
  }
  const generator = GENERATORS.find((one) => one.name === name);
  if (generator) {
    const values = parseParameters(name, given, generator.parameters);
    return { load: (seed) => asUsage(() => generator.generate(seed, values)) };
  }
  if (/[./\\]/.test(name)) return fileSource(name, given, cwd);
  const names = [EVALUATION, ...GENERATORS.map((one) => one.name)];
  const meant = nearest(name, names);
  const hint = meant ? `; did you mean ${meant}?` : "";
  throw new UsageError(`--workload is "${name}", must be one of ${names.join(", ")}, or a file${hint}`);
}

/** `sparse:functions=5,minutes=1` in two; a colon in a file's name is none of ours. */
function splitParameters(text: string): { name: string; given: string } {
  const match = /^(.*):([a-z]+=.*)$/s.exec(text);
  return match ? { name: match[1], given: match[2] } : { name: text, given: "" };
}

function fileSource(name: string, given: string, cwd: string): WorkloadSource {
  const full = path.resolve(cwd, name);
  return {
    load: (seed, onNote) =>
      asUsage(async () => {
        const heading = new Set(splitCells(await readHead(name, full)).map((cell) => cell.trim()));
        const file = { name, chunks: chunksOfFile(name, full) };
        if (heading.has("HashFunction")) {
          const { from, minutes, functions, memory, cpu, longest } = parseParameters(name, given, AZURE_2019);
          const options: Azure2019Options = {
            ...{ seed, onNote, minutes, fromMinute: from, functionsMax: functions, memoryShare: memory, cpuShare: cpu },
            runMsMax: longest && longest * SECOND_MS,
          };
          const beside = (table: "durations" | "memory") => {
            const sibling = siblingName(name, table);
            return { name: sibling, chunks: chunksOfFile(sibling, path.resolve(cwd, sibling)) };
          };
          const tables = { invocations: file, durations: beside("durations"), memory: beside("memory") };
          return readAzure2019(tables, options);
        }
        if (heading.has("end_timestamp")) {
          const { cpu, longest } = parseParameters(name, given, AZURE_2021);
          return readAzure2021(file, { seed, onNote, cpuShare: cpu, runMsMax: longest && longest * SECOND_MS });
        }
        parseParameters(name, given, {});
        if (heading.has("arrival_ms")) return readCallList(file, { onNote });
        return readWorkload(name, file.chunks);
      }),
  };
}

/** The tables of the 2019 trace lie beside one another, under names that follow from that of the invocations. */
function siblingName(name: string, table: "durations" | "memory"): string {
  const folder = name.slice(0, name.length - path.basename(name).length);
  const base = path.basename(name);
  const renamed = base.startsWith("invocations_per_function_md")
    ? base.replace(
      "invocations_per_function_md",
      table === "durations" ? "function_durations_percentiles" : "app_memory_percentiles",
    )
    : base.replace(/inv(?=\.csv$)/, table === "durations" ? "run" : "mem");
  if (renamed !== base) return folder + renamed;
  throw new UsageError(
    `--workload ${name} has invocations, and must be called N_inv.csv beside N_run.csv and N_mem.csv`,
  );
}

async function readHead(name: string, full: string): Promise<string> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunksOfFile(name, full)) {
    parts.push(chunk);
    length += chunk.length;
    if (chunk.includes(10) || length > HEAD_BYTES) break;
  }
  const text = await new Blob(parts as BlobPart[]).text();
  const line = text.split("\n", 1)[0].trim();
  // A line of JSON is of our own form, and no table's heading.
  return line.startsWith("{") ? "" : line.replaceAll('"', "");
}

async function* chunksOfFile(name: string, full: string): AsyncGenerator<Uint8Array, void> {
  try {
    const file = await Deno.open(full);
    yield* file.readable;
  } catch (error) {
    throw error instanceof PlatformError ? error : new UsageError(`${name} cannot be read: ${messageOf(error)}`);
  }
}

/** What is wrong with a workload is its giver's to put right. */
async function asUsage<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof PlatformError ? new UsageError(messageOf(error)) : error;
  }
}
