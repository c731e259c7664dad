/** The explorer by itself, on threads of a few steps. */
import { assertEquals, assertMatch } from "@std/assert";
import { ASLEEP, explore } from "./explore.ts";
import { Atomics, Int32Array as Words } from "./hooks.ts";

/** Explores threads over four words; answers all ends, as outcomes and words. */
function run(...threads: ((words: Int32Array<SharedArrayBuffer>) => unknown)[]) {
  const ends = new Set<string>();
  const buffer = new SharedArrayBuffer(16);
  const explored = explore({
    words: new Int32Array(buffer),
    threads: threads.map((thread) => () =>
      thread(new (Words as unknown as Int32ArrayConstructor)(buffer) as Int32Array<SharedArrayBuffer>)
    ),
    watch: () => {},
    check: () => {},
    onEnd: (words, outcomes) => ends.add(`${outcomes.map(String)} | ${words}`),
  });
  return { ...explored, ends: [...ends].sort() };
}

Deno.test("two threads that add by load and store lose one, at times", () => {
  const add = (words: Int32Array) => {
    words[0] = words[0] + 1;
    return "done";
  };
  assertEquals(run(add, add).ends, ["done,done | 1,0,0,0", "done,done | 2,0,0,0"]);
});

Deno.test("two threads that add atomically lose none, and see each other in either order", () => {
  const add = (words: Int32Array<SharedArrayBuffer>) => Atomics.add(words, 0, 1);
  assertEquals(run(add, add).ends, ["0,1 | 2,0,0,0", "1,0 | 2,0,0,0"]);
});

Deno.test("each writes, then reads the other's word: not both read nothing", () => {
  const thread = (own: number, other: number) => (words: Int32Array<SharedArrayBuffer>) => {
    Atomics.store(words, own, 1);
    return Atomics.load(words, other);
  };
  assertEquals(run(thread(0, 1), thread(1, 0)).ends, ["0,1 | 1,1,0,0", "1,0 | 1,1,0,0", "1,1 | 1,1,0,0"]);
});

Deno.test("threads that touch different words need no interleaving", () => {
  const thread = (at: number) => (words: Int32Array<SharedArrayBuffer>) => {
    for (let n = 0; n < 20; n++) Atomics.add(words, at, 1);
  };
  assertEquals(run(thread(0), thread(1), thread(2)).states, 1);
});

Deno.test("who sleeps on a word is woken by a change of it, or sleeps for ever", () => {
  const sleep = (words: Int32Array<SharedArrayBuffer>) => {
    Atomics.waitAsync(words, 0, 0);
    return "awake";
  };
  assertEquals(run(sleep, (words) => Atomics.store(words, 0, 1)).ends, ["awake,1 | 1,0,0,0"]);
  assertEquals(run(sleep, () => "nothing").ends, [`${String(ASLEEP)},nothing | 0,0,0,0`]);
});

Deno.test("an error is told with the steps that lead to it", () => {
  const { violation } = run((words) => Atomics.store(words, 0, 1), (words) => {
    if (Atomics.load(words, 0) === 1) throw new Error("it was 1");
  });
  assertEquals(violation, { message: "thread 1: it was 1", trace: ["thread 0: store 0 1", "thread 1: load 0 read 1"] });
});

Deno.test("a thread that spins is found", () => {
  const { violation } = run((words) => {
    while (Atomics.load(words, 0) === 0);
  }, () => 0);
  assertMatch(violation!.message, /more than 400 steps/);
});
