import { assert, assertAlmostEquals, assertEquals, assertNotEquals } from "@std/assert";
import { MIB } from "../../base/mod.ts";
import { CPU_BOUND_CORE_MS, evaluationWorkload, ROUND_MS } from "./evaluation.ts";
import { EVALUATION_FUNCTIONS } from "./evaluation_data.ts";
import type { Workload } from "./types.ts";

const SEEDS = [1, 2, 20_200_810];
/** A round is what arrives within so long of its first, as the table counts it. */
const ROUND_WINDOW_MS = 100;

interface Stats {
  min: number;
  mean: number;
  max: number;
}

function statsOf(values: readonly number[]): Stats {
  return {
    min: values.reduce((a, b) => Math.min(a, b)),
    mean: values.reduce((a, b) => a + b, 0) / values.length,
    max: values.reduce((a, b) => Math.max(a, b)),
  };
}

/** What the table says of a function, counted from the calls of a workload. */
function measure({ calls }: Workload, functionIndex: number) {
  const own = Array.from(calls.functionIndex.keys()).filter((i) => calls.functionIndex[i] === functionIndex);
  const rounds: { startMs: number; calls: number; endMs: number }[] = [];
  for (const i of own) {
    const last = rounds.at(-1);
    const atMs = calls.atMs[i];
    if (last && atMs < last.startMs + ROUND_WINDOW_MS) {
      last.calls++;
      last.endMs = atMs;
    } else rounds.push({ startMs: atMs, calls: 1, endMs: atMs });
  }
  return {
    own,
    rounds,
    perRound: statsOf(rounds.map((round) => round.calls)),
    intervalMs: statsOf(rounds.slice(1).map(({ startMs }, i) => startMs - rounds[i].startMs)),
    cpuMs: statsOf(own.map((i) => calls.cpuMs[i])),
    sleepMs: statsOf(own.map((i) => calls.sleepMs[i])),
    peakMiB: statsOf(own.map((i) => calls.peakBytes[i] / MIB)),
  };
}

for (const seed of SEEDS) {
  Deno.test(`seed ${seed}: every function's calls, rounds and spreads are the table's`, () => {
    const workload = evaluationWorkload(seed);
    // The table's rows add up to the calls that succeeded: two of the run's 73,158 did not.
    assertEquals(workload.calls.count, 73_156);
    EVALUATION_FUNCTIONS.forEach((fn, index) => {
      const found = measure(workload, index);
      const near = (value: number, wanted: number, tolerance: number, what: string) =>
        assertAlmostEquals(value, wanted, tolerance, `${fn.label}: ${what} is ${value}, the table has ${wanted}`);
      assertEquals([found.own.length, found.rounds.length], [fn.calls, fn.rounds], fn.label);
      assertEquals([found.perRound.min, found.perRound.max], [fn.callsPerRound[0], fn.callsPerRound[2]], fn.label);
      assertEquals(Math.floor(found.perRound.mean), fn.callsPerRound[1], fn.label);
      assert(found.rounds.every((round) => round.endMs - round.startMs <= ROUND_MS + 0.001), fn.label);

      near(found.intervalMs.min, fn.intervalMs[0], 0.01, "the least interval");
      near(found.intervalMs.mean, fn.intervalMs[1], fn.label === "f15" ? 0.5 : 0.01, "the mean interval");
      near(found.intervalMs.max, fn.intervalMs[2], 0.01, "the greatest interval");

      near(found.peakMiB.min, fn.peakMiB[0], 0.01, "the least peak");
      near(found.peakMiB.mean, fn.peakMiB[1] + 0.5, 0.01, "the mean peak, before it was cut off,");
      near(found.peakMiB.max, fn.peakMiB[2], 0.01, "the greatest peak");

      const quota = 0.67 * fn.memoryMiB / 1024;
      if (fn.work === "cpu") {
        assertEquals([found.cpuMs.min, found.cpuMs.max, found.sleepMs.max], [CPU_BOUND_CORE_MS, CPU_BOUND_CORE_MS, 0]);
        near(found.cpuMs.mean / quota, fn.executionMs[0], 2, "the time alone");
        return;
      }
      assertEquals(fn.work === "sleep" ? found.cpuMs.max : found.sleepMs.max, 0);
      const alone = fn.work === "sleep" ? found.sleepMs : found.cpuMs;
      const scale = fn.work === "sleep" ? 1 : quota;
      near(alone.min / scale, fn.executionMs[0], 0.01, "the least time alone");
      near(alone.mean / scale, fn.executionMs[1] + 0.5, 0.01, "the mean time alone, before it was cut off,");
      near(alone.max / scale, fn.executionMs[2], 0.01, "the greatest time alone");
    });
  });
}

Deno.test("functions overlap: all but the two short ones run at once for most of the time", () => {
  for (const seed of SEEDS) {
    const workload = evaluationWorkload(seed);
    EVALUATION_FUNCTIONS.forEach(({ label }, index) => {
      const { rounds } = measure(workload, index);
      const spanMs = rounds.at(-1)!.startMs - rounds[0].startMs;
      if (label === "f3") assertAlmostEquals(spanMs, 597_000, 1);
      else if (label === "f15") assertAlmostEquals(spanMs, 3_596, 2);
      else {
        assert(spanMs >= 1_043_000 && spanMs <= 1_170_000, `${label} runs for ${spanMs} ms`);
        assert(rounds[0].startMs < 180_000, `${label} starts at ${rounds[0].startMs} ms`);
      }
    });
  }
});

Deno.test("all runs end within the evaluation where none has to wait", () => {
  const { calls, durationMs } = evaluationWorkload(3);
  for (let i = 0; i < calls.count; i++) assert(calls.atMs[i] + calls.sleepMs[i] <= durationMs);
});

Deno.test("the same seed gives the same workload, another one another; names tell nothing", () => {
  const [a, b, c] = [evaluationWorkload(7), evaluationWorkload(7), evaluationWorkload(8)];
  assertEquals(a, b);
  assertNotEquals(a.calls.atMs, c.calls.atMs);
  for (const { id, label } of a.functions) assert(!id.includes(label));
  assertEquals(new Set(a.functions.map(({ id }) => id)).size, 15);
});
