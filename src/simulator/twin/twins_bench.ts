/** What calls cost the thread of the shadow policies: ten functions at 1,000 calls a second, and a second of nothing. */
import { GIB, MIB } from "../../base/mod.ts";
import { baseline, POLICIES } from "../../policy/mod.ts";
import { CALL_NUMBERS, type Observations, writeCall } from "../../scheduler/score/observer.ts";
import { Twins } from "./twins.ts";

const FUNCTIONS = 10;
const CALLS_PER_BATCH = 250;

function feeding() {
  const twins = new Twins({
    policies: [
      { name: "on-demand", role: "acting", create: POLICIES["on-demand"] },
      { name: "baseline", role: "baseline", create: baseline },
    ],
    ...{ lagMs: 1_000, seed: 1, scheduler: { nodesMax: 8 } },
    cluster: { nodesMax: 8, nodesWarm: 8, nodeMemoryBytes: 4 * GIB, startDelayMs: 300, startCpuMs: 0 },
    capacity: { nodes: 16, containers: 2_048, functions: 64, leases: 8_192, tickets: 4_096, ringDepth: 1_024 },
  });
  const functions = Array.from({ length: FUNCTIONS }, (_, slot) => ({
    slot,
    spec: {
      ...{ accountId: "default", functionName: `f${slot}`, handler: "", memoryBytes: 128 * MIB, timeoutMs: 60_000 },
      ...{ codeHash: "", version: 1, concurrency: 1, allowNet: [] },
    },
  }));
  let nowMs = 0;
  return async (count: number) => {
    const calls = new Float64Array(count * CALL_NUMBERS);
    for (let i = 0; i < count; i++) {
      const call = { slot: i % FUNCTIONS, arrivedMs: nowMs + i, waitedMs: 0, durationMs: 50, cpuMs: 0, peakKiB: 0 };
      writeCall(calls, i * CALL_NUMBERS, { ...call, answered: true });
    }
    const batch: Observations = {
      ...{ nowMs: nowMs += 250, functions: nowMs === 250 ? functions : [], calls, nodes: [], dropped: 0 },
      ...{ startMs: 0, idleBytes: 0, nodeBytes: 0, nodesMax: 0 },
    };
    await twins.take(batch);
  };
}

const [busy, idle] = [feeding(), feeding()];
// Containers come up first: what follows is warm.
for (let n = 0; n < 40; n++) await busy(CALLS_PER_BATCH);
Deno.bench("250 calls through the twins of two policies", async () => await busy(CALLS_PER_BATCH));
Deno.bench("250 ms without a call for both", async () => await idle(0));
