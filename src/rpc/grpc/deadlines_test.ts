import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { ManualClock } from "../../base/mod.ts";
import { DEADLINE_TICK_MS, Deadlines, Timed } from "./deadlines.ts";

class Entry extends Timed {
  toldAtMs: number[] = [];
  constructor(readonly clock: ManualClock, readonly also: () => void = () => {}) {
    super();
  }
  override onDeadline(): void {
    this.toldAtMs.push(this.clock.nowMs());
    this.also();
  }
}

Deno.test("each deadline is told once: not before its time, two ticks later at most; what was removed is not told", () =>
  fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ afterMs: fc.nat(12_000), atMs: fc.nat(3_000), removed: fc.boolean() }), { maxLength: 40 }),
      async (plan) => {
        const clock = new ManualClock();
        const deadlines = new Deadlines(clock);
        const entries: { entry: Entry; dueMs: number; removed: boolean }[] = [];
        for (const { atMs, afterMs, removed } of plan.toSorted((a, b) => a.atMs - b.atMs)) {
          await clock.advance(atMs - clock.nowMs());
          const entry = new Entry(clock);
          deadlines.add(entry, clock.nowMs() + afterMs, clock.nowMs());
          if (removed) deadlines.remove(entry);
          entries.push({ entry, dueMs: clock.nowMs() + afterMs, removed });
        }
        await clock.advance(16_000);
        for (const { entry, dueMs, removed } of entries) {
          assertEquals(entry.toldAtMs.length, removed ? 0 : 1);
          if (removed) continue;
          const [toldAtMs] = entry.toldAtMs;
          assert(toldAtMs >= dueMs && toldAtMs <= dueMs + 2 * DEADLINE_TICK_MS, `due ${dueMs}, told ${toldAtMs}`);
        }
        assertEquals([deadlines.size, clock.pending], [0, 0], "nothing is left, and no timer");
      },
    ),
    { numRuns: 60 },
  ));

Deno.test("one that is told may take out another of the same tick, and come in again", async () => {
  const clock = new ManualClock();
  const deadlines = new Deadlines(clock);
  const second = new Entry(clock);
  const first = new Entry(clock, () => {
    deadlines.remove(second);
    if (first.toldAtMs.length === 1) deadlines.add(first, clock.nowMs() + 100, clock.nowMs());
  });
  deadlines.add(first, 5, 0);
  deadlines.add(second, 5, 0);
  await clock.advance(1_000);
  assertEquals([first.toldAtMs, second.toldAtMs], [[10, 110], []]);
});

Deno.test("a process that stood still tells all that is due at its next tick", () => {
  /** A clock whose timers run when the test says so. */
  class Stalled extends ManualClock {
    ms = 0;
    readonly timers: (() => void)[] = [];
    override nowMs = () => this.ms;
    override after(_: number, run: () => void): () => void {
      this.timers.push(run);
      return () => {};
    }
  }
  const clock = new Stalled();
  const deadlines = new Deadlines(clock);
  const entries = [3, 70, 5_000, 9_000, 20_000].map((atMs) => ({ atMs, entry: new Entry(clock) }));
  for (const { atMs, entry } of entries) deadlines.add(entry, atMs, 0);
  clock.ms = 10_000;
  clock.timers.shift()!();
  assertEquals(entries.map(({ entry }) => entry.toldAtMs.length), [1, 1, 1, 1, 0]);
});
