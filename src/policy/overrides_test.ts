import { assertEquals } from "@std/assert";
import { POLICIES } from "./catalog.ts";
import { testPolicy } from "./contract.ts";
import { onDemand } from "./on_demand.ts";
import { override } from "./overrides.ts";

const fn = { id: 0, memoryKiB: 131_072, timeoutMs: 60_000, concurrencyMax: 1 };
const plain = () => onDemand({ containerIdleMs: 1_000, nodeIdleMs: 2_000, containersMin: 0, nodesMin: 0 });
const idle = { function: fn, nowMs: 0, idleMs: 1e9, warm: 2, onNode: 1, nodes: 1 };
const none = { starting: 0, warm: 0, leaving: 0, inFlight: 0 };
const demand = { function: fn, nowMs: 0, concurrency: 1, chargeKiB: 1, waiting: 1, ...none };

Deno.test("a minimum of containers is started with the first one, and kept however long it idles", () => {
  const policy = override(plain(), { containersMin: 2 });
  assertEquals(policy.containersToStart(demand), 2);
  assertEquals(policy.containersToStart({ ...demand, waiting: 5 }), 5);
  assertEquals(policy.containersToStart({ ...demand, waiting: 0, leaving: 1 }), 2, "those on a node that goes");
  assertEquals(policy.containersToStart({ ...demand, waiting: 0 }), 0, "it is not used");
  assertEquals([1, 2, 3].map((warm) => policy.keepContainer({ ...idle, warm })), [true, true, false]);
});

Deno.test("a node without containers is kept as long as was asked for, else as the policy wants", () => {
  const keeps = (policy: ReturnType<typeof plain>) =>
    [1_500, 5_000].map((idleMs) => policy.keepNode({ idleMs, nodes: 1 }));
  assertEquals(keeps(override(plain(), {})), [true, false]);
  assertEquals(keeps(override(plain(), { nodeIdleMs: 10_000 })), [true, true]);
  assertEquals(keeps(override(plain(), { nodeIdleMs: 0 })), [false, false]);
});

testPolicy("adaptive, overridden", () => override(POLICIES.adaptive(), { containersMin: 1, nodeIdleMs: 1_000 }));
