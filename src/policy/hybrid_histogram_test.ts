import { assertEquals } from "@std/assert";
import { hybridHistogram } from "./hybrid_histogram.ts";
import type { FunctionFacts, Policy } from "./policy.ts";

const MINUTE_MS = 60_000;
const fn: FunctionFacts = { id: 0, memoryKiB: 256 * 1_024, timeoutMs: 60_000, concurrencyMax: 1 };

/** Runs of a second each, `idleMinutes` apart; answers when the last one ended. */
function runs(policy: Policy, idleMinutes: readonly number[]): number {
  let nowMs = 0;
  for (const minutes of [0, ...idleMinutes]) {
    nowMs += minutes * MINUTE_MS;
    policy.arrived!(fn, { atMs: nowMs, waitedMs: 0, waitingBefore: 0, isCold: false });
    nowMs += 1_000;
    policy.ended!(fn, { atMs: nowMs, durationMs: 1_000, memoryKiB: 1_024, inFlight: 1, container: 1 });
  }
  return nowMs;
}

/** The minutes after `endMs` at which an idle container is kept, and at which one is started where there is none. */
function looks(policy: Policy, endMs: number, minutes: number): { keeps: number[]; starts: number[] } {
  const keeps: number[] = [], starts: number[] = [];
  for (let minute = 0; minute <= minutes; minute++) {
    const nowMs = endMs + minute * MINUTE_MS;
    if (policy.keepContainer({ function: fn, nowMs, idleMs: minute * MINUTE_MS, warm: 1, onNode: 1, nodes: 1 })) {
      keeps.push(minute);
    }
    const idle = {
      function: fn,
      nowMs,
      concurrency: 1,
      waiting: 0,
      chargeKiB: 1,
      starting: 0,
      leaving: 0,
      warm: 0,
      inFlight: 0,
    };
    const asked = [...policy.functionsToServe!(nowMs)].includes(fn.id);
    if (asked && policy.containersToStart(idle) > 0) starts.push(minute);
  }
  return { keeps, starts };
}

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

Deno.test("hybrid-histogram keeps for four hours until it knows better, and starts nothing ahead", () => {
  const policy = hybridHistogram();
  const endMs = runs(policy, [20, 20, 20]);
  assertEquals(looks(policy, endMs, 300), { keeps: range(0, 239), starts: [] });
});

Deno.test("hybrid-histogram lets go at once where idle times are alike, and is back a tenth before", () => {
  const policy = hybridHistogram();
  const endMs = runs(policy, new Array(20).fill(20.5));
  // Bin 20: from 20 min less a tenth to 21 min and a tenth.
  assertEquals(looks(policy, endMs, 60), { keeps: range(18, 23), starts: range(18, 23) });
});

Deno.test("hybrid-histogram starts none where one is there or starts, and one for each who waits", () => {
  const policy = hybridHistogram();
  const nowMs = runs(policy, new Array(20).fill(20.5)) + 20 * MINUTE_MS;
  const ask = (more: object) => {
    return policy.containersToStart({
      ...{
        function: fn,
        nowMs,
        concurrency: 1,
        waiting: 0,
        chargeKiB: 1,
        starting: 0,
        leaving: 0,
        warm: 0,
        inFlight: 0,
      },
      ...more,
    });
  };
  assertEquals([ask({}), ask({ warm: 1 }), ask({ starting: 1 })], [1, 0, 0]);
  assertEquals([ask({ waiting: 3 }), ask({ waiting: 3, starting: 2 })], [3, 1]);
});

Deno.test("hybrid-histogram keeps what is called all the time for little more than a minute", () => {
  const policy = hybridHistogram();
  const endMs = runs(policy, new Array(50).fill(0.2));
  assertEquals(looks(policy, endMs, 10), { keeps: [0, 1], starts: [] });
});

Deno.test("hybrid-histogram is unsure where idle times are spread evenly, or mostly beyond four hours", () => {
  const even = hybridHistogram();
  assertEquals(looks(even, runs(even, range(1, 230)), 300).keeps, range(0, 239));
  const beyond = hybridHistogram();
  const minutes = [...new Array(12).fill(5), ...new Array(20).fill(300)];
  assertEquals(looks(beyond, runs(beyond, minutes), 300), { keeps: range(0, 239), starts: [] });
});

Deno.test("hybrid-histogram counts a function as idle only when none of its runs goes on", () => {
  const policy = hybridHistogram();
  let nowMs = 0;
  for (let i = 0; i < 30; i++) {
    // Always two that overlap: never idle.
    policy.arrived!(fn, { atMs: nowMs, waitedMs: 0, waitingBefore: 0, isCold: false });
    nowMs += 20 * MINUTE_MS;
    if (i > 0) policy.ended!(fn, { atMs: nowMs, durationMs: 1, memoryKiB: 1, inFlight: 1, container: 1 });
  }
  assertEquals(looks(policy, nowMs, 300).starts, []);
});
