import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { metricsOf } from "./metrics.ts";
import { handRun } from "./testing.ts";

const run = handRun({
  memoriesMiB: [1024, 512, 128],
  endMs: 100_000,
  calls: [
    { fn: 0, atMs: 0, acquireMs: 1_000, executionMs: 4_000, start: "cold", container: 0 },
    { fn: 0, atMs: 2_000, acquireMs: 0, executionMs: 5_000, container: 0 },
    { fn: 1, atMs: 3_000, acquireMs: 10, outcome: "refused", start: "none" },
    { fn: 1, atMs: 4_000, acquireMs: 500, executionMs: 1_500, outcome: "out_of_memory", start: "cold", container: 1 },
    { fn: 1, atMs: 5_000, outcome: "unanswered", start: "none" },
    { fn: 1, atMs: 6_000, acquireMs: 61_000, executionMs: 7, start: "waited", container: 0 },
  ],
  nodes: [{}, { reservedMs: 3_500, releasedMs: 10_000 }, { reservedMs: 10_000, releasedMs: 20_000 }],
  containers: [
    { createdMs: 0, readyMs: 1_000 },
    { functionIndex: 1, node: 1, createdMs: 4_000, readyMs: 4_500, removedMs: 6_000, outOfMemory: true },
  ],
});

Deno.test("response time is waiting and running; who never got a container has waited 60 s", () => {
  const { responseMs, functions } = metricsOf(run);
  assertEquals(responseMs, [10_000, 60_000 + 2_000 + 60_000 + 60_000, undefined]);
  const [first, second, third] = functions;
  assertEquals([first.meanResponseMs, first.meanWaitMs, first.coldStarts, first.failed], [5_000, 500, 1, 0]);
  assertEquals([second.failed, second.calls], [4, 4]);
  assertEquals([third.calls, third.responseMs, third.meanResponseMs], [0, 0, 0]);
});

Deno.test("failed calls are those that did not run to their end, or came to run after 60 s", () => {
  const { failed, failedShare, outcomes, oomKills } = metricsOf(run);
  assertEquals([failed, oomKills], [4, 1]);
  assertAlmostEquals(failedShare, 4 / 6);
  assertEquals(outcomes, { ok: 3, unanswered: 1, refused: 1, out_of_memory: 1, timeout: 0, lost: 0 });
});

Deno.test("node time and its peak: a node that comes the moment another goes is no second one", () => {
  const { nodeSeconds, nodesPeak } = metricsOf(run);
  assertEquals([nodeSeconds, nodesPeak], [100 + 6.5 + 10, 2]);
});

Deno.test("memory is wasted while nothing runs in a container; calls that overlap count once", () => {
  // The first is busy from 1 s to 7 s, and for 7 ms at 67 s; the second from 4.5 s to its removal at 6 s.
  assertAlmostEquals(metricsOf(run).wastedGiBSeconds, (100 - 6 - 0.007) + 0.5 * (2 - 1.5), 1e-9);
});

Deno.test("waits are exact quantiles", () => {
  const calls = Array.from({ length: 200 }, (_, i) => ({ fn: 0, atMs: i, acquireMs: (i * 7) % 200 }));
  const { waits } = metricsOf(handRun({ memoriesMiB: [128], calls, endMs: 1_000 }));
  assertEquals(waits, { p50Ms: 99, p99Ms: 197, maxMs: 199 });
});

Deno.test("a run without calls has figures too", () => {
  const { waits, failedShare, responseMs } = metricsOf(handRun({ memoriesMiB: [128], calls: [], endMs: 0 }));
  assertEquals([waits, failedShare, responseMs], [{ p50Ms: 0, p99Ms: 0, maxMs: 0 }, 0, [undefined]]);
});

Deno.test("a container that is busy before it lives is a bug of the engine, not a figure", () => {
  const calls = [{ fn: 0, atMs: 0, executionMs: 50, container: 0 }];
  const wrong = handRun({ memoriesMiB: [128], calls, containers: [{ createdMs: 40, removedMs: 60 }], endMs: 60 });
  assertThrows(() => metricsOf(wrong), Error, "is busy for 30 ms more than it lives");
});
