/** Workloads: what they are, the evaluation, generators, and files to read them from. */
export { evaluationWorkload } from "./evaluation.ts";
export { readWorkload, writeWorkload } from "./file.ts";
export * from "./types.ts";
