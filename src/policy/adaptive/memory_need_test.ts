import { assertEquals } from "@std/assert";
import { rowOf } from "../../base/mod.ts";
import { ContainerMemory, MEMORY_CELLS, MemoryNeed } from "./memory_need.ts";

const newNeed = (common: ContainerMemory) => new MemoryNeed(rowOf(MEMORY_CELLS), common);
const usage = (memoryKiB: number, inFlight = 0) => ({ memoryKiB, inFlight, cpuPct: 0, container: 1 });

Deno.test("memory need: what an idle container holds, and for each run the most that one told", () => {
  const need = newNeed(new ContainerMemory());
  assertEquals(need.isKnown, false);
  need.ended(4_000, 1);
  assertEquals(need.isKnown, false, "what a container holds by itself is not known");
  need.measured(usage(20_000));
  assertEquals(need.isKnown, true);
  assertEquals([need.needKiB(8), need.fitsIn(60_000)], [52_000, 10]);
  need.measured(usage(90_000, 8));
  assertEquals(need.needKiB(8), 90_000, "a container was measured to hold more");
});

Deno.test("memory need: of what was measured with nothing in flight the least counts", () => {
  const need = newNeed(new ContainerMemory());
  need.ended(4_000, 1);
  for (const kib of [9_000, 6_000, 8_000]) need.measured(usage(kib));
  assertEquals(need.fitsIn(26_000), 5);
});

Deno.test("memory need: a function of which no idle container was measured is taken to hold what the others do", () => {
  const common = new ContainerMemory();
  newNeed(common).measured(usage(60_000));
  const need = newNeed(common);
  need.ended(4_000, 1);
  assertEquals(need.needKiB(2), 68_000);
});

Deno.test("memory need: where runs tell what their container held, that is shared by all that were in it", () => {
  const common = new ContainerMemory();
  const need = newNeed(common);
  need.measured(usage(10_000));
  for (let i = 0; i < 49; i++) need.ended(130_000, 12);
  assertEquals(need.fitsIn(250_000), 1, "it might be the run's own");
  need.ended(130_000, 12);
  assertEquals(common.isContainersTold, true);
  assertEquals(need.fitsIn(250_000), Math.floor(240_000 / (130_000 / 12)));
  assertEquals(need.needKiB(1), 130_000, "so much a container held");
});

Deno.test("memory need: one run that told less than an idle container holds told its own", () => {
  const common = new ContainerMemory();
  const need = newNeed(common);
  need.measured(usage(20_000));
  need.ended(3_000, 1);
  for (let i = 0; i < 100; i++) need.ended(130_000, 12);
  assertEquals([common.isContainersTold, need.fitsIn(280_000)], [false, 2]);
});

Deno.test("memory need: callers that tell nothing leave it unknown", () => {
  const need = newNeed(new ContainerMemory());
  need.measured(usage(20_000));
  need.ended(0, 1);
  assertEquals(need.isKnown, false);
});
