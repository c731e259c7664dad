import { assertEquals, assertMatch } from "@std/assert";
import { systemClock } from "../../base/mod.ts";
import type { Observations, Observer } from "../../scheduler/mod.ts";
import { until } from "../../tests/program.ts";
import { openShadows, type ShadowSettings } from "./shadows.ts";
import { systemShared } from "./shared.ts";

const settings: ShadowSettings = {
  ...{ policy: "adaptive", weights: { responseTime: 0.5, nodeTime: 0.5 }, containerMin: 0, overcommit: 1 },
  ...{ containerIdle: undefined, nodeIdle: undefined, shadow: ["kpa"], shadowLag: 100 },
};

const batch = (): Observations => ({
  nowMs: systemClock.nowMs(),
  ...{ functions: [], calls: new Float64Array(), nodes: [], dropped: 0 },
  ...{ startMs: 0, idleBytes: 0, nodeBytes: 0, nodesMax: 0 },
});

async function withShadows(use: (observer: Observer, lines: string[]) => Promise<void>, script: URL) {
  const lines: string[] = [];
  const observer = openShadows(
    systemShared({ level: "info", write: (line) => void lines.push(line) }),
    settings,
    script,
  );
  try {
    await use(observer, lines);
  } finally {
    observer.close();
  }
}

Deno.test("a thread that fails is told of once; its observer takes nothing more, and the platform goes on", () =>
  withShadows(async (observer, lines) => {
    observer.observed(batch());
    const ask = () => Promise.resolve(observer.view());
    const { failure } = await until("the failure", ask, ({ failure }) => failure !== "");
    assertMatch(failure, /out of its mind/);
    assertEquals([observer.observed(batch()), observer.observed(batch())], [false, false]);
    assertEquals(lines.length, 1);
    assertMatch(lines[0], /the thread of the shadow policies failed/);
  }, new URL("./faults/failing_shadows.ts", import.meta.url)));

Deno.test("batches that a slow thread has not come to are bounded: the next ones are refused until it has", () =>
  withShadows(async (observer) => {
    let taken = 0;
    while (observer.observed(batch())) taken++;
    assertEquals(taken, 40);
    await until("room for another", () => Promise.resolve(observer.observed(batch())), (isTaken) => isTaken);
    assertEquals(observer.view().failure, "");
  }, new URL("./faults/slow_shadows.ts", import.meta.url)));
