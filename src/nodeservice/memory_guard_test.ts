import { assert, assertEquals } from "@std/assert";
import { ManualClock } from "../base/mod.ts";
import { type GuardedContainer, MemoryGuard } from "./memory_guard.ts";

const MEMORY = 1_000;

/** A guard of a node with containers of these uses and invocations; `stopped` are those it has stopped. */
function guardOf(containers: readonly (readonly [memoryBytes: number, inFlight: number])[], isOvercommitted = true) {
  const clock = new ManualClock();
  const stopped: number[] = [];
  const left = () => containers.map((one, index) => ({ one, index })).filter(({ index }) => !stopped.includes(index));
  const guard = new MemoryGuard({
    clock,
    memoryBytes: MEMORY,
    usedBytes: () => left().reduce((sum, { one: [bytes] }) => sum + bytes, 0),
    isOvercommitted: () => isOvercommitted,
    containers: () =>
      left().map(({ one: [memoryBytes, inFlight], index }): GuardedContainer => {
        return { memoryBytes, inFlight, stop: () => void stopped.push(index) };
      }),
  });
  guard.watch();
  return { clock, guard, stopped };
}

Deno.test("nearly full, a node loses idle containers, the largest first, and no more than needed", async () => {
  const { clock, guard, stopped } = guardOf([[100, 0], [300, 0], [200, 0], [390, 1]]);
  await clock.advance(200);
  assertEquals(stopped, [1]);
  guard.close();
});

Deno.test("what runs is left alone while there is any memory", async () => {
  const { clock, guard, stopped } = guardOf([[500, 1], [490, 2]]);
  await clock.advance(200);
  assertEquals(stopped, []);
  guard.close();
});

Deno.test("beyond its memory a node loses what is idle, and then the largest that runs", async () => {
  const { clock, guard, stopped } = guardOf([[50, 0], [600, 1], [500, 1]]);
  await clock.advance(50);
  assertEquals(stopped, [0, 1]);
  await clock.advance(200);
  assertEquals(stopped, [0, 1], "then there is room again");
  guard.close();
});

Deno.test("a node that is not overcommitted is not looked at", () => {
  const { clock } = guardOf([[2_000, 0]], false);
  assert(clock.pending === 0);
});
