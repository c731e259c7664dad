import { assertAlmostEquals, assertEquals } from "@std/assert";
import { GIB, MIB } from "../../base/mod.ts";
import { evaluationWorkload } from "../workloads/evaluation.ts";
import { floorsOf } from "./floors.ts";
import { handWorkload } from "./testing.ts";

Deno.test("alone, a call computes at its container's quota and then sleeps", () => {
  const workload = handWorkload([256, 4096], [
    { fn: 0, atMs: 0, cpuMs: 26 },
    { fn: 0, atMs: 0, cpuMs: 26, sleepMs: 100 },
    { fn: 1, atMs: 5, cpuMs: 26 },
  ]);
  const { responseMs } = floorsOf(workload);
  assertAlmostEquals(responseMs[0]!, 2 * 26 / 0.1675 + 100, 1e-9);
  // More than one core is of no use to one call.
  assertAlmostEquals(responseMs[1]!, 26, 1e-9);
});

Deno.test("the floor of node time holds the running calls' memory, rounded up to whole nodes", () => {
  // 100 ms with 20 + 80 MiB, then 100 ms in which two calls need 20 + 80 + 80 of a function with room for both.
  const workload = handWorkload([256], [
    { fn: 0, atMs: 0, sleepMs: 200, peakMiB: 80 },
    { fn: 0, atMs: 100, sleepMs: 100, peakMiB: 80 },
    { fn: 0, atMs: 500, sleepMs: 50, peakMiB: 230 },
  ]);
  assertEquals(floorsOf(workload).nodeMs, 250);
  assertEquals(floorsOf(workload, { nodeMemoryBytes: 100 * MIB }).nodeMs, 100 * 1 + 100 * 2 + 50 * 3);
});

Deno.test("calls that do not fit one container need several, each with its own idle memory", () => {
  const calls = Array.from({ length: 3 }, () => ({ fn: 0, atMs: 0, sleepMs: 10, peakMiB: 200 }));
  const nodeMs = (mib: number) => floorsOf(handWorkload([256], calls), { nodeMemoryBytes: mib * MIB }).nodeMs;
  assertEquals([nodeMs(660), nodeMs(659)], [10, 20]);
});

Deno.test("a workload without calls costs nothing", () => {
  assertEquals(floorsOf(handWorkload([128], [])), { responseMs: [undefined], nodeMs: 0, failedShare: 0 });
});

Deno.test("the evaluation's floors are what its text lets one expect", () => {
  const workload = evaluationWorkload(1);
  const { responseMs, nodeMs } = floorsOf(workload);
  // f9's 2,340 calls of 26 core-milliseconds at 0.67 × 0.25 cores.
  assertAlmostEquals(responseMs[8]!, 2340 * 26 / 0.1675, 1e-3);
  // f13 sleeps 1.8955 s on average.
  assertAlmostEquals(responseMs[12]!, 10790 * 1895.5, 1);
  // Between one and two nodes' memory is in use all the time, a third or less of what the baseline holds.
  assertEquals(nodeMs > 1_223_000 && nodeMs < 2 * 1_223_000, true, `${nodeMs} ms of ${3 * GIB} bytes`);
});
