/**
 * A burst for few permits: thousands of acquires of one function at once by our own client, each execution timed from
 * its grant and then returned. What counts is the order, the time and what the ingress thread felt.
 */
import { createClient } from "@connectrpc/connect";
import { Scheduler } from "../../../gen/schedulerproto/scheduler_pb.ts";
import { ClusterService } from "../../../gen/minifaas/admin/v1/cluster_pb.ts";
import { MIB } from "../../base/mod.ts";
import { createClientTransport } from "../../rpc/mod.ts";
import { type Http2, startScheduler } from "./servers.ts";
import type { ThreadFigures } from "./server_channel.ts";

export interface PermitsOptions {
  readonly http2: Http2;
  readonly acquires: number;
  /** A multiple of {@linkcode CONCURRENCY}. */
  readonly permits: number;
  readonly executionMs: number;
  /** Bursts one after another; figures are of the later ones, heap growth from the second to the last. */
  readonly bursts: number;
}

export interface Burst {
  /** From the first acquire sent to the end of the last execution. */
  readonly elapsedMs: number;
  /** Acquires whose grant came after that of one sent later. */
  readonly overtaken: number;
  readonly failed: number;
  readonly thread: ThreadFigures;
}

export interface PermitsResults {
  /** `acquires / permits` executions one after another. */
  readonly idealMs: number;
  readonly bursts: readonly Burst[];
  /** What the ingress thread holds more after the last burst than after the second. */
  readonly heapGrowthBytes: number;
  /** After the last return. */
  readonly leases: number;
  readonly waiting: number;
}

/** Invocations that share a container. */
export const CONCURRENCY = 10;
const CONTAINER_MIB = 128;
const TIMEOUT_MS = 60_000;

export async function measurePermits(options: PermitsOptions): Promise<PermitsResults> {
  const { acquires, permits, executionMs } = options;
  // The node has room for so many containers and no more: that is what makes the permits few.
  const nodeMib = permits / CONCURRENCY * CONTAINER_MIB;
  const server = await startScheduler({ http2: options.http2, nodes: 1, nodeMib });
  const { transport, close } = createClientTransport({ address: server.address });
  try {
    const scheduler = createClient(Scheduler, transport);
    const round = async (name: string, count: number): Promise<Omit<Burst, "thread">> => {
      let last = -1, overtaken = 0, failed = 0, endedMs = 0;
      const startedMs = performance.now();
      await Promise.all(Array.from({ length: count }, async (_, n) => {
        const requestId = `${name}-${n}`;
        try {
          const { containerId } = await scheduler.acquireContainer({
            ...{ requestId, accountId: "default", functionName: "burst" },
            functionConfig: {
              timeoutInMs: BigInt(TIMEOUT_MS),
              memoryInBytes: BigInt(CONTAINER_MIB * MIB),
              concurrency: BigInt(CONCURRENCY),
            },
          }, { timeoutMs: TIMEOUT_MS });
          if (n < last) overtaken++;
          last = Math.max(last, n);
          await new Promise((resolve) => setTimeout(resolve, executionMs));
          endedMs = performance.now();
          await scheduler.returnContainer({ requestId, containerId, durationInNanos: BigInt(executionMs * 1e6) });
        } catch {
          failed++;
        }
      }));
      return { elapsedMs: endedMs - startedMs, overtaken, failed };
    };
    // Starts every container there is room for.
    await round("warm", permits);
    const bursts: Burst[] = [];
    for (let n = 0; n < options.bursts; n++) {
      await server.ask("reset");
      const burst = await round(`burst${n}`, acquires);
      bursts.push({ ...burst, thread: (await server.ask("figures"))! });
    }
    const { leases, waiting } = await createClient(ClusterService, transport).getSummary({});
    const heapGrowthBytes = bursts.at(-1)!.thread.heapBytes - bursts[Math.min(1, bursts.length - 1)].thread.heapBytes;
    const idealMs = acquires / permits * executionMs;
    return { idealMs, bursts, heapGrowthBytes, leases: Number(leases), waiting: Number(waiting) };
  } finally {
    close();
    await server.close();
  }
}
