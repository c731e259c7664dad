import { assertAlmostEquals, assertEquals } from "@std/assert";
import fc from "fast-check";
import { integralOf, peakOf, stepsOf } from "./steps.ts";

Deno.test("spans add up; of changes at one moment only the sum shows", () => {
  const steps = stepsOf([
    { fromMs: 0, toMs: 10, amount: 1 },
    { fromMs: 5, toMs: 20, amount: 2 },
    { fromMs: 10, toMs: 15, amount: 1 },
    { fromMs: 7, toMs: 7, amount: 100 },
  ]);
  assertEquals(steps, { atMs: [0, 5, 10, 15, 20], values: [1, 3, 3, 2, 0] });
  assertEquals([peakOf(steps), integralOf(steps, 20), integralOf(steps, 6)], [3, 45, 8]);
});

Deno.test("nothing is 0 from the start, and a span may last for ever", () => {
  assertEquals(stepsOf([]), { atMs: [0], values: [0] });
  const steps = stepsOf([{ fromMs: 3, toMs: Infinity, amount: 2 }]);
  assertEquals([steps, integralOf(steps, 10)], [{ atMs: [0, 3], values: [0, 2] }, 14]);
});

Deno.test("the integral is the sum of the spans' own", () => {
  const span = fc.record({ fromMs: fc.nat(1000), lasts: fc.nat(1000), amount: fc.nat(10) });
  fc.assert(fc.property(fc.array(span), (spans) => {
    const steps = stepsOf(spans.map(({ fromMs, lasts, amount }) => ({ fromMs, toMs: fromMs + lasts, amount })));
    const wanted = spans.reduce((sum, { lasts, amount }) => sum + lasts * amount, 0);
    assertAlmostEquals(integralOf(steps, 3000), wanted, 1e-6);
  }));
});
