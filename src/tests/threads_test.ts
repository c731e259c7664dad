import { assert, assertEquals } from "@std/assert";
import { createClient } from "@connectrpc/connect";
import { Scheduler as SchedulerService } from "../../gen/schedulerproto/scheduler_pb.ts";
import { createClientTransport } from "../rpc/mod.ts";
import { callJson, cli, type Platform, summaryOf, until, withPlatform } from "./program.ts";

const ACQUIRES = 600;
const PERMITS = 100;
const CONNECTIONS = 6;
/** How long each holds what it got. */
const HOLD_MS = 20;

Deno.test("a burst over the threads of the scheduler's port: every acquire is answered, in order, nothing is left", async () => {
  await withPlatform(["--workers=3", "--queue-depth=4096"], async (platform) => {
    const functionConfig = await deploySleep(platform);
    const address = platform.ready.scheduler;
    const transports = Array.from({ length: CONNECTIONS }, () => createClientTransport({ address }));
    const clients = transports.map(({ transport }) => createClient(SchedulerService, transport));
    const base = { accountId: "default", functionName: "sleep", functionConfig };
    try {
      const first = await clients[0].acquireContainer({ ...base, requestId: "first" });
      await clients[1].returnContainer({ requestId: "first", containerId: first.containerId });

      const served: number[] = [];
      await Promise.all(Array.from({ length: ACQUIRES }, async (_, n) => {
        const requestId = `burst-${n}`;
        const { containerId } = await clients[n % CONNECTIONS].acquireContainer({ ...base, requestId });
        served.push(n);
        await new Promise((resolve) => setTimeout(resolve, HOLD_MS));
        // Given back on another connection, and so perhaps on another thread.
        await clients[(n + 1) % CONNECTIONS].returnContainer({ requestId, containerId });
      }));
      assertEquals(served.length, ACQUIRES);
      // Connections are read one after the other: about in order is all that a caller can see.
      const early = served.slice(0, ACQUIRES / 2);
      assert(average(early) < average(served.slice(ACQUIRES / 2)), "who came first is served first");

      const summary = await until("no lease", () => summaryOf(platform.scheduler), ({ leases }) => !leases);
      assertEquals([summary.acquires, summary.releases, summary.waiting ?? 0], [ACQUIRES + 1, ACQUIRES + 1, 0]);
    } finally {
      for (const { close } of transports) close();
    }
  });
});

/** Deploys one container's worth of permits and answers the configuration to acquire it with. */
async function deploySleep(platform: Platform) {
  const server = `--server=${platform.ready.apiserver}`;
  const { code, err } = await cli("deploy", "src/examples/sleep", server, `--concurrency=${PERMITS}`);
  assertEquals(code, 0, err);
  const method = "minifaas.admin.v1.FunctionService/DescribeFunction";
  const { function: deployed } = await callJson(platform.url, method, { functionName: "sleep" });
  return {
    timeoutInMs: BigInt(deployed.timeoutInMs),
    memoryInBytes: BigInt(deployed.memoryInBytes),
    concurrency: BigInt(PERMITS),
    codeHash: deployed.codeHash,
    version: BigInt(deployed.version),
  };
}

function average(numbers: readonly number[]): number {
  return numbers.reduce((sum, n) => sum + n, 0) / numbers.length;
}
