import { MIB, type Random } from "../../base/mod.ts";
import { CallsBuilder, createWorkload, type Workload } from "../workloads/types.ts";

/** Five functions that sleep, called in bursts for four minutes. */
export function bursty(random: Random): Workload {
  const functions = [0, 1, 2, 3, 4].map((at) => ({
    ...{ id: `f${at}`, label: `f${at}`, memoryBytes: [128, 256][at % 2] * MIB, timeoutMs: 60_000 },
  }));
  const calls = new CallsBuilder();
  for (let atMs = 1_000; atMs < 240_000; atMs += 500 + 4_000 * random.float()) {
    const functionIndex = random.below(functions.length);
    for (let n = random.below(6); n >= 0; n--) {
      const sleepMs = 20 + 3_000 * random.float() ** 2;
      calls.add({ functionIndex, atMs: atMs + 20 * random.float(), cpuMs: 0, sleepMs, peakBytes: 2 * MIB });
    }
  }
  return createWorkload({ name: "bursty", functions, calls: calls.build(), durationMs: 240_000 });
}
