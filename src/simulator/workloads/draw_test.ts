import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import fc from "fast-check";
import { seededRandom } from "../../base/mod.ts";
import { fitted, fittedCounts, fromPercentiles, logUniform, poissonTimes, shuffle, skewed } from "./draw.ts";

const meanOf = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;

Deno.test("fitted numbers have the wanted least, mean and greatest, whatever these are", () => {
  const spreads = fc.tuple(
    fc.integer({ min: 0, max: 1000 }),
    fc.integer({ min: 1, max: 100_000 }),
    fc.double({
      ...{ min: 0.02, max: 0.98, noNaN: true },
    }),
  );
  fc.assert(fc.property(spreads, fc.integer({ min: 100, max: 500 }), fc.nat(), ([min, width, share], count, seed) => {
    const spread = { min, mean: min + width * share, max: min + width };
    const values = fitted(seededRandom(seed), count, spread);
    assertEquals(values.length, count);
    assertEquals([Math.min(...values), Math.max(...values)], [spread.min, spread.max]);
    assertAlmostEquals(meanOf(values), spread.mean, 1e-9 * spread.max);
  }));
});

Deno.test("few fitted numbers stay within their bounds", () => {
  assertEquals(fitted(seededRandom(1), 1, { min: 2, mean: 3, max: 9 }), [3]);
  assertEquals(fitted(seededRandom(1), 0, { min: 2, mean: 3, max: 9 }), []);
  const three = fitted(seededRandom(1), 3, { min: 2, mean: 2, max: 9 });
  assertEquals(three.sort((a, b) => a - b), [2, 2, 9]);
});

Deno.test("fitted counts add up exactly, within their bounds, with both extremes where there is room", () => {
  const cases = fc.tuple(
    fc.integer({ min: 0, max: 5 }),
    fc.integer({ min: 2, max: 20 }),
    fc.integer({ min: 5, max: 300 }),
  );
  fc.assert(
    fc.property(cases, fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(), ([min, width, count], at, seed) => {
      const max = min + width;
      const sum = Math.round(count * min + at * count * width);
      const values = fittedCounts(seededRandom(seed), count, sum, min, max);
      assertEquals(values.reduce((a, b) => a + b, 0), sum);
      assert(values.every((value) => Number.isInteger(value) && value >= min && value <= max));
    }),
  );
  const evaluation = fittedCounts(seededRandom(1), 118, 2340, 2, 20);
  assertEquals([Math.min(...evaluation), Math.max(...evaluation)], [2, 20]);
});

Deno.test("a skewed number near its least is mostly small, and its mean is right", () => {
  const random = seededRandom(5);
  const values = Array.from({ length: 20_000 }, () => skewed(random, { min: 0, mean: 10, max: 100 }));
  assertAlmostEquals(meanOf(values), 10, 0.5);
  assert(values.filter((value) => value < 1).length > 10_000);
  assertEquals(skewed(random, { min: 3, mean: 3, max: 9 }), 3);
  assertEquals(skewed(random, { min: 3, mean: 9, max: 9 }), 9);
});

Deno.test("events come at the rate of their moment", () => {
  const times = [...poissonTimes(seededRandom(1), 1_000_000, 0.02, (ms) => ms < 500_000 ? 0.02 : 0.005)];
  const early = times.filter((ms) => ms < 500_000).length;
  assertAlmostEquals(early, 10_000, 400);
  assertAlmostEquals(times.length - early, 2_500, 200);
  assert(times.every((ms, i) => i === 0 || ms >= times[i - 1]));
});

Deno.test("numbers of percentiles lie between them as often as they say", () => {
  const random = seededRandom(1);
  const percentiles = { at: [0, 50, 100], values: [10, 20, 1000] };
  const values = Array.from({ length: 10_000 }, () => fromPercentiles(random, percentiles));
  assertAlmostEquals(values.filter((value) => value <= 20).length, 5_000, 200);
  assert(values.every((value) => value >= 10 && value <= 1000));
});

Deno.test("log-uniform numbers have as many in each power of ten", () => {
  const random = seededRandom(1);
  const values = Array.from({ length: 10_000 }, () => logUniform(random, 1, 1000));
  for (const power of [1, 10, 100]) {
    assertAlmostEquals(values.filter((value) => value >= power && value < power * 10).length, 3_333, 200);
  }
});

Deno.test("shuffling keeps what there is", () => {
  const shuffled = shuffle(seededRandom(1), Array.from({ length: 100 }, (_, i) => i));
  assert(shuffled.some((value, i) => value !== i));
  assertEquals(shuffled.sort((a, b) => a - b), Array.from({ length: 100 }, (_, i) => i));
});
