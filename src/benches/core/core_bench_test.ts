import { assert, assertEquals } from "@std/assert";
import { measure } from "./measure.ts";
import { report } from "./report.ts";
import { GOALS, ROWS } from "./rows.ts";

Deno.test("the bench of the tables runs in its short form and gives every figure", async () => {
  const results = await measure({ short: true, seconds: 0.2 });
  assertEquals(results.figures.map((figure) => figure.row), Object.keys(ROWS));
  for (const { name, ns, clockNsBest, clockNsMedian, fairness } of results.figures) {
    for (const value of [ns, clockNsBest, clockNsMedian, fairness]) assert(Number.isFinite(value) && value > 0, name);
  }
  assertEquals(results.ratios.length, GOALS.length);
  for (const { name, value, median } of results.ratios) {
    for (const ratio of [value, median]) assert(Number.isFinite(ratio) && ratio > 0, name);
  }
  for (const { name, bufferBytes } of results.sizes) assert(bufferBytes > 0, name);
  assert(Number.isFinite(results.heap.growthBytes) && results.heap.lowestBytes > 0);
  assert(report(results).includes("bare CAS"));
});
