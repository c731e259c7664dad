/**
 * What every room may use: assertions, time, randomness, errors, limits, histograms, logs, rows of numbers. It imports
 * nothing.
 */
export * from "./assert.ts";
export * from "./clock.ts";
export * from "./errors.ts";
export * from "./histogram.ts";
export * from "./limits.ts";
export * from "./log.ts";
export * from "./random.ts";
export * from "./function.ts";
export * from "./invocation.ts";
export * from "./ownership.ts";
export * from "./retry.ts";
export * from "./rows.ts";
