import { assert, assertAlmostEquals, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { MIB } from "../../base/mod.ts";
import { type Generator, GENERATORS } from "./generators.ts";
import type { Workload } from "./types.ts";

const named = (name: string): Generator => GENERATORS.find((one) => one.name === name)!;

/** Arrivals of each function. */
function arrivals({ functions, calls }: Workload): number[][] {
  const all: number[][] = functions.map(() => []);
  for (let i = 0; i < calls.count; i++) all[calls.functionIndex[i]].push(calls.atMs[i]);
  return all;
}

/** Variance ÷ mean of the calls in windows of this length: 1 for calls of chance, more for bursts, less for rhythms. */
function dispersion(times: readonly number[], durationMs: number, windowMs: number): number {
  const windows = new Array<number>(Math.floor(durationMs / windowMs)).fill(0);
  for (const ms of times) if (ms < windows.length * windowMs) windows[Math.floor(ms / windowMs)]++;
  const mean = windows.reduce((a, b) => a + b, 0) / windows.length;
  return windows.reduce((sum, n) => sum + (n - mean) ** 2, 0) / windows.length / mean;
}

for (const { name, generate, parameters } of GENERATORS) {
  Deno.test(`${name}: the seed says it all, and every call is one that its container can bear`, () => {
    const values = { functions: Math.min(60, parameters.functions.default), minutes: 5 };
    const [a, b, c] = [generate(1, values), generate(1, values), generate(2, values)];
    assertEquals(a, b);
    assertNotEquals(a.calls, c.calls);
    assertEquals([a.name, a.durationMs, a.functions.length], [name, 5 * 60_000, values.functions]);
    assert(a.calls.count > 0, "no calls at all");
    for (let i = 0; i < a.calls.count; i++) {
      const { memoryBytes } = a.functions[a.calls.functionIndex[i]];
      assert(a.calls.peakBytes[i] > 0 && a.calls.peakBytes[i] + 20 * MIB < memoryBytes);
      assert(a.calls.cpuMs[i] + a.calls.sleepMs[i] > 0);
    }
  });
}

Deno.test("all characters occur, and their names are for people only", () => {
  const { functions } = named("rare").generate(1);
  const characters = new Set(functions.map(({ label }) => label.split("-")[0]));
  assertEquals([...characters].sort(), ["cpu", "long", "memory", "short"]);
  assertEquals(new Set(functions.map(({ id }) => id)).size, 1_000);
  for (const { id } of functions) assert(/^fn-[0-9a-f]{8}$/.test(id));
});

Deno.test("sparse and dense come by chance, as often as asked", () => {
  const sparse = named("sparse").generate(1, { functions: 200, minutes: 60, interval: 30 });
  // The mean of 1 / (30 s · 2^u), u uniform from −1 to 1, is 1.08 / 30 s.
  assertAlmostEquals(sparse.calls.count / 200 / 120, 1.08, 0.1);
  const dense = named("dense").generate(1, { functions: 1, minutes: 10, rate: 10 });
  assertAlmostEquals(dispersion([...dense.calls.atMs], dense.durationMs, 1_000), 1, 0.3);
  assert(dense.calls.count > 600 * 5 && dense.calls.count < 600 * 20);
});

Deno.test("periodic functions have a steady rhythm", () => {
  const workload = named("periodic").generate(3, { functions: 10, period: 10, calls: 1 });
  for (const times of arrivals(workload)) {
    const intervals = times.slice(1).map((ms, i) => ms - times[i]);
    const mean = intervals.reduce((a, b) => a + b, 0) / intervals.length;
    assert(mean > 2_400 && mean < 40_500);
    for (const ms of intervals) assertAlmostEquals(ms, mean, mean * 0.02);
  }
});

Deno.test("bursts are much more uneven than chance", () => {
  const workload = named("bursty").generate(1, { functions: 5, minutes: 60, rate: 20 });
  for (const times of arrivals(workload)) assert(dispersion(times, workload.durationMs, 5_000) > 20);
});

Deno.test("the day has a night: least at its start, most at noon", () => {
  const { calls } = named("diurnal").generate(1, { minutes: 20, day: 20 });
  const parts = [0, 0, 0, 0, 0];
  for (const ms of calls.atMs) parts[Math.floor(ms / 240_000)]++;
  assert(parts[2] > 4 * parts[0] && parts[2] > 4 * parts[4], parts.join(" "));
});

Deno.test("a flash crowd comes once, and fades", () => {
  const { calls, durationMs } = named("flash-crowd").generate(1);
  const perMinute = new Array<number>(durationMs / 60_000).fill(0);
  for (const ms of calls.atMs) perMinute[Math.floor(ms / 60_000)]++;
  const height = perMinute.indexOf(Math.max(...perMinute));
  assert(height >= 4 && height <= 11, perMinute.join(" "));
  assert(perMinute[height] > 4 * perMinute[1]);
  assert(perMinute[14] < perMinute[height] / 4);
});

Deno.test("a parameter that is none, or out of its bounds, is a mistake of the caller's", () => {
  assertThrows(() => named("sparse").generate(1, { rate: 1 }), Error, "sparse has no parameter rate");
  assertThrows(() => named("sparse").generate(1, { minutes: 0 }), Error, "sparse: minutes is 0, not from 1 to 1440");
});
