import { FUNCTION_MEMORY_BYTES_MIN, MIB, type Random, seededRandom } from "../../base/mod.ts";
import { POLICIES } from "../../policy/mod.ts";
import { type ClusterOptions, DEFAULT_CLUSTER } from "../cluster/options.ts";
import { exponential } from "../workloads/draw.ts";
import { CallsBuilder, createWorkload, type Workload } from "../workloads/types.ts";

/** What goes wrong, and when. `of` chooses among what is there at that moment. */
export interface Fault {
  readonly atMs: number;
  readonly kind: FaultKind;
  readonly of: number;
  /** For those that last: how long. */
  readonly forMs: number;
}

export const FAULT_KINDS = [
  "node-crash",
  "agent-restart",
  "messages-lost",
  "messages-doubled",
  "slow-starts",
  "clock-jump",
  "manager-down",
  "manager-refuses",
  "scheduler-restart",
] as const;
export type FaultKind = (typeof FAULT_KINDS)[number];

/** All that one seed stands for. */
export interface Scenario {
  readonly seed: number;
  readonly workload: Workload;
  readonly cluster: ClusterOptions;
  readonly policy: string;
  /** Invocations that owners allow in one container. */
  readonly concurrency: number;
  readonly faults: readonly Fault[];
  /** Share of the calls whose caller dies while they run. */
  readonly forgetRate: number;
}

/** How long calls and faults come, in milliseconds. */
const DURATION_MS = 40_000;
const FUNCTIONS_MAX = 5;
const FAULTS_MAX = 8;

/** What a seed stands for: always the same. */
export function scenarioOf(seed: number): Scenario {
  const random = seededRandom(seed);
  const pick = <T>(values: readonly T[]): T => values[random.below(values.length)];
  const network = { delayMsMin: 0.3, delayMsMore: pick([0.2, 5, 50]), lossRate: 0, duplicateRate: 0 };
  const nodesMax = 1 + random.below(5);
  return {
    seed,
    workload: workloadOf(random),
    cluster: {
      ...DEFAULT_CLUSTER,
      nodesWarm: 1 + random.below(nodesMax),
      nodesMax,
      refillMs: pick([1_000, 5_000, 30_000]),
      nodeMemoryBytes: pick([256, 512, 1_024]) * MIB,
      startDelayMs: pick([10, 500, 3_100]),
      overcommitMax: pick([1, 1, 1.5]),
      nodeFailureRate: pick([0, 0, 0.2]),
      startFailureRate: pick([0, 0, 0.2]),
      network,
    },
    policy: pick(Object.keys(POLICIES)),
    concurrency: pick([1, 2, 10, 255]),
    faults: Array.from({ length: Math.max(0, random.below(FAULTS_MAX + 3) - 2) }, () => ({
      atMs: random.float() * DURATION_MS,
      kind: pick(FAULT_KINDS),
      of: random.below(1_000),
      forMs: random.float() * 8_000,
    })).sort((a, b) => a.atMs - b.atMs),
    forgetRate: pick([0, 0, 0.02]),
  };
}

function workloadOf(random: Random): Workload {
  const calls = new CallsBuilder();
  const functions = Array.from({ length: 1 + random.below(FUNCTIONS_MAX) }, (_, functionIndex) => {
    const memoryBytes = Math.max(FUNCTION_MEMORY_BYTES_MIN, [64, 128, 250][random.below(3)] * MIB);
    const timeoutMs = 500 + random.below(5_000);
    const gapMs = [100, 400, 3_000][random.below(3)];
    const burst = 1 + random.below(8);
    const sleepMs = [0, 20, 900][random.below(3)];
    const cpuMs = random.below(3) === 0 ? 20 : 0;
    for (
      let atMs = exponential(random, gapMs * burst);
      atMs < DURATION_MS;
      atMs += exponential(random, gapMs * burst)
    ) {
      for (let i = random.below(burst); i >= 0; i--) {
        // Now and then one that runs too long, or holds too much.
        const sleepsMs = random.below(100) === 0 ? timeoutMs + 1 : sleepMs * 2 * random.float();
        const peakBytes = random.below(200) === 0 ? memoryBytes : random.float() * 20 * MIB;
        calls.add({ functionIndex, atMs, cpuMs, sleepMs: sleepsMs, peakBytes });
      }
    }
    return { id: `f${functionIndex}`, label: `f${functionIndex}`, memoryBytes, timeoutMs };
  });
  return createWorkload({ name: "random", functions, calls: calls.build(), durationMs: DURATION_MS + 1 });
}
