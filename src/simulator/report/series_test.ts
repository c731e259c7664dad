import { assertAlmostEquals, assertEquals } from "@std/assert";
import fc from "fast-check";
import { integralOf, stepsOf } from "../score/mod.ts";
import { handRun } from "../score/testing.ts";
import { busySpans, meanSamples, peakSamples, seriesOf } from "./series.ts";

Deno.test("samples of a step function: the mean and the greatest of each stretch", () => {
  const steps = stepsOf([{ fromMs: 5, toMs: 25, amount: 2 }, { fromMs: 20, toMs: 30, amount: 1 }]);
  assertEquals([...meanSamples(steps, 40, 4)], [1, 2, 2, 0]);
  assertEquals([...peakSamples(steps, 40, 4)], [2, 2, 3, 0]);
});

Deno.test("the means of all stretches have the integral of the whole", () => {
  const span = fc.record({ fromMs: fc.nat(999), lasts: fc.nat(500), amount: fc.integer({ min: 1, max: 9 }) });
  fc.assert(fc.property(fc.array(span), fc.integer({ min: 1, max: 60 }), (spans, count) => {
    const steps = stepsOf(spans.map(({ fromMs, lasts, amount }) => ({ fromMs, toMs: fromMs + lasts, amount })));
    const sum = meanSamples(steps, 1_000, count).reduce((a, b) => a + b, 0);
    assertAlmostEquals(sum * 1_000 / count, integralOf(steps, 1_000), 1e-6);
  }));
});

Deno.test("containers are starting, busy or idle, and nothing else", () => {
  const result = handRun({
    memoriesMiB: [128],
    endMs: 1_000,
    calls: [
      { fn: 0, atMs: 0, acquireMs: 200, executionMs: 200, container: 0, start: "cold" },
      { fn: 0, atMs: 300, executionMs: 200, container: 0 },
    ],
    nodes: [{ reservedMs: 100 }],
    containers: [{ createdMs: 100, readyMs: 200, removedMs: 800 }],
  });
  assertEquals(busySpans(result), [[
    { fromMs: 200, toMs: 300, amount: 1 },
    { fromMs: 300, toMs: 400, amount: 2 },
    { fromMs: 400, toMs: 500, amount: 1 },
  ]]);
  const { nodes, busy, idle, starting } = seriesOf(result, 10);
  const rounded = (samples: Float64Array) => [...samples].map((value) => Math.round(value * 1e6) / 1e6);
  assertEquals(rounded(nodes), [0, 1, 1, 1, 1, 1, 1, 1, 1, 1]);
  assertEquals(rounded(starting), [0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
  assertEquals(rounded(busy), [0, 0, 1, 1, 1, 0, 0, 0, 0, 0]);
  assertEquals(rounded(idle), [0, 0, 0, 0, 0, 1, 1, 1, 0, 0]);
});
