/** What the explorer leaves out changes nothing: with and without, threads end in the same ways. */
import { assert, assertEquals } from "@std/assert";
import { type Case, exploreCase } from "./case.ts";
import { CASES } from "./cases.ts";
import type { Exploration } from "./explore.ts";
import { mergePlaces } from "./hooks.ts";
import { loadCore, markLoops } from "./load.ts";

const core = await loadCore();
/** Without the rules by which places are one these take a minute and more. */
const TOO_LARGE = [
  "wait-cancel",
  "grant-cancel",
  "enqueue-release",
  "retire-replace",
  "reserve-gone",
  "reserve-resize",
];

/** All ends of a case with two threads: what they answered, and every word. */
function endsOf(one: Case, options: Partial<Exploration> = {}): { ends: string[]; states: number } {
  const ends = new Set<string>();
  const check = () => {};
  const { states } = exploreCase(core, { ...one, check }, 2, {
    ...options,
    onEnd: (words, outcomes) =>
      ends.add(
        outcomes.map((one) => typeof one === "symbol" ? String(one) : JSON.stringify(one)).join() + words.join(),
      ),
  });
  return { ends: [...ends].sort(), states };
}

for (const one of CASES) {
  Deno.test(`${one.name}: stepping only threads that can meet reaches every end`, () => {
    const reduced = endsOf(one), full = endsOf(one, { everyStep: true });
    assertEquals(reduced.ends, full.ends);
    assert(reduced.states <= full.states);
  });

  Deno.test({
    name: `${one.name}: places taken for one are one`,
    ignore: TOO_LARGE.includes(one.name),
    fn() {
      const merged = endsOf(one);
      mergePlaces(false);
      try {
        assertEquals(endsOf(one).ends, merged.ends);
      } finally {
        mergePlaces(true);
      }
    },
  });
}

Deno.test("a loop is marked only where it carries nothing of its own from round to round", () => {
  const loop = (inside: string) => `f() {\n  let sum = 0;\n  for (;;) {\n    ${inside}\n  }\n}`;
  const isMarked = (inside: string) => markLoops(loop(inside)).includes("turn(loop)");
  assert(isMarked("const read = Atomics.load(words, at); if (read === 0) return;"));
  assert(isMarked("let own = 1; own += 2; words[at] = own;"));
  for (const carries of ["sum = 1;", "sum += 1;", "sum++;", "this.found = 1;"]) assert(!isMarked(carries), carries);
  assert(markLoops("while (this.waiting(slot) > 0) {\n  return;\n}").startsWith("for (const loop = enterLoop(); turn"));
});
