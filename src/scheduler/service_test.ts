/** The scheduler's handlers and client over Connect's in-memory transport. */
import { Code, ConnectError, createClient, createRouterTransport, type Interceptor } from "@connectrpc/connect";
import { assertEquals } from "@std/assert";
import { Scheduler as SchedulerService } from "../../gen/schedulerproto/scheduler_pb.ts";
import { assert, MIB, PlatformError } from "../base/mod.ts";
import { createSchedulerClient } from "./client.ts";
import type { Grant, ReleaseRequest, SchedulerPort, Summary } from "./ports.ts";
import type { ScoreView } from "./score/view.ts";
import { schedulerRoutes } from "./service.ts";
import { returned, spec, watch, withScheduler } from "./testing.ts";

/** A scheduler that must not be reached. */
const nobody = new Proxy({} as SchedulerPort, {
  get: (_, name) => () => Promise.reject(new Error(`${String(name)} was called`)),
});

/** A client of that scheduler, and what its handlers threw at the last call: turning it into a status is rpc's part. */
function refusing() {
  let thrown: unknown;
  const keep: Interceptor = (next) => async (request) => {
    try {
      return await next(request);
    } catch (error) {
      throw thrown = error;
    }
  };
  const router = { interceptors: [keep] };
  const client = createClient(SchedulerService, createRouterTransport(schedulerRoutes(nobody), { router }));
  const refusal = async (call: Promise<unknown>): Promise<PlatformError> => {
    thrown = undefined;
    await call.catch(() => {});
    assert(thrown instanceof PlatformError, `it was not refused: ${thrown}`);
    return thrown;
  };
  return { client, refusal };
}

Deno.test("every invalid field of an acquire is refused by its name", async () => {
  const { client, refusal } = refusing();
  const config = { timeoutInMs: 1_000n, memoryInBytes: 128n * 1024n * 1024n, handler: "" };
  const good = { requestId: "a", accountId: "default", functionName: "hello", functionConfig: config };
  const withConfig = (part: Record<string, unknown>) => ({ ...good, functionConfig: { ...config, ...part } });
  const wrong: [Parameters<typeof client.acquireContainer>[0], string][] = [
    [{ ...good, requestId: "" }, "request_id is missing"],
    [{ ...good, requestId: "x".repeat(129) }, "request_id"],
    [{ ...good, accountId: "" }, "account_id is missing"],
    [{ ...good, functionName: "" }, "function_name is missing"],
    [{ ...good, functionName: "Not A Name" }, "function_name"],
    [{ ...good, functionConfig: undefined }, "function_config is missing"],
    [withConfig({ memoryInBytes: 0n }), "function_config.memory_in_bytes is 0"],
    [withConfig({ memoryInBytes: -1n }), "function_config.memory_in_bytes is -1"],
    [withConfig({ memoryInBytes: 2n ** 63n - 1n }), "function_config.memory_in_bytes"],
    [withConfig({ timeoutInMs: 0n }), "function_config.timeout_in_ms is 0"],
    [withConfig({ timeoutInMs: -7n }), "function_config.timeout_in_ms is -7"],
    [withConfig({ timeoutInMs: 2n ** 62n }), "function_config.timeout_in_ms"],
    [withConfig({ handler: "not a name" }), "function_config.handler"],
    [withConfig({ concurrency: 256n }), "function_config.concurrency is 256"],
    [withConfig({ concurrency: -1n }), "function_config.concurrency is -1"],
    [withConfig({ codeHash: "xyz" }), "function_config.code_hash"],
    [withConfig({ allowNet: ["http://x"] }), "function_config.allow_net"],
  ];
  for (const [request, message] of wrong) {
    const error = await refusal(client.acquireContainer(request));
    assertEquals(error.code, "invalid_argument");
    assert(error.message.startsWith(message), error.message);
  }
});

Deno.test("every invalid field of a return is refused by its name", async () => {
  const { client, refusal } = refusing();
  const wrong: [Parameters<typeof client.returnContainer>[0], string][] = [
    [{ requestId: "" }, "request_id is missing"],
    [{ requestId: "a", containerId: "x".repeat(129) }, "container_id"],
    [{ requestId: "a", durationInNanos: -1n }, "duration_in_nanos is -1"],
    [{ requestId: "a", maxMemoryUsageInBytes: -1n }, "max_memory_usage_in_bytes is -1"],
  ];
  for (const [request, message] of wrong) {
    const error = await refusal(client.returnContainer(request));
    assert(error.message.startsWith(message), error.message);
  }
});

Deno.test("a cold start crosses the wire with its stages; a return, the nodes, containers and counters with it", () =>
  withScheduler(async ({ scheduler, clock }) => {
    const client = createSchedulerClient(createRouterTransport(schedulerRoutes(scheduler)));
    const settle = async (times = 20) => {
      // Connect's own steps are tasks, not microtasks; the clock moves between them.
      for (let i = 0; i < times; i++) {
        await new Promise((resolve) => setTimeout(resolve, 0));
        await clock.advance(100);
      }
    };
    const acquired = watch(client.acquire({ requestId: "a", function: spec() }, {}));
    await settle();
    const grant = acquired.value!;
    assertEquals([grant.nodeId, grant.nodeAddress, grant.nodePort], ["node-1", "10.0.0.1", 10_300]);
    assertEquals(grant.coldStart, { reserveNodeMs: 22, createMs: 500, bootMs: 10, importMs: 5 });
    assertEquals(grant.queuedMs, 522);

    const [node] = await client.listNodes();
    assertEquals([node.phase, node.memoryBytes, node.freeBytes], ["ready", 1_024 * MIB, 896 * MIB]);
    const [container] = await client.listContainers({ functionName: "hello" });
    assertEquals([container.phase, container.inFlight, container.containerId], ["warm", 1, grant.containerId]);
    assertEquals(await client.listContainers({ functionName: "other" }), []);
    assertEquals(await client.summary(), await scheduler.summary());

    await client.release(returned("a", grant.containerId));
    const { leases, releases, acquires, coldStarts } = await client.summary();
    assertEquals({ leases, releases, acquires, coldStarts }, { leases: 0, releases: 1, acquires: 1, coldStarts: 1 });
    const warm = await client.acquire({ requestId: "b", function: spec() }, {});
    assertEquals([warm.queuedMs, warm.coldStart], [0, undefined]);
  }));

/** A scheduler whose acquire does as told. */
function acquiring(acquire: SchedulerPort["acquire"]) {
  const releases: ReleaseRequest[] = [];
  const port: SchedulerPort = {
    acquire,
    release: (request) => Promise.resolve(void releases.push(request)),
    listNodes: () => Promise.resolve([]),
    listContainers: () => Promise.resolve([]),
    explain: () => Promise.resolve([]),
    summary: () => Promise.resolve({} as Summary),
    score: () => Promise.resolve({} as ScoreView),
  };
  return { releases, client: createSchedulerClient(createRouterTransport(schedulerRoutes(port))) };
}

Deno.test("an acquire gets a little less time than its caller has, so that the caller hears why it failed", async () => {
  const told: (number | undefined)[] = [];
  const { client } = acquiring((_, { timeoutMs }) => {
    told.push(timeoutMs);
    return Promise.reject(new PlatformError("deadline_exceeded", "none was free"));
  });
  const call = (timeoutMs?: number) =>
    client.acquire({ requestId: "a", function: spec() }, { timeoutMs }).catch((error) => error);
  for (const timeoutMs of [10_000, 200, undefined]) await call(timeoutMs);
  const [long, short, none] = told;
  assert(long! <= 9_950 && long! > 9_000, `${long}`);
  assert(short! <= 180 && short! > 0, `${short}`);
  assertEquals(none, undefined);
});

Deno.test("a container granted to a caller that has left is given back at once", async () => {
  const leaving = new AbortController();
  const granted = Promise.withResolvers<Grant>();
  const reached = Promise.withResolvers<void>();
  const { client, releases } = acquiring(() => {
    reached.resolve();
    return granted.promise;
  });
  const call = client.acquire({ requestId: "a", function: spec() }, { signal: leaving.signal });
  const ended = call.catch((error) => ConnectError.from(error).code);
  await reached.promise;
  leaving.abort();
  assertEquals(await ended, Code.Canceled);
  granted.resolve({ nodeId: "n", nodeAddress: "x", nodePort: 1, containerId: "c", queuedMs: 0 });
  for (let i = 0; i < 20 && releases.length === 0; i++) await Promise.resolve();
  assertEquals(releases.map((r) => [r.requestId, r.containerId]), [["a", "c"]]);
});
