import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { ManualClock, PlatformError, silentLog } from "../base/mod.ts";
import { NodePool } from "./pool.ts";
import { FakeProvider } from "./testing.ts";

type Step =
  | { kind: "reserve"; pick: number }
  | { kind: "release"; pick: number }
  | { kind: "kill"; pick: number }
  | { kind: "advance"; ms: number }
  | { kind: "hold"; on: boolean }
  | { kind: "fail"; times: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("reserve" as const), pick: fc.nat(20) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("release" as const), pick: fc.nat(20) }) },
  fc.record({ kind: fc.constant("kill" as const), pick: fc.nat(20) }),
  { weight: 4, arbitrary: fc.record({ kind: fc.constant("advance" as const), ms: fc.nat(3_000) }) },
  fc.record({ kind: fc.constant("hold" as const), on: fc.boolean() }),
  fc.record({ kind: fc.constant("fail" as const), times: fc.nat(3) }),
);

Deno.test("whatever happens: never more nodes than allowed, never one leased twice, full again when it is over", async () => {
  const shape = fc.record({ warm: fc.nat(3), max: fc.integer({ min: 3, max: 6 }), refillDelayMs: fc.nat(1_000) });
  await fc.assert(
    fc.asyncProperty(shape, fc.array(step, { maxLength: 60 }), async (options, steps) => {
      const clock = new ManualClock();
      const provider = new FakeProvider();
      const pool = new NodePool({ provider, clock, log: silentLog(clock), ...options });
      /** Our own account: request id → node. */
      const leases = new Map<string, string>();
      const everLeased = new Set<string>();
      const letGo = () => {
        provider.hold = false;
        for (const resume of provider.waiting.splice(0)) resume();
      };
      const check = () => {
        assert(pool.counts().total <= options.max, "more nodes than allowed");
        assert(provider.alive.size <= options.max, "more machines than allowed");
        const held = pool.usage().filter((lease) => lease.releasedAtMs === 0).map((lease) => lease.nodeId);
        assertEquals(held.toSorted(), [...leases.values()].toSorted());
      };
      for (const one of steps) {
        if (one.kind === "reserve") {
          const requestId = `r${one.pick}`;
          try {
            const { nodeId } = pool.reserve(requestId, "a");
            if (leases.has(requestId)) assertEquals(nodeId, leases.get(requestId));
            else assert(!everLeased.has(nodeId), "a node is leased again without having been cleaned");
            leases.set(requestId, nodeId);
            everLeased.add(nodeId);
          } catch (error) {
            assert(error instanceof PlatformError && error.code === "resource_exhausted", String(error));
          }
        } else if (one.kind === "release") {
          const [requestId, nodeId] = [...leases][one.pick % Math.max(1, leases.size)] ?? ["", "nobody"];
          pool.release(nodeId);
          pool.release(nodeId);
          leases.delete(requestId);
        } else if (one.kind === "kill") {
          const nodeId = [...provider.alive.keys()][one.pick % Math.max(1, provider.alive.size)] ?? "";
          provider.kill(nodeId);
          for (const [requestId, held] of leases) if (held === nodeId) leases.delete(requestId);
        } else if (one.kind === "advance") await clock.advance(one.ms);
        else if (one.kind === "fail") provider.failStarts = one.times;
        else if (one.on) provider.hold = true;
        else letGo();
        check();
      }
      letGo();
      provider.failStarts = 0;
      for (const nodeId of leases.values()) pool.release(nodeId);
      leases.clear();
      await clock.advance(120_000);
      check();
      assert(pool.counts().ready >= options.warm, "the pool is not full again");
      assertEquals(pool.counts().total, provider.alive.size, "a machine nobody knows of");
      await pool.close();
      assertEquals(clock.pending, 0);
    }),
    { numRuns: 150 },
  );
});
