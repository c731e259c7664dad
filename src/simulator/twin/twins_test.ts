import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { type FunctionSpec, GIB, MIB, seededRandom } from "../../base/mod.ts";
import { baseline, onDemand, POLICIES } from "../../policy/mod.ts";
import { CALL_NUMBERS, type Observations, type ObservedCall, writeCall } from "../../scheduler/score/observer.ts";
import type { TwinView } from "../../scheduler/score/view.ts";
import { simulate } from "../engine/simulate.ts";
import { metricsOf } from "../score/metrics.ts";
import { scoreOf, WEIGHTS_EVEN } from "../score/score.ts";
import { bursty } from "./testing.ts";
import { Ledger } from "./ledger.ts";
import { Twins, type TwinsOptions } from "./twins.ts";

const CAPACITY = { nodes: 40, containers: 2_048, functions: 32, leases: 8_192, tickets: 4_096, ringDepth: 1_024 };
const CLUSTER = { nodeMemoryBytes: 2 * GIB, nodesMax: 8, nodesWarm: 2, startDelayMs: 500, startCpuMs: 0, idleBytes: 0 };
const LAG_MS = 5_000;
const acting = () => onDemand({ containerIdleMs: 20_000, nodeIdleMs: 30_000, containersMin: 0, nodesMin: 0 });

function twins(rest: Partial<TwinsOptions> = {}): Twins {
  return new Twins({
    policies: [
      { name: "on-demand", role: "acting", create: acting },
      { name: "baseline", role: "baseline", create: baseline },
    ],
    ...{ lagMs: LAG_MS, seed: 1, cluster: CLUSTER, scheduler: { nodesMax: 8 }, capacity: CAPACITY, callsMax: 4_096 },
    ...rest,
  });
}

const spec = (functionName: string, memoryBytes = 128 * MIB): FunctionSpec => ({
  ...{ accountId: "default", functionName, handler: "", memoryBytes, timeoutMs: 60_000 },
  ...{ codeHash: "", version: 1, concurrency: 1, allowNet: [] },
});

function batch(nowMs: number, calls: readonly ObservedCall[], rest: Partial<Observations> = {}): Observations {
  const numbers = new Float64Array(calls.length * CALL_NUMBERS);
  calls.forEach((call, i) => writeCall(numbers, i * CALL_NUMBERS, call));
  return {
    nowMs,
    functions: [],
    calls: numbers,
    nodes: [],
    dropped: 0,
    startMs: 0,
    idleBytes: 0,
    nodeBytes: 0,
    nodesMax: 0,
    ...rest,
  };
}

const call = (arrivedMs: number, durationMs = 100): ObservedCall => {
  return { slot: 0, arrivedMs, waitedMs: 20, durationMs, cpuMs: 0, peakKiB: 0, answered: true };
};

const of = (view: { twins: readonly TwinView[] }, role: string) => view.twins.find((twin) => twin.role === role)!;

Deno.test("a twin fed with the calls of a workload, batch by batch, comes to what the simulator makes of it", async () => {
  const workload = bursty(seededRandom(7));
  const { functions, calls, durationMs } = workload;
  const fed: ObservedCall[] = Array.from({ length: calls.count }, (_, i) => ({
    ...{ slot: calls.functionIndex[i], arrivedMs: calls.atMs[i], waitedMs: 0 },
    ...{ durationMs: calls.sleepMs[i], cpuMs: 0, peakKiB: calls.peakBytes[i] / 1_024, answered: true },
  }));
  const group = twins();
  const endMs = durationMs + 120_000;
  // In the order of their ends, as the scheduler tells of them.
  const byEnd = [...fed].sort((a, b) => a.arrivedMs + a.durationMs - b.arrivedMs - b.durationMs);
  const defined = functions.map(({ id, memoryBytes }, slot) => ({ slot, spec: spec(id, memoryBytes) }));
  await group.take(batch(LAG_MS, [], { functions: defined }));
  for (let nowMs = LAG_MS, next = 0; nowMs <= endMs + LAG_MS; nowMs += 250) {
    const ended: ObservedCall[] = [];
    while (next < byEnd.length && byEnd[next].arrivedMs + byEnd[next].durationMs <= nowMs) ended.push(byEnd[next++]);
    await group.take(batch(nowMs, ended));
  }
  const view = group.view();
  assertEquals([view.calls, view.late, view.dropped], [calls.count, 0, 0]);
  const runs = [];
  for (const [role, policy] of [["acting", acting()], ["baseline", baseline()]] as const) {
    // The twin's day goes on while its last calls run.
    const rest = { durationMs: endMs };
    const run = metricsOf(
      await simulate({ workload: { ...workload, ...rest }, policy, seed: 1, cluster: CLUSTER, concurrency: 1 }),
    );
    runs.push(run);
    const { total } = of(view, role);
    assertEquals([total.calls, total.failed], [calls.count, 0]);
    const responseSeconds = run.responseMs.reduce<number>((sum, ms) => sum + (ms ?? 0), 0) / 1_000;
    // Delays on the network are drawn in another order.
    assertAlmostEquals(total.responseSeconds / responseSeconds, 1, 0.02, `response time of ${role}`);
    assertAlmostEquals(total.nodeSeconds / run.nodeSeconds, 1, 0.02, `node time of ${role}`);
  }
  const { score, responseRatio, nodeRatio } = scoreOf(runs[0], runs[1], WEIGHTS_EVEN);
  const twin = of(view, "acting").total;
  assertAlmostEquals(twin.responseRatio!, responseRatio, 0.02);
  assertAlmostEquals(twin.nodeRatio!, nodeRatio, 0.02);
  assertAlmostEquals(twin.score!, score, 0.02);
  assertEquals(of(view, "baseline").total.score, 1);
  group.close();
});

Deno.test("the same batches come to the same figures", async () => {
  const views = [];
  for (let n = 0; n < 2; n++) {
    const group = twins();
    const functions = [{ slot: 0, spec: spec("a") }];
    for (let at = 0; at < 40; at++) {
      const calls = Array.from({ length: 5 }, (_, i) => call(at * 1_000 + i * 7, 100 + at));
      await group.take(batch(at * 1_000 + 900, calls, at === 0 ? { functions, nodes: [[0, 1]] } : {}));
    }
    views.push(group.view());
    group.close();
  }
  assertEquals(views[0], views[1]);
  const { live } = views[0];
  // Held from 0 on, as far as the twins have come: the lag behind the last batch.
  assertAlmostEquals(live.total.nodeSeconds, 34.9, 1e-9);
  assertEquals(live.total.calls, 5 * 35);
});

Deno.test("a call that ends after its moment has passed enters late, and is counted", async () => {
  const group = twins();
  await group.take(batch(10_000, [], { functions: [{ slot: 0, spec: spec("a") }] }));
  await group.take(batch(20_000, [call(1_000, 18_000), call(12_000)]));
  await group.take(batch(60_000, []));
  const view = group.view();
  assertEquals([view.calls, view.late, of(view, "acting").total.calls], [2, 1, 2]);
  group.close();
});

Deno.test("a policy that fails ends its own twin, says why, and the others go on", async () => {
  const broken = () => ({
    ...acting(),
    name: "broken",
    containersToStart: () => {
      throw new Error("it cannot count");
    },
  });
  const group = twins({
    policies: [
      { name: "on-demand", role: "acting", create: acting },
      { name: "broken", role: "shadow", create: broken },
      {
        name: "stillborn",
        role: "shadow",
        create: () => {
          throw new Error("it was never made");
        },
      },
      { name: "baseline", role: "baseline", create: baseline },
    ],
  });
  await group.take(batch(10_000, [call(4_000)], { functions: [{ slot: 0, spec: spec("a") }] }));
  await group.take(batch(30_000, []));
  const view = group.view();
  const failures = view.twins.map(({ policy, failure }) => [policy, failure]);
  assertEquals(failures, [
    ["on-demand", ""],
    ["broken", "a round failed: it cannot count"],
    ["stillborn", "it was never made"],
    ["baseline", ""],
  ]);
  assertEquals(of(view, "acting").total.calls, 1);
  group.close();
});

Deno.test("every policy of the catalog can run in shadow", async () => {
  const policies = Object.entries(POLICIES).map(([name, create]) => ({ name, role: "shadow" as const, create }));
  const group = twins({ policies });
  const functions = [{ slot: 0, spec: spec("a") }];
  for (let at = 0; at < 20; at++) {
    await group.take(batch(at * 1_000, [call(at * 1_000 - 200)], at === 0 ? { functions } : {}));
  }
  await group.take(batch(90_000, []));
  for (const { policy, failure, total } of group.view().twins) {
    assertEquals([policy, failure, total.calls, total.failed], [policy, "", 20, 0]);
    assert(total.nodeSeconds > 0, policy);
  }
  group.close();
});

Deno.test("a twin holds no more nodes than the live platform could have, as that shows", async () => {
  // Each call has a container for itself, two of which fill a node.
  const functions = [{ slot: 0, spec: spec("a", GIB) }];
  const nodes = [];
  for (const nodesMax of [0, 1]) {
    const group = twins();
    await group.take(batch(10_000, [], { functions, nodesMax }));
    await group.take(batch(40_000, Array.from({ length: 6 }, () => call(10_000, 20_000)), { nodesMax }));
    nodes.push(of(group.view(), "acting").total.nodeSeconds / 25);
    group.close();
  }
  assert(nodes[0] > 1.9 && nodes[1] <= 1, `${nodes} nodes on average`);
});

Deno.test("more calls under way than there are places are left out, and counted", async () => {
  const group = twins({ callsMax: 4 });
  const calls = Array.from({ length: 10 }, (_, i) => call(i, 50_000));
  await group.take(batch(10_000, calls, { functions: [{ slot: 0, spec: spec("a") }] }));
  await group.take(batch(200_000, []));
  const view = group.view();
  assertEquals([view.dropped, of(view, "acting").total.calls], [6, 4]);
  group.close();
});

Deno.test("the window forgets what is older than an hour; a slot's next function begins with nothing", () => {
  const ledger = new Ledger();
  const minuteMs = 60_000;
  for (let minute = 0; minute < 90; minute++) ledger.call(minute * minuteMs, 3, 100, minute === 0);
  ledger.nodes(2, 0, 90 * minuteMs);
  assertEquals(ledger.total().view(), { calls: 90, failed: 1, responseSeconds: 9, nodeSeconds: 2 * 90 * 60 });
  const hour = ledger.hour(90 * minuteMs - 1).view();
  assertEquals(hour, { calls: 60, failed: 0, responseSeconds: 6, nodeSeconds: 2 * 60 * 60 });
  assertEquals([...ledger.total().meansMs()], [[3, 100]]);
  ledger.forget(3);
  assertEquals([[...ledger.total().meansMs()], ledger.total().view().calls], [[], 90]);
});

Deno.test("a call that takes long keeps no others out, however many come meanwhile", async () => {
  const group = twins({ callsMax: 16 });
  await group.take(batch(10_000, [], { functions: [{ slot: 0, spec: spec("a") }] }));
  await group.take(batch(16_000, [call(10_000, 50_000)]));
  for (let n = 0; n < 40; n++) await group.take(batch(17_000 + n * 1_000, [call(11_500 + n * 1_000, 10)]));
  await group.take(batch(100_000, []));
  const view = group.view();
  assertEquals([view.dropped, of(view, "acting").total.calls], [0, 41]);
  group.close();
});

Deno.test("a function with less memory than containers hold on average runs in its twins as it ran live", async () => {
  const group = twins({ cluster: { ...CLUSTER, idleBytes: undefined } });
  const functions = [{ slot: 0, spec: spec("a", 64 * MIB) }];
  await group.take(batch(10_000, [], { functions, idleBytes: 70 * MIB }));
  await group.take(batch(20_000, [call(12_000)]));
  await group.take(batch(60_000, []));
  const { total } = of(group.view(), "acting");
  assertEquals([total.calls, total.failed], [1, 0]);
  group.close();
});
