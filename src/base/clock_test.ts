import { assertEquals, assertRejects } from "@std/assert";
import { ManualClock, sleep, systemClock } from "./clock.ts";

Deno.test("a manual clock stands still, and runs due timers in the order of their times", async () => {
  const clock = new ManualClock(1_000);
  const ran: [string, number][] = [];
  const at = (name: string, ms: number) => clock.after(ms, () => ran.push([name, clock.nowMs()]));
  at("late", 30);
  at("early", 10);
  at("same", 10);
  const cancel = at("never", 5);
  cancel();
  await clock.advance(9);
  assertEquals(ran, []);
  await clock.advance(21);
  assertEquals(ran, [["early", 10], ["same", 10], ["late", 30]]);
  assertEquals([clock.nowMs(), clock.wallMs(), clock.pending], [30, 1_030, 0]);
});

Deno.test("what a timer sets going gets its turn before the next timer", async () => {
  const clock = new ManualClock();
  const ran: string[] = [];
  clock.after(1, () => void Promise.resolve().then(() => clock.after(0, () => ran.push("follow-up"))));
  clock.after(2, () => ran.push("next"));
  await clock.advance(2);
  assertEquals(ran, ["follow-up", "next"]);
});

Deno.test("a sleep ends in time, or at once with the signal's reason and no timer left", async () => {
  const clock = new ManualClock();
  let slept = false;
  sleep(clock, 10).then(() => slept = true);
  await clock.advance(10);
  assertEquals(slept, true);

  const leaving = new AbortController();
  const asleep = sleep(clock, 10, leaving.signal);
  leaving.abort(new Error("gone"));
  await assertRejects(() => asleep, Error, "gone");
  await assertRejects(() => sleep(clock, 10, leaving.signal), Error, "gone");
  assertEquals(clock.pending, 0);
});

Deno.test("the machine's clock never goes back, and its timers can be cancelled", async () => {
  const before = systemClock.nowMs();
  systemClock.after(60_000, () => {})();
  await sleep(systemClock, 1);
  assertEquals(systemClock.nowMs() > before, true);
});
