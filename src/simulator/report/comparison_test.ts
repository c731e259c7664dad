import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { floorsOf, metricsOf, WEIGHTS_EVEN } from "../score/mod.ts";
import { compare, type SeedRuns } from "./comparison.ts";
import { comparisonJson } from "./json.ts";
import { handComparison } from "./testing.ts";

Deno.test("policies stand side by side, each measured against the baseline", () => {
  const { comparison } = handComparison();
  const [slow, quick] = comparison.policies;
  assertEquals([slow.policy, slow.score, slow.responseRatio, slow.nodeRatio], ["slow", 1, 1, 1]);
  assertEquals(quick.nodeRatio, 0.5);
  // Its first function takes 1.6 s instead of 3.5 s, its second as long as before; the third is not called.
  assertAlmostEquals(quick.responseRatio, (1.6 / 3.5 + 1) / 2, 1e-12);
  assertAlmostEquals(quick.score, 0.5 * quick.responseRatio + 0.25, 1e-12);
  assertEquals([quick.calls, quick.coldStarts, quick.nodesPeak, quick.nodeSeconds], [3, 2, 1, 19.5]);
  assertAlmostEquals(comparison.floor.responseRatio, (1 / 3.5 + 1 / 1.4) / 2, 1e-12);
});

Deno.test("functions stand with their mean times and ratios; without calls there is no ratio", () => {
  const { comparison: { functions } } = handComparison();
  const [first, , third] = functions;
  assertEquals([first.label, first.calls], ["f1", 2]);
  assertEquals(first.policies.map((one) => [one.meanResponseMs, one.meanWaitMs]), [[1_750, 1_250], [800, 300]]);
  assertEquals([third.calls, third.floorRatio, third.policies[1].responseRatio], [0, undefined, undefined]);
});

Deno.test("over several seeds: means, and of peaks the greatest", () => {
  const { results } = handComparison();
  const [slow, quick] = results.map(metricsOf);
  const floors = floorsOf(results[0].workload);
  const busy = { ...quick, nodesPeak: 5, nodeMs: 2 * quick.nodeMs, nodeSeconds: 2 * quick.nodeSeconds };
  const seeds: SeedRuns[] = [
    { seed: 1, baseline: slow, floors, runs: [quick] },
    { seed: 2, baseline: slow, floors, runs: [busy] },
  ];
  const { policies: [one], seeds: told } = compare(results[0].workload, seeds, WEIGHTS_EVEN);
  assertEquals([told, one.nodesPeak, one.nodeSeconds, one.nodeRatio], [[1, 2], 5, 1.5 * quick.nodeSeconds, 0.75]);
  assertAlmostEquals(one.score, (one.scores[0] + one.scores[1]) / 2, 1e-12);
  const other = { seed: 3, baseline: slow, floors, runs: [slow] };
  assertThrows(() => compare(results[0].workload, [...seeds, other], WEIGHTS_EVEN), Error, "the same policies");
});

Deno.test("JSON has every figure, and functions where asked", () => {
  const { comparison } = handComparison();
  const without = JSON.parse(JSON.stringify(comparisonJson(comparison, false)));
  assertEquals(without.policies[1].functions, undefined);
  assertEquals(without.policies[1].waitMaxMs, 600);
  assertEquals(without.floor.nodeSeconds, 2);
  const withAll = JSON.parse(JSON.stringify(comparisonJson(comparison, true)));
  assertEquals(withAll.policies[1].functions[0].meanWaitMs, 300);
  assertEquals(withAll.policies[1].functions.length, 3);
});
