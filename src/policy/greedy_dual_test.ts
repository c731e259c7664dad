import { assertEquals } from "@std/assert";
import { greedyDual } from "./greedy_dual.ts";
import type { FunctionFacts, Policy, RoomContainer } from "./policy.ts";

const MIB = 1_024;
const fn = (id: number, mib = 256): FunctionFacts => ({
  id,
  memoryKiB: mib * MIB,
  timeoutMs: 60_000,
  concurrencyMax: 1,
});
const idle = (function_: FunctionFacts, idleMs: number): RoomContainer => {
  return { function: function_, idleMs, kib: function_.memoryKiB };
};

function demand(function_: FunctionFacts, nowMs: number, warm = 1) {
  return {
    function: function_,
    nowMs,
    concurrency: 1,
    waiting: 1,
    chargeKiB: 1,
    starting: 0,
    leaving: 0,
    warm,
    inFlight: warm,
  };
}

/** Calls of a function, `startMs` being what one of its starts took. */
function call(policy: Policy, function_: FunctionFacts, times: number, startMs = 1_000): void {
  policy.started!(function_, startMs, 0);
  for (let i = 0; i < times; i++) policy.arrived!(function_, { atMs: i, waitedMs: 0, waitingBefore: 0, isCold: false });
}

/** Which of these on one node go for 256 MiB at `nowMs`. */
function victims(policy: Policy, containers: RoomContainer[], nowMs = 1_000): readonly number[] {
  const candidates = [{ freeKiB: 0, idle: containers }];
  return policy.makeRoom(256 * MIB, candidates, demand(fn(99), nowMs))!.containers;
}

Deno.test("greedy-dual removes what is called least, though it was used last", () => {
  const policy = greedyDual();
  call(policy, fn(1), 100);
  call(policy, fn(2), 2);
  assertEquals(victims(policy, [idle(fn(1), 900), idle(fn(2), 1)]), [1]);
});

Deno.test("greedy-dual keeps what starts slowly, and what is small", () => {
  const slow = greedyDual();
  for (let i = 0; i < 20; i++) call(slow, fn(1), 1, 5_000);
  for (let i = 0; i < 20; i++) call(slow, fn(2), 1, 500);
  assertEquals(victims(slow, [idle(fn(1), 9), idle(fn(2), 9)]), [1]);
  const small = greedyDual();
  call(small, fn(1, 128), 10);
  call(small, fn(2, 512), 10);
  assertEquals(victims(small, [idle(fn(1, 128), 9), idle(fn(2, 512), 9)]), [1]);
});

Deno.test("greedy-dual ages: what was called often long ago goes before what is called now and then", () => {
  const policy = greedyDual();
  call(policy, fn(1), 20);
  call(policy, fn(3), 25);
  call(policy, fn(2), 10);
  // Before anything was removed, the often called one is worth more.
  assertEquals(victims(policy, [idle(fn(1), 900), idle(fn(2), 900)], 1_000), [1]);
  // The clock goes to what is removed, past the first one's worth; what is used after that counts from there.
  assertEquals(victims(policy, [idle(fn(3), 900)], 2_000), [0]);
  assertEquals(victims(policy, [idle(fn(1), 9_000), idle(fn(2), 10)], 10_000), [0]);
});

Deno.test("greedy-dual counts anew when a function has no container any more", () => {
  const policy = greedyDual();
  call(policy, fn(1), 100);
  call(policy, fn(2), 50);
  policy.containersToStart(demand(fn(1), 1_000, 0));
  assertEquals(victims(policy, [idle(fn(1), 9), idle(fn(2), 9)]), [0]);
});

Deno.test("greedy-dual takes the node whose dearest victim is worth the least, and none where room cannot be made", () => {
  const policy = greedyDual();
  call(policy, fn(1), 50);
  call(policy, fn(2), 10);
  const candidates = [
    { freeKiB: 0, idle: [idle(fn(1), 9)] },
    { freeKiB: 100 * MIB, idle: [idle(fn(1), 9), idle(fn(2), 5)] },
    { freeKiB: 200 * MIB, idle: [] },
  ];
  assertEquals(policy.makeRoom(256 * MIB, candidates, demand(fn(3), 10)), { candidate: 1, containers: [1] });
  assertEquals(policy.makeRoom(4_096 * MIB, candidates, demand(fn(3), 10)), undefined);
});
