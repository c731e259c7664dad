import { assertEquals } from "@std/assert";
import { onDemand } from "./on_demand.ts";

const fn = { id: 0, memoryKiB: 1_024, timeoutMs: 1_000, concurrencyMax: 1 };
const demand = {
  function: fn,
  nowMs: 0,
  waiting: 1,
  concurrency: 1,
  chargeKiB: 1,
  starting: 0,
  leaving: 0,
  warm: 0,
  inFlight: 0,
};
const policy = onDemand({ containerIdleMs: 60_000, nodeIdleMs: 120_000, containersMin: 1, nodesMin: 0 });

Deno.test("on-demand starts one permit for each waiting invocation, counting what is starting already", () => {
  const start = (waiting: number, concurrency: number, starting: number) =>
    policy.containersToStart({
      function: fn,
      nowMs: 0,
      inFlight: 0,
      leaving: 0,
      waiting,
      concurrency,
      chargeKiB: 1,
      starting,
      warm: 5,
    });
  assertEquals(start(3, 1, 0), 3);
  assertEquals(start(3, 1, 2), 1);
  assertEquals(start(3, 1, 4), 0);
  assertEquals(start(9, 4, 0), 3);
});

Deno.test("on-demand keeps the configured minimum of containers and lets the others go after their idle time", () => {
  assertEquals(policy.keepContainer({ function: fn, nowMs: 0, idleMs: 59_999, warm: 2, onNode: 1, nodes: 1 }), true);
  assertEquals(policy.keepContainer({ function: fn, nowMs: 0, idleMs: 60_000, warm: 2, onNode: 1, nodes: 1 }), false);
  assertEquals(policy.keepContainer({ function: fn, nowMs: 0, idleMs: 1e9, warm: 1, onNode: 1, nodes: 1 }), true);
  assertEquals(
    policy.containersToStart({
      function: fn,
      nowMs: 0,
      inFlight: 0,
      waiting: 0,
      concurrency: 1,
      chargeKiB: 1,
      starting: 0,
      leaving: 0,
      warm: 0,
    }),
    1,
  );
  assertEquals(policy.keepNode({ idleMs: 120_000, nodes: 1 }), false);
});

Deno.test("on-demand makes room on the node whose containers have idled longest, oldest first", () => {
  const room = policy.makeRoom(300, [
    { freeKiB: 100, idle: [{ function: fn, idleMs: 5, kib: 200 }, { function: fn, idleMs: 9, kib: 100 }] },
    {
      freeKiB: 0,
      idle: [{ function: fn, idleMs: 7, kib: 150 }, { function: fn, idleMs: 8, kib: 150 }, {
        function: fn,
        idleMs: 1,
        kib: 999,
      }],
    },
    { freeKiB: 250, idle: [] },
  ], demand);
  assertEquals(room?.candidate, 1);
  assertEquals(room?.containers, [1, 0]);
});

Deno.test("on-demand says so where no node can get enough room", () => {
  assertEquals(
    policy.makeRoom(300, [{ freeKiB: 100, idle: [{ function: fn, idleMs: 5, kib: 100 }] }], demand),
    undefined,
  );
});
