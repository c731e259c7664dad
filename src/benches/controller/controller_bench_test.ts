import { assert, assertEquals } from "@std/assert";
import { measure } from "./measure.ts";
import { report } from "./report.ts";

Deno.test("the bench of the controller runs in its short form and gives every figure", async () => {
  const results = await measure({ short: true, seconds: 0.1 });
  assertEquals(results.sides.map(({ name }) => name), ["small", "large"]);
  for (const { decisions, parts, policy, usPerDecision, usPerAcquire, nodesHeld } of results.sides) {
    assert(decisions.acquires > 0 && decisions.starts > 0 && decisions.removals > 0 && nodesHeld > 0);
    // What the parts take is all there is, and every part was at work but for starts and nodes in a quiet time.
    const sum = Object.values(parts).reduce((one, other) => one + other, 0);
    assert(Math.abs(sum - usPerDecision) < 1e-6 && usPerAcquire >= usPerDecision);
    for (const part of [parts.ticks, parts.rounds, parts.stats]) assert(part > 0);
    assert(policy.some(({ method, calls }) => method === "arrived" && calls > 0));
  }
  assert(Number.isFinite(results.ratio) && results.ratio > 0);
  assert(report(results).includes("large to small"));
});
