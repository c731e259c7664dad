import { assertEquals } from "@std/assert";
import { kpa } from "./kpa.ts";

const fn = { id: 0, memoryKiB: 256 * 1_024, timeoutMs: 60_000, concurrencyMax: 1 };

Deno.test("kpa starts one at once from nothing, and what 70 % use asks for in a burst", () => {
  const policy = kpa();
  const ask = (nowMs: number, waiting: number, inFlight: number, warm: number, starting = 0) =>
    policy.containersToStart({
      ...{ function: fn, nowMs, concurrency: 1, chargeKiB: 1, leaving: 0 },
      ...{ waiting, inFlight, warm, starting },
    });
  assertEquals(ask(0, 1, 0, 0), 2);
  assertEquals(ask(100, 1, 0, 0, 2), 0, "it decides once a second");
  for (let second = 1; second <= 6; second++) ask(second * 1_000, 12, 2, 2);
  // 14 at once for six seconds, against a minute's mean of less.
  assertEquals(ask(7_000, 12, 2, 2), 18);
});

Deno.test("kpa lets the last one go half a minute after a minute without calls", () => {
  const policy = kpa();
  const ask = (nowMs: number, inFlight: number) =>
    policy.containersToStart({
      function: fn,
      nowMs,
      concurrency: 1,
      waiting: 0,
      inFlight,
      warm: 1,
      chargeKiB: 1,
      starting: 0,
      leaving: 0,
    });
  const keeps = (nowMs: number) =>
    policy.keepContainer({ function: fn, nowMs, idleMs: 1, warm: 1, onNode: 1, nodes: 1 });
  ask(0, 1);
  let lastKeptMs = 0;
  for (let nowMs = 1_000; nowMs < 120_000; nowMs += 1_000) {
    ask(nowMs, 0);
    if (keeps(nowMs)) lastKeptMs = nowMs;
  }
  assertEquals(lastKeptMs, 89_000);
});
