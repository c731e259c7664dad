import { assert, assertEquals, assertLessOrEqual } from "@std/assert";
import { chaos, OWN_SOCKETS_MAX } from "./run.ts";

Deno.test("connections killed at random take nothing with them: no lease, no socket, no one else's call", async () => {
  const seed = crypto.getRandomValues(new Uint32Array(1))[0];
  const { faults, calls, survivorCalls, before, after, leases, waiting } = await chaos({
    ...{ seed, seconds: 2, connections: 60, leavers: 20, patient: false },
  }).catch((error) => {
    console.error(`deno task chaos --seconds 2 --connections 60 --seed ${seed}`);
    throw error;
  });
  assertEquals(faults, []);
  assert(calls > 0 && survivorCalls > 0, `${calls} calls, ${survivorCalls} of survivors`);
  assertEquals([leases, waiting], [0, 0]);
  assertLessOrEqual(after.sockets, before.sockets + OWN_SOCKETS_MAX);
});
