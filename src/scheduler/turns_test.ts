import { assertEquals } from "@std/assert";
import { takeTurns } from "./turns.ts";

Deno.test("of many each has its turn before anybody has a second one", () => {
  const waiting = new Set([1, 2, 3, 4, 5]);
  assertEquals([takeTurns(waiting, 2), takeTurns(waiting, 2), takeTurns(waiting, 2)], [[1, 2], [3, 4], [5, 1]]);
});

Deno.test("of no more than there are turns all have theirs, in their order", () => {
  const waiting = new Set([1, 2]);
  assertEquals([takeTurns(waiting, 2), takeTurns(waiting, 3), [...waiting]], [[1, 2], [1, 2], [1, 2]]);
});
