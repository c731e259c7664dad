import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import { measure } from "./measure.ts";
import { measurePermits } from "./permits.ts";
import { report } from "./report.ts";

Deno.test("the bench of calls runs in its short form and gives every figure", async () => {
  const results = await measure({ short: true, seconds: 0.2, others: false });
  assertEquals(results.servers.map(({ name }) => name), ["own", "adapter"]);
  for (const { name, pairs, burst, idleBytesPer1000 } of results.servers) {
    for (const figure of [pairs.perSecond, pairs.p50Us, pairs.p99Us, burst.bestMs, burst.medianMs]) {
      assert(Number.isFinite(figure) && figure > 0, name);
    }
    assert(Number.isFinite(pairs.cpuUsPerCall) && Number.isFinite(idleBytesPer1000), name);
  }
  for (const { name, value } of results.ratios) assert(Number.isFinite(value) && value > 0, name);
  assert(report(results).includes("ratios"));
});

Deno.test("a burst for few permits is answered whole and in the order of its arrival, and leaves nothing", async () => {
  const acquires = 300, permits = 20;
  const { bursts, leases, waiting } = await measurePermits({
    ...{ http2: "own", acquires, permits, executionMs: 5, bursts: 2 },
  });
  for (const { failed, overtaken } of bursts) {
    assertEquals(failed, 0);
    // Those that find a permit free at the door may race with the first that wait.
    assertLessOrEqual(overtaken, permits);
  }
  assertEquals([leases, waiting], [0, 0]);
});
