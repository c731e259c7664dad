/** Every interleaving of small cases of core's risky protocols, over core's own code; `main.ts` runs larger ones. */
import { assert, assertEquals } from "@std/assert";
import { exploreCase } from "./case.ts";
import { CASES } from "./cases.ts";
import { loadCore } from "./load.ts";
import { loadVariant, VARIANTS } from "./variants.ts";

/** A broken build must be found within this many states: a second or two. */
const VARIANT_STATES_MAX = 50_000;

const core = await loadCore();

for (const one of CASES) {
  Deno.test(`explored: ${one.about}`, () => {
    const threads = one.tested ?? one.threads.length;
    const { states, ends, violation } = exploreCase(core, one, threads);
    assertEquals(violation?.message, undefined, violation?.trace.join("\n"));
    assert(ends > 0);
    console.log(`${one.name}, ${threads} threads: ${states} states, ${ends} ends, no violation`);
  });
}

for (const variant of VARIANTS) {
  Deno.test(`found: ${variant.name}`, async () => {
    const one = CASES.find(({ name }) => name === variant.foundBy)!;
    const { states, violation } = exploreCase(await loadVariant(variant), one);
    assert(violation, `${one.name} has not found it in ${states} states`);
    assert(states <= VARIANT_STATES_MAX, `found after ${states} states`);
    console.log(`${one.name} finds it within ${states} states: ${violation?.message}`);
  });
}
