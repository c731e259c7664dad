import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { newId, seededRandom, systemRandom } from "./random.ts";

const numbers = (seed: number, count = 100) => {
  const random = seededRandom(seed);
  return Array.from({ length: count }, () => random.uint32());
};

Deno.test("the same seed gives the same numbers, another one others", () => {
  assertEquals(numbers(7), numbers(7));
  assertNotEquals(numbers(7), numbers(8));
});

Deno.test("numbers are spread evenly over their range", () => {
  const random = seededRandom(42);
  const counts = new Array<number>(10).fill(0);
  for (let i = 0; i < 100_000; i++) {
    const float = random.float();
    assert(float >= 0 && float < 1);
    counts[random.below(10)]++;
  }
  for (const count of counts) assert(Math.abs(count - 10_000) < 600, `${counts}`);
});

Deno.test("ids and machine-made seeds do not repeat", () => {
  assertEquals(new Set(Array.from({ length: 1_000 }, newId)).size, 1_000);
  assert(/^[0-9a-f]{32}$/.test(newId()));
  assertNotEquals([systemRandom().uint32(), systemRandom().uint32()], [
    systemRandom().uint32(),
    systemRandom().uint32(),
  ]);
});
