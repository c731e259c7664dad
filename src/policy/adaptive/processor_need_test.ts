import { assertAlmostEquals, assertEquals } from "@std/assert";
import { rowOf } from "../../base/mod.ts";
import { PROCESSOR_CELLS, ProcessorNeed } from "./processor_need.ts";

const GIB_KIB = 1_048_576;
const newNeed = (memoryKiB: number) => new ProcessorNeed(rowOf(PROCESSOR_CELLS), memoryKiB);
const usage = (cpuPct: number, coversMs = 1_000) => ({ container: 1, cpuPct, coversMs, memoryKiB: 1, inFlight: 1 });

Deno.test("processor need: what was used goes over the runs, at the container's share of a processor", () => {
  // 0.67 × 0.25 of a core.
  const need = newNeed(GIB_KIB / 4);
  assertEquals([need.runs, need.computeMs], [0, 0], "nothing is known before it is measured");
  for (let i = 0; i < 10; i++) need.ended();
  assertEquals(need.runs, 0, "runs that no measurement covers do not count");
  need.measured(usage(26));
  assertEquals(need.runs, 10);
  assertAlmostEquals(need.computeMs, 26 / 0.1675, 1e-9);
});

Deno.test("processor need: a percentage is of the time that the measurement covers", () => {
  const need = newNeed(GIB_KIB);
  need.ended();
  for (const coversMs of [1_000, 1_000, 500]) need.measured(usage(10, coversMs));
  assertAlmostEquals(need.computeMs, (100 + 100 + 50) / 0.67, 1e-9);
});

Deno.test("processor need: of more than a core one run has no use, and what is old fades", () => {
  const need = newNeed(16 * GIB_KIB);
  for (let second = 1; second <= 100; second++) {
    for (let i = 0; i < 10; i++) need.ended();
    need.measured(usage(second <= 10 ? 100 : 0));
  }
  assertEquals(need.computeMs < 20, true, `${need.computeMs} ms, of 100 ms at first and nothing for 90 s`);
});
