import { assertEquals } from "@std/assert";
import { ManualClock } from "../base/mod.ts";
import { MemoryGuard } from "./memory_guard.ts";

/** A node of 1,000 bytes whose containers hold so much each; what is stopped holds nothing any more. */
function node(held: Record<string, { bytes: number; inFlight?: number }>) {
  const clock = new ManualClock();
  const stopped: string[] = [];
  let overcommitted = true;
  const guard = new MemoryGuard({
    clock,
    memoryBytes: 1_000,
    usedBytes: () => Object.values(held).reduce((sum, { bytes }) => sum + bytes, 0),
    isOvercommitted: () => overcommitted,
    containers: () =>
      Object.entries(held).map(([name, { bytes, inFlight = 0 }]) => ({
        memoryBytes: bytes,
        inFlight,
        stop: () => {
          stopped.push(name);
          delete held[name];
        },
      })),
  });
  guard.watch();
  const settle = () => overcommitted = false;
  return { clock, guard, stopped, settle, held };
}

Deno.test("with memory to spare nothing is stopped", async () => {
  const { clock, guard, stopped } = node({ a: { bytes: 500 }, b: { bytes: 450, inFlight: 1 } });
  await clock.advance(1_000);
  assertEquals(stopped, []);
  guard.close();
});

Deno.test("nearly full, idle containers go, the largest first, and no more of them than it takes", async () => {
  const { clock, guard, stopped } = node({
    small: { bytes: 50 },
    busy: { bytes: 600, inFlight: 1 },
    large: { bytes: 200 },
    middle: { bytes: 120 },
  });
  await clock.advance(100);
  assertEquals(stopped, ["large"]);
  guard.close();
});

Deno.test("nearly full, what runs is left alone", async () => {
  const { clock, guard, stopped } = node({ a: { bytes: 590, inFlight: 1 }, b: { bytes: 400, inFlight: 1 } });
  await clock.advance(1_000);
  assertEquals(stopped, []);
  guard.close();
});

Deno.test("beyond the memory the largest that runs goes, when no idle one is left", async () => {
  const { clock, guard, stopped } = node({
    idle: { bytes: 10 },
    a: { bytes: 400, inFlight: 2 },
    b: { bytes: 700, inFlight: 1 },
    c: { bytes: 100, inFlight: 1 },
  });
  await clock.advance(1_000);
  assertEquals(stopped, ["idle", "b"]);
  guard.close();
});

Deno.test("where limits fit the memory nobody looks, and a closed guard looks no more", async () => {
  const settled = node({ a: { bytes: 2_000 } });
  settled.settle();
  await settled.clock.advance(50);
  settled.held.b = { bytes: 2_000 };
  await settled.clock.advance(1_000);
  assertEquals(settled.stopped, ["a"], "the look that was due, and none after it");
  const closed = node({ a: { bytes: 2_000 } });
  closed.guard.close();
  await closed.clock.advance(1_000);
  assertEquals(closed.stopped, []);
});
