/** What a run's result is, and what it is worth. */
export { aloneMs, type FloorOptions, floorsOf } from "./floors.ts";
export * from "./metrics.ts";
export * from "./score.ts";
export * from "./steps.ts";
export * from "./types.ts";
