import { assertEquals } from "@std/assert";
import { Rounds, takeTurns } from "./turns.ts";

Deno.test("of many each has its turn before anybody has a second one", () => {
  const waiting = new Set([1, 2, 3, 4, 5]);
  assertEquals([takeTurns(waiting, 2), takeTurns(waiting, 2), takeTurns(waiting, 2)], [[1, 2], [3, 4], [5, 1]]);
});

Deno.test("of no more than there are turns all have theirs, in their order", () => {
  const waiting = new Set([1, 2]);
  assertEquals([takeTurns(waiting, 2), takeTurns(waiting, 3), [...waiting]], [[1, 2], [1, 2], [1, 2]]);
});

Deno.test("rounds: each has its turn in its order, who comes and goes meanwhile as well, and nobody two at once", () => {
  const all = new Set([1, 2, 3, 4, 5]);
  const rounds = new Rounds(all);
  assertEquals([[...rounds.take(2)], [...rounds.take(2)], [...rounds.take(2)]], [[1, 2], [3, 4], [5]]);
  assertEquals([[...rounds.take(9)], [...rounds.take(5)]], [[1, 2, 3, 4, 5], [1, 2, 3, 4, 5]]);
  assertEquals([...rounds.take(2)], [1, 2], "all had theirs exactly");
  all.delete(3);
  all.add(6);
  assertEquals([...rounds.take(9)], [4, 5, 6]);
  all.clear();
  assertEquals([...rounds.take(9)], []);
});

Deno.test("rounds: who stops early goes on from there", () => {
  const rounds = new Rounds([1, 2, 3]);
  for (const one of rounds.take(3)) if (one === 2) break;
  assertEquals([...rounds.take(3)], [3]);
});
