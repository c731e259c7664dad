import { assert, assertEquals } from "@std/assert";
import { PLANTS } from "./plants.ts";
import { runSeed } from "./run.ts";

/** As many as take a few seconds; `deno task dst` runs more. */
const SEEDS = 30;
const SEEDS_PER_PLANT_MAX = 500;

Deno.test("whatever goes wrong in whatever order, every promise is kept", async () => {
  let events = 0;
  for (let seed = 1; seed <= SEEDS; seed++) {
    const verdict = await runSeed(seed);
    assertEquals(verdict.violation, undefined, `replay it with: deno task dst --seed ${seed}`);
    events += verdict.events;
  }
  assert(events > 0);
});

/** Seeds beyond those above that found a bug once. */
const FOUND = [8549];

Deno.test("what was found once stays mended", async () => {
  for (const seed of FOUND) assertEquals((await runSeed(seed)).violation, undefined, `seed ${seed}`);
});

Deno.test("a seed always gives the same run", async () => {
  assertEquals(await runSeed(7), await runSeed(7));
});

for (const [name, plant] of Object.entries(PLANTS)) {
  Deno.test(`a planted bug is found: ${name}`, async () => {
    for (let seed = 1; seed <= SEEDS_PER_PLANT_MAX; seed++) {
      if ((await runSeed(seed, plant)).violation) return;
    }
    throw new Error(`${SEEDS_PER_PLANT_MAX} seeds have not found it`);
  });
}
