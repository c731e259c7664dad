import { assertEquals, assertMatch } from "@std/assert";
import { ManualClock, MIB, PlatformError } from "../../base/mod.ts";
import { DEFAULT_CLUSTER, metricsOf, OUTCOME, START } from "../../simulator/mod.ts";
import { CallsBuilder, createWorkload } from "../../simulator/workloads/mod.ts";
import { isTooLate, latenessOf, latenessWarning } from "./lateness.ts";
import { outcomeOf } from "./load.ts";
import { Measurements } from "./measurements.ts";
import { schedulerReady } from "./readiness.ts";
import { runResultOf, workloadSoFar } from "./run_result.ts";
import { atSpeed, clusterAtSpeed, WorkloadTime } from "./time_scale.ts";

function workloadOf(...atMs: number[]) {
  const calls = new CallsBuilder();
  for (const at of atMs) calls.add({ functionIndex: 0, atMs: at, cpuMs: 30, sleepMs: 100, peakBytes: MIB });
  const functions = [{ id: "f", label: "f", memoryBytes: 256 * MIB, timeoutMs: 1_001 }];
  return createWorkload({ name: "w", functions, calls: calls.build(), durationMs: 10_000 });
}

Deno.test("at a speed all that takes time takes so many times less, and memory stays as it is", () => {
  const { calls, functions, durationMs } = atSpeed(workloadOf(0, 1_000), 10);
  assertEquals([...calls.atMs, calls.cpuMs[1], calls.sleepMs[1], calls.peakBytes[1]], [0, 100, 3, 10, MIB]);
  assertEquals([functions[0].timeoutMs, functions[0].memoryBytes, durationMs], [101, 256 * MIB, 1_000]);
  const { refillMs, startDelayMs, startCpuMs, nodesMax } = clusterAtSpeed(DEFAULT_CLUSTER, 10);
  assertEquals([refillMs, startDelayMs, startCpuMs, nodesMax], [3_000, 50, 40, 20]);
});

/** A run at tenfold speed: a node, a container that is up after 0.1 s, two calls in it. */
async function measuredRun() {
  const clock = new ManualClock();
  const time = new WorkloadTime(clock, 10);
  const workload = workloadOf(0, 2_000, 9_000);
  const measurements = new Measurements(time, workload.functions);
  await clock.advance(5_000);
  measurements.reserved("before", 1);
  time.begin();
  await clock.advance(50);
  measurements.reserved("n", 1_000);
  measurements.reserved("n", 1_000);
  const note = measurements.created({ containerId: "c", functionName: "f", memoryBytes: 256 * MIB, nodeId: "n" })!;
  await clock.advance(100);
  note.ready();
  const first = measurements.granted("c", 0, true);
  const second = measurements.granted("c", 2_100, false);
  await clock.advance(350);
  note.removed();
  measurements.released("n");
  measurements.released("n");
  await clock.advance(100);
  return { workload, measurements, first, second };
}

Deno.test("nodes and containers are told in the workload's time, and the first call in a new container is cold", async () => {
  const { measurements, first, second } = await measuredRun();
  assertEquals([first, second], [{ container: 0, start: START.cold }, { container: 0, start: START.warm }]);
  assertEquals(measurements.granted("unknown", 0, true), { container: -1, start: START.waited });
  const { nodes: [before, n], containers: [c] } = measurements.close(6_000);
  assertEquals([before.reservedMs, before.releasedMs], [0, 6_000]);
  assertEquals([n.reservedMs, n.releasedMs], [500, 5_000]);
  assertEquals([c.createdMs, c.readyMs, c.removedMs, c.node], [500, 1_500, 5_000, 1]);
});

Deno.test("a container of a function that the workload has not, or on a node that nobody holds, is none of the run's", () => {
  const measurements = new Measurements(new WorkloadTime(new ManualClock(), 1), [{ id: "f" }]);
  const one = { containerId: "c", functionName: "f", memoryBytes: 1, nodeId: "n" };
  assertEquals(measurements.created(one), undefined);
  measurements.reserved("n", 1);
  assertEquals(measurements.created({ ...one, functionName: "g" }), undefined);
});

Deno.test("of a stopped run the calls that are over count, at the times at which they were sent", async () => {
  const { workload, measurements } = await measuredRun();
  const load = {
    calls: {
      acquireMs: Float64Array.of(1_500, 10, 0),
      executionMs: Float64Array.of(200, 200, 0),
      outcome: Uint8Array.of(OUTCOME.ok, OUTCOME.timeout, OUTCOME.unanswered),
      start: Uint8Array.of(START.cold, START.warm, START.none),
      container: Int32Array.of(0, 0, -1),
    },
    sentMs: Float64Array.of(1, 2_100, 0),
    lateMs: Float64Array.of(1, 100, 0),
    over: Uint8Array.of(1, 1, 0),
    ...{ sent: 2, unsent: 0, errors: [], endMs: 6_000 },
  };
  const result = runResultOf({ policy: "p", seed: 1, workload, load, measurements });
  assertEquals([...result.workload.calls.atMs], [1, 2_100]);
  const { calls, failed, coldStarts, nodeSeconds } = metricsOf(result);
  assertEquals([calls, failed, coldStarts, nodeSeconds], [2, 1, 1, 10.5]);
  const { calls: { atMs }, durationMs } = workloadSoFar(workload, load);
  assertEquals([[...atMs], durationMs], [[0, 2_000], 6_000]);
});

Deno.test("calls end as the score counts them", () => {
  const error = (code: "deadline_exceeded" | "unavailable", failure?: "timeout" | "crash") =>
    new PlatformError(code, "", { failure });
  assertEquals(outcomeOf(undefined, true), OUTCOME.ok);
  assertEquals(outcomeOf(error("deadline_exceeded"), false), OUTCOME.unanswered);
  assertEquals(outcomeOf(error("unavailable"), false), OUTCOME.refused);
  assertEquals(outcomeOf(error("deadline_exceeded", "timeout"), true), OUTCOME.timeout);
  assertEquals(outcomeOf(error("unavailable", "crash"), true), OUTCOME.lost);
});

Deno.test("lateness is told, and warned of where it spoils the figures", () => {
  const late = latenessOf(Float64Array.of(60, 1, 2, 3, 99), 4);
  assertEquals(late, { p50Ms: 2, p99Ms: 60, maxMs: 60 });
  assertEquals([isTooLate(late), isTooLate({ ...late, p99Ms: 50 })], [true, false]);
  assertMatch(latenessWarning("x", late), /^warning: x: .* 60 ms late .* more than 50 ms.*\n$/);
  assertEquals(latenessOf(new Float64Array(0), 0).maxMs, 0);
});

Deno.test("a scheduler is ready that answers, whatever it makes of a lease it has never heard of", async () => {
  const { signal } = new AbortController();
  const answers = [
    new PlatformError("unavailable", "it starts"),
    new PlatformError("deadline_exceeded", "it is slow"),
    new PlatformError("not_found", "no such request"),
  ];
  const release = () => Promise.reject(answers.shift());
  const clock = new ManualClock();
  const ready = schedulerReady({ clock, scheduler: { release }, address: "a:1", signal }, 60_000);
  await clock.advance(1_000);
  await ready;
  assertEquals([answers.length, clock.pending], [0, 0]);
});
