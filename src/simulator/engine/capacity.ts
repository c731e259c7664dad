import { FUNCTION_MEMORY_BYTES_MIN } from "../../base/mod.ts";
import { type Capacity, RANKS_PER_FUNCTION } from "../../core/mod.ts";
import type { ClusterOptions } from "../cluster/options.ts";
import type { Workload } from "../workloads/types.ts";

/** Cells of all waiting rings together: 16 MiB. */
const RING_CELLS = 1 << 22;
const RING_DEPTH_MIN = 32;
const RING_DEPTH_MAX = 4_096;
const LEASES_MIN = 1 << 10;
const LEASES_MAX = 1 << 22;
/** The lease table is walked through once a second, so it is no larger than what can be open at once may need. */
const OPEN_MS = 90_000;
/** Its buckets fill unevenly. */
const LEASES_PER_OPEN_CALL = 2;
const FUNCTIONS_MAX = 1 << 20;
const CONTAINERS_MAX = 1 << 22;

/** Tables large enough for a workload on a cluster, and not much larger. */
export function capacityFor({ functions, calls }: Workload, cluster: ClusterOptions): Capacity {
  const functionCount = Math.min(FUNCTIONS_MAX, functions.length);
  const containersPerNode = Math.ceil(cluster.nodeMemoryBytes / FUNCTION_MEMORY_BYTES_MIN);
  const leases = between(LEASES_MIN, powerOfTwo(mostWithin(calls.atMs, OPEN_MS) * LEASES_PER_OPEN_CALL), LEASES_MAX);
  return {
    // One may be on its way out while another comes.
    nodes: cluster.nodesMax * 2,
    containers: Math.min(CONTAINERS_MAX, cluster.nodesMax * 2 * containersPerNode, functionCount * RANKS_PER_FUNCTION),
    functions: functionCount,
    leases,
    tickets: Math.min(leases, 1 << 19),
    ringDepth: between(RING_DEPTH_MIN, powerOfTwo(RING_CELLS / functionCount / 2), RING_DEPTH_MAX),
  };
}

function between(min: number, value: number, max: number): number {
  return Math.min(max, Math.max(min, value));
}

/** The most calls that arrive in any stretch of so many milliseconds. */
function mostWithin(atMs: Float64Array, stretchMs: number): number {
  let most = 0, from = 0;
  for (let to = 0; to < atMs.length; to++) {
    while (atMs[to] - atMs[from] > stretchMs) from++;
    most = Math.max(most, to - from + 1);
  }
  return most;
}

/** The least power of two that is not below `value`. */
function powerOfTwo(value: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, value)));
}
