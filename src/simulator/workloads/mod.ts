/** Workloads: what they are, the evaluation, generators, and files to read them from. */
export { type Azure2019Options, MINUTES as AZURE_2019_MINUTES, readAzure2019, type TraceFile } from "./azure2019.ts";
export { type Azure2021Options, readAzure2021 } from "./azure2021.ts";
export { readCallList } from "./call_list.ts";
export { splitCells } from "./csv.ts";
export { evaluationWorkload } from "./evaluation.ts";
export { readWorkload, WORKLOAD_FORMAT, writeWorkload } from "./file.ts";
export { type Generator, GENERATORS, type Parameter, type Parameters, type ParameterValues } from "./generators.ts";
export { chunksOf } from "./lines.ts";
export type { OnNote } from "./trace.ts";
export * from "./types.ts";
