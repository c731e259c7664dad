import { assert, assertEquals } from "@std/assert";
import { partOf, rowOf, Rows } from "./rows.ts";

Deno.test("rows: each is its own, and one that was given back is taken again", () => {
  const rows = new Rows(3);
  const taken = Array.from({ length: 600 }, () => rows.take());
  taken.forEach(({ cells, at }, n) => cells.fill(n, at, at + 3));
  for (const [n, { cells, at }] of taken.entries()) assertEquals([...cells.subarray(at, at + 3)], [n, n, n]);
  rows.give(taken[5]);
  assert(rows.take() === taken[5]);
});

Deno.test("rows: a part begins where it is said to", () => {
  const row = rowOf(4);
  const part = partOf(partOf(row, 1), 2);
  part.cells[part.at] = 7;
  assertEquals([...row.cells], [0, 0, 0, 7]);
});
