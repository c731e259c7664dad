import { assertAlmostEquals, assertEquals } from "@std/assert";
import { type Costs, scoreOf, WEIGHTS_EVEN, WEIGHTS_FAST } from "./score.ts";

const seconds = (responses: readonly number[], nodes: number, failedShare = 0): Costs => ({
  responseMs: responses.map((s) => s * 1_000),
  nodeMs: nodes * 1_000,
  failedShare,
});
const baseline = seconds([5, 10, 8, 10], 40);

Deno.test("the evaluation's worked example", () => {
  const scores = (run: Costs) => [WEIGHTS_EVEN, WEIGHTS_FAST].map((weights) => scoreOf(run, baseline, weights).score);
  const [even, fast] = scores(seconds([4, 10, 7, 8], 35));
  assertAlmostEquals(even, 0.871875, 1e-12);
  assertAlmostEquals(fast, 0.8703125, 1e-12);
  const [evenMore, fastMore] = scores(seconds([4, 8, 5, 8], 60));
  assertAlmostEquals(evenMore, 1.128125, 1e-12);
  assertAlmostEquals(fastMore, 0.9421875, 1e-12);
});

Deno.test("the baseline itself scores 1", () => {
  assertEquals(scoreOf(baseline, baseline, WEIGHTS_FAST), { score: 1, responseRatio: 1, nodeRatio: 1 });
});

Deno.test("more than one failed call in a thousand adds 10; one in a thousand does not", () => {
  assertEquals(scoreOf({ ...baseline, failedShare: 0.001 }, baseline, WEIGHTS_EVEN).score, 1);
  assertEquals(scoreOf({ ...baseline, failedShare: 0.0011 }, baseline, WEIGHTS_EVEN).score, 11);
});

Deno.test("every function counts the same, however many calls it has; one without calls does not count", () => {
  const base: Costs = { responseMs: [1_000_000, 10, undefined], nodeMs: 1, failedShare: 0 };
  const run: Costs = { responseMs: [2_000_000, 5, undefined], nodeMs: 1, failedShare: 0 };
  assertEquals(scoreOf(run, base, WEIGHTS_EVEN).responseRatio, 1.25);
});

Deno.test("functions that take no time at all are as fast as one another", () => {
  const none: Costs = { responseMs: [0], nodeMs: 1, failedShare: 0 };
  assertEquals(scoreOf(none, { ...none, responseMs: [0.5] }, WEIGHTS_EVEN).responseRatio, 1);
  assertEquals(scoreOf({ ...none, responseMs: [3] }, none, WEIGHTS_EVEN).responseRatio, 3);
});
