import { assertEquals, assertRejects } from "@std/assert";
import { ConnectError, createClient, createRouterTransport } from "@connectrpc/connect";
import { ResourceManager } from "../../gen/resourcemanagerproto/resourcemanager_pb.ts";
import { ManualClock, PlatformError, silentLog } from "../base/mod.ts";
import { createResourceManagerClient, localResourceManager, NodePool, resourceManagerRoutes } from "./mod.ts";
import { FakeProvider } from "./testing.ts";

async function setUp() {
  const clock = new ManualClock();
  const provider = new FakeProvider();
  const pool = new NodePool({ provider, clock, log: silentLog(clock), warm: 1, max: 1, refillDelayMs: 0 });
  await clock.advance(0);
  return { pool, clock, transport: createRouterTransport(resourceManagerRoutes(pool)) };
}

Deno.test("a client reserves, lists and releases a node over the wire", async () => {
  const { pool, transport, clock } = await setUp();
  const client = createResourceManagerClient(transport);
  const lease = await client.reserveNode({ requestId: "r1", accountId: "a" });
  assertEquals(lease, pool.usage()[0]);
  assertEquals(lease.reservedAtMs, clock.wallMs());
  assertEquals(await client.getNodesUsage({ requestId: "r2" }), [lease]);
  await client.releaseNode({ requestId: "r3", nodeId: lease.nodeId });
  const [ended] = await client.getNodesUsage({ requestId: "r4" });
  assertEquals(ended.releasedAtMs, clock.wallMs());
});

Deno.test("what is missing is named", async () => {
  const { pool } = await setUp();
  const manager = localResourceManager(pool);
  const refused = async (call: Promise<unknown>, message: string) => {
    const error = await assertRejects(() => call, PlatformError, message);
    assertEquals(error.code, "invalid_argument");
  };
  await refused(manager.reserveNode({ requestId: "", accountId: "a" }), "request_id is missing");
  await refused(manager.reserveNode({ requestId: "r", accountId: "" }), "account_id is missing");
  await refused(manager.reserveNode({ requestId: "r".repeat(129), accountId: "a" }), "must be 1 to 128 characters");
  await refused(manager.releaseNode({ requestId: "", nodeId: "n" }), "request_id is missing");
  await refused(manager.releaseNode({ requestId: "r", nodeId: "" }), "id is missing");
  await refused(manager.getNodesUsage({ requestId: "" }), "request_id is missing");
  assertEquals(pool.counts().ready, 1);
});

Deno.test("an answer that nobody can use is refused by the client", async () => {
  const transport = createRouterTransport(({ service }) => {
    service(ResourceManager, { reserveNode: ({ requestId }) => requestId === "none" ? {} : { node: { id: "n" } } });
  });
  const client = createResourceManagerClient(transport);
  await assertRejects(() => client.reserveNode({ requestId: "none", accountId: "a" }), PlatformError, "without a node");
  await assertRejects(() => client.reserveNode({ requestId: "r", accountId: "a" }), PlatformError, "nobody can use");
});

Deno.test("an empty pool is refused over the wire at once", async () => {
  const { pool, transport } = await setUp();
  pool.reserve("r1", "a");
  const client = createClient(ResourceManager, transport);
  // Without rpc/ around it Connect knows no PlatformError; that it comes at once is what counts here.
  await assertRejects(() => client.reserveNode({ requestId: "r2", accountId: "a" }), ConnectError);
});
