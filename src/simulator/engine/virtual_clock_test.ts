import { assertEquals } from "@std/assert";
import { sleep } from "../../base/mod.ts";
import { SimEvent } from "./event_queue.ts";
import { VirtualClock } from "./virtual_clock.ts";

Deno.test("time stands still until all that a moment woke has run, however many promises deep", async () => {
  const clock = new VirtualClock();
  const seen: number[] = [];
  const deep = async (depth: number): Promise<void> => {
    if (depth > 0) await deep(depth - 1);
    seen.push(clock.nowMs());
  };
  clock.after(10, () => void deep(200));
  clock.after(11, () => {});
  await clock.run();
  assertEquals(new Set(seen), new Set([10]));
  assertEquals([seen.length, clock.nowMs(), clock.events], [201, 11, 2]);
});

Deno.test("timers run in the order of their times, and one that is cancelled does not", async () => {
  const clock = new VirtualClock(-5);
  const order: string[] = [];
  clock.after(5, () => order.push(`b ${clock.nowMs()}`));
  clock.after(1, () => order.push("a"));
  clock.after(5, () => order.push("c"));
  clock.after(3, () => order.push("never"))();
  await clock.run();
  assertEquals(order, ["a", "b 0", "c"]);
});

Deno.test("what is asked for soon is done before another moment comes", async () => {
  const clock = new VirtualClock();
  const order: string[] = [];
  clock.after(1, () => {
    clock.soon(() => clock.soon(() => order.push(`soon, at ${clock.nowMs()}`)));
    clock.quiet();
  });
  clock.after(2, () => order.push("later"));
  await clock.run();
  assertEquals(order, ["soon, at 1", "later"]);
});

Deno.test("a run ends when it is over, or at a moment, with the rest still to come", async () => {
  const clock = new VirtualClock();
  let count = 0;
  const sleeper = (async () => {
    for (; count < 5; count++) await sleep(clock, 100);
  })();
  assertEquals(await clock.run(() => count === 2), true);
  assertEquals(clock.nowMs(), 200);
  assertEquals(await clock.run(() => false, 350), false);
  assertEquals([clock.nowMs(), count], [350, 3]);
  await clock.run();
  await sleeper;
  assertEquals([clock.nowMs(), clock.pending], [500, 0]);
});

Deno.test("an event can be put off while it waits", async () => {
  const clock = new VirtualClock();
  const at: number[] = [];
  const event = new class extends SimEvent {
    override fire(): void {
      at.push(clock.nowMs());
    }
  }();
  clock.schedule(event, 1);
  clock.schedule(event, 7);
  await clock.run();
  assertEquals(at, [7]);
});
