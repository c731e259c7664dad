import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { Histogram } from "./histogram.ts";

Deno.test("an empty histogram answers 0; small values are exact", () => {
  const histogram = new Histogram();
  assertEquals([histogram.quantile(0.5), histogram.mean, histogram.max], [0, 0, 0]);
  for (let value = 0; value <= 10; value++) histogram.record(value);
  assertEquals([histogram.quantile(0), histogram.quantile(0.5), histogram.quantile(1)], [0, 5, 10]);
  assertEquals([histogram.count, histogram.sum, histogram.mean], [11, 55, 5]);
});

Deno.test("a quantile is never below the true one, and above it by 6.25 % at most", () => {
  const value = fc.oneof(fc.nat({ max: 100 }), fc.nat(), fc.maxSafeNat());
  fc.assert(
    fc.property(
      fc.array(value, { minLength: 1, maxLength: 100 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (values, q) => {
        const histogram = new Histogram();
        for (const one of values) histogram.record(one);
        const sorted = values.toSorted((a, b) => a - b);
        const exact = sorted[Math.max(1, Math.ceil(q * values.length)) - 1];
        const told = histogram.quantile(q);
        assert(told >= exact && told <= exact * 1.0625, `${told} for ${exact}`);
        assertEquals(histogram.max, sorted.at(-1));
      },
    ),
  );
});

Deno.test("a value out of range is a bug that is told", () => {
  for (const value of [-1, NaN, Infinity, 2 ** 53]) {
    assertThrows(() => new Histogram().record(value), Error, "out of range");
  }
});

Deno.test("values at every power of two are counted in a bucket of their own size", () => {
  for (let exponent = 0; exponent < 53; exponent++) {
    for (const value of [2 ** exponent - 1, 2 ** exponent, 2 ** exponent + 1].filter(Number.isSafeInteger)) {
      const histogram = new Histogram();
      histogram.record(value);
      assertEquals(histogram.quantile(1), value);
    }
  }
});
