import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { MIB } from "../../base/mod.ts";
import { onDemand } from "../../policy/mod.ts";
import { OUTCOME, START } from "../score/types.ts";
import { evaluationWorkload } from "../workloads/evaluation.ts";
import { CallsBuilder, createWorkload, type Workload } from "../workloads/types.ts";
import { simulate, type SimulateOptions } from "./simulate.ts";

const policy = () => onDemand({ containerIdleMs: 60_000, nodeIdleMs: 120_000, containersMin: 0, nodesMin: 0 });

interface Row {
  readonly atMs: number;
  readonly cpuMs?: number;
  readonly sleepMs?: number;
  readonly peakMiB?: number;
}

/** One function of 256 MiB with these calls. */
function workloadOf(rows: readonly Row[], timeoutMs = 60_000): Workload {
  const calls = new CallsBuilder();
  for (const { atMs, cpuMs = 0, sleepMs = 0, peakMiB = 1 } of rows) {
    calls.add({ functionIndex: 0, atMs, cpuMs, sleepMs, peakBytes: peakMiB * MIB });
  }
  const functions = [{ id: "a", label: "a", memoryBytes: 256 * MIB, timeoutMs }];
  return createWorkload({ name: "test", functions, calls: calls.build() });
}

function run(workload: Workload, rest: Partial<SimulateOptions> = {}) {
  return simulate({ workload, seed: 1, policy: policy(), concurrency: 1, ...rest });
}

/** The first ten thousand calls of the evaluation. */
function head(seed: number): Workload {
  const { functions, calls } = evaluationWorkload(seed);
  const some = new CallsBuilder();
  for (let i = 0; i < 10_000; i++) {
    some.add({
      functionIndex: calls.functionIndex[i],
      atMs: calls.atMs[i],
      cpuMs: calls.cpuMs[i],
      sleepMs: calls.sleepMs[i],
      peakBytes: calls.peakBytes[i],
    });
  }
  return createWorkload({ name: "head", functions, calls: some.build() });
}

Deno.test("the same seed gives the same run, bit for bit, and another one another", async () => {
  const workload = head(1);
  const [a, b, c] = [await run(workload), await run(workload), await run(workload, { seed: 2 })];
  assertEquals(a, b);
  assertNotEquals(a.calls.acquireMs, c.calls.acquireMs);
  assert(a.calls.outcome.every((outcome) => outcome === OUTCOME.ok), "a call failed");
});

Deno.test("a first call waits for node and container, a second finds it warm", async () => {
  const { calls, nodes, containers } = await run(workloadOf([{ atMs: 0, sleepMs: 50 }, { atMs: 3_000, sleepMs: 50 }]));
  assertEquals([...calls.start], [START.cold, START.warm]);
  // 0.5 s and 0.4 core-seconds on a processor of its own, and a few messages.
  assert(calls.acquireMs[0] > 900 && calls.acquireMs[0] < 920, `${calls.acquireMs[0]}`);
  assertEquals(calls.acquireMs[1], 0);
  assert(calls.executionMs[1] > 50 && calls.executionMs[1] < 60, `${calls.executionMs[1]}`);
  assertEquals([nodes.length, containers.length, ...calls.container], [1, 1, 0, 0]);
  assert(containers[0].readyMs > containers[0].createdMs && containers[0].removedMs >= 3_050);
});

Deno.test("starts on one node slow one another", async () => {
  const { calls } = await run(workloadOf(Array.from({ length: 4 }, () => ({ atMs: 0 }))));
  // Four starts of 0.4 core-seconds on two processors.
  for (const acquireMs of calls.acquireMs) assert(acquireMs > 1_300 && acquireMs < 1_320, `${acquireMs}`);
});

Deno.test("calls that share a container share its processors: 26 core-ms at 0.1675 vCPU, twice", async () => {
  const rows = [{ atMs: 0 }, { atMs: 2_000, cpuMs: 26 }, { atMs: 2_000, cpuMs: 26 }];
  const { calls } = await run(workloadOf(rows), { concurrency: 2 });
  assertEquals([...calls.container], [0, 0, 0]);
  for (const executionMs of calls.executionMs.slice(1)) assert(Math.abs(executionMs - 310.5) < 5, `${executionMs}`);
});

Deno.test("calls that hold more than their container may are all stopped for it, and the next gets a new one", async () => {
  const rows = [
    { atMs: 0, sleepMs: 9_000, peakMiB: 200 },
    { atMs: 5_000, sleepMs: 9_000, peakMiB: 200 },
    { atMs: 30_000, peakMiB: 200 },
  ];
  const { calls, containers } = await run(workloadOf(rows), { concurrency: 2 });
  assertEquals([...calls.outcome], [OUTCOME.out_of_memory, OUTCOME.out_of_memory, OUTCOME.ok]);
  assertEquals([...calls.container], [0, 0, 1]);
  assertEquals(containers.map(({ outOfMemory }) => outOfMemory), [true, false]);
});

Deno.test("a call that runs too long is stopped at its timeout", async () => {
  const { calls } = await run(workloadOf([{ atMs: 0, sleepMs: 5_000 }, { atMs: 0, cpuMs: 5_000 }], 1_000));
  assertEquals([...calls.outcome], [OUTCOME.timeout, OUTCOME.timeout]);
  for (const executionMs of calls.executionMs) assert(executionMs >= 1_000 && executionMs < 1_010, `${executionMs}`);
});

Deno.test("without any room a call fails after 60 s", async () => {
  const rows = [{ atMs: 0, sleepMs: 50_000 }, { atMs: 1_000, sleepMs: 60_000 }, { atMs: 2_000 }, { atMs: 3_000 }];
  const { calls, endMs } = await run(workloadOf(rows, 70_000), {
    cluster: { nodesWarm: 1, nodesMax: 1, nodeMemoryBytes: 256 * MIB },
  });
  assertEquals([...calls.outcome], [OUTCOME.ok, OUTCOME.ok, OUTCOME.unanswered, OUTCOME.unanswered]);
  assertEquals(calls.acquireMs[2], 60_000);
  assert(endMs > 110_000 && endMs < 112_000);
});

Deno.test("where nodes and containers often fail to start, every call still comes to its container", async () => {
  const { calls, containers } = await run(head(4), { cluster: { nodeFailureRate: 0.3, startFailureRate: 0.2 } });
  assert(calls.outcome.every((outcome) => outcome === OUTCOME.ok), "a call failed");
  const failed = containers.filter(({ readyMs }) => readyMs === Infinity).length;
  assert(failed > 0 && failed < containers.length / 2, `${failed} of ${containers.length} starts failed`);
});

Deno.test("with lost and doubled messages every call is still answered once, and the books balance", async () => {
  const network = { delayMsMin: 1, delayMsMore: 5, lossRate: 0.05, duplicateRate: 0.05 };
  const { calls } = await run(head(3), { cluster: { network } });
  // A lost message of a node costs nobody the node.
  assert(calls.outcome.every((outcome) => outcome === OUTCOME.ok), "a call failed");
});
