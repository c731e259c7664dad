import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { rowOf } from "../../base/mod.ts";
import { DueQueue } from "./due_queue.ts";
import { Rhythm, RHYTHM_CELLS } from "./rhythm.ts";

const newRhythm = () => new Rhythm(rowOf(RHYTHM_CELLS), 1_000);

Deno.test("rhythm: calls close together are one round, and equal periods tell when the next one comes", () => {
  const rhythm = newRhythm();
  for (let round = 0; round < 5; round++) {
    assertEquals(rhythm.next, undefined, `after ${round} rounds nothing is sure`);
    for (const offsetMs of [0, 5, 20]) rhythm.arrived(round * 60_000 + offsetMs);
  }
  assertEquals([rhythm.rounds, rhythm.isKnown, rhythm.lastMs], [5, true, 240_020]);
  assertEquals(rhythm.next, { fromMs: 300_000, untilMs: 301_000 });
  assertAlmostEquals(rhythm.longestGapMs, 59_980, 200);
});

Deno.test("rhythm: periods that differ make the moment wider, and too much of that makes it unsure", () => {
  const steady = newRhythm(), wild = newRhythm();
  let steadyMs = 0, wildMs = 0;
  for (let round = 0; round < 20; round++) {
    steady.arrived(steadyMs += 60_000 + (round % 2 ? 2_000 : -2_000));
    wild.arrived(wildMs += round % 2 ? 90_000 : 30_000);
  }
  const { fromMs, untilMs } = steady.next!;
  assert(fromMs < steadyMs + 58_000 && untilMs > steadyMs + 62_000, `${fromMs} to ${untilMs}`);
  assertEquals(wild.next, undefined);
});

Deno.test("due queue: what is due first comes first, and nothing before its time", () => {
  const queue = new DueQueue<number>();
  for (const due of [50, 10, 40, 30, 20, 10]) queue.add(due, due);
  assertEquals(queue.take(5), undefined);
  const taken: number[] = [];
  for (let item = queue.take(45); item !== undefined; item = queue.take(45)) taken.push(item);
  assertEquals([taken, queue.size], [[10, 10, 20, 30, 40], 1]);
});
