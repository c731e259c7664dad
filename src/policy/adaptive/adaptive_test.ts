import { assert, assertEquals } from "@std/assert";
import { rowOf } from "../../base/mod.ts";
import type { FunctionDemand, FunctionFacts, Policy } from "../policy.ts";
import { ConcurrencySeen, SEEN_CELLS } from "./concurrency_seen.ts";
import { adaptive } from "./mod.ts";
import { Slowdown, SLOWDOWN_CELLS } from "./slowdown.ts";

const MIB_KIB = 1_024;
const fn: FunctionFacts = { id: 0, memoryKiB: 256 * MIB_KIB, timeoutMs: 60_000, concurrencyMax: 255 };

/** What a container holds with nothing in flight. */
const IDLE_KIB = 20 * MIB_KIB;

/** Rounds of `calls` at once that take `durationMs` in one container, the first few of them alone. */
function tellRounds(
  policy: Policy,
  calls: number,
  durationMs: (inFlight: number) => number,
  kib = 4 * MIB_KIB,
): number {
  let nowMs = 0;
  policy.measured!(fn, { memoryKiB: IDLE_KIB, cpuPct: 0, inFlight: 0, container: 1 }, 0);
  const round = (inFlight: number) => {
    for (let i = 0; i < inFlight; i++) {
      policy.arrived!(fn, { atMs: nowMs, waitedMs: 0, waitingBefore: 0, isCold: false });
    }
    nowMs += durationMs(inFlight);
    for (let i = inFlight; i > 0; i--) {
      policy.ended!(fn, { atMs: nowMs, durationMs: durationMs(inFlight), memoryKiB: kib, inFlight: i, container: 1 });
    }
    nowMs += 1_000;
  };
  for (let i = 0; i < 5; i++) round(1);
  for (let i = 0; i < 20; i++) round(calls);
  return nowMs;
}

function demand(policy: Policy, rest: Partial<FunctionDemand>): FunctionDemand {
  const concurrency = policy.concurrency!(fn);
  const chargeKiB = policy.chargeKiB!(fn);
  return {
    function: fn,
    nowMs: 0,
    concurrency,
    chargeKiB,
    waiting: 0,
    inFlight: 0,
    warm: 0,
    leaving: 0,
    starting: 0,
    ...rest,
  };
}

Deno.test("adaptive lets sleepers share a container as far as its memory goes, and charges what was measured", () => {
  const policy = adaptive();
  assertEquals([policy.concurrency!(fn), policy.chargeKiB!(fn)], [1, fn.memoryKiB], "nothing is known yet");
  tellRounds(policy, 8, () => 200);
  // 256 MiB × 0.95 less what an idle container holds, at 4 MiB each.
  assertEquals(policy.concurrency!(fn), 55);
  assertEquals(policy.chargeKiB!(fn), Math.ceil((20 + 8 * 4) * MIB_KIB * 1.1));
});

Deno.test("adaptive gives each its own container where runs slow one another down, and holds as many as pay", () => {
  const policy = adaptive();
  const nowMs = tellRounds(policy, 8, (inFlight) => 150 * inFlight);
  assertEquals(policy.concurrency!(fn), 1);
  assertEquals([...policy.functionsToServe!(nowMs)], [fn.id]);
  assertEquals(policy.containersToStart(demand(policy, { warm: 1, waiting: 1 })), 7);
});

/** Ten seconds of rounds of which the nodes' stats tell that a run takes `coreMs`; timing is what chance makes of it. */
function tellMeasured(policy: Policy, durationsMs: readonly number[], coreMs: number): void {
  for (let second = 0; second < 10; second++) {
    const atMs = second * 1_000;
    durationsMs.forEach((durationMs, i) => {
      policy.arrived!(fn, { atMs, waitedMs: 0, waitingBefore: 0, isCold: false });
      const inFlight = second < 3 ? 1 : durationsMs.length - i;
      // The first seconds, when runs are alone, have the short ones only.
      const run = { durationMs: second < 3 ? durationsMs[0] : durationMs, memoryKiB: MIB_KIB, inFlight, container: 1 };
      policy.ended!(fn, { atMs: atMs + 100, ...run });
    });
    const usage = { memoryKiB: MIB_KIB, cpuPct: coreMs * durationsMs.length / 10, inFlight: 0, container: 1 };
    policy.measured!(fn, usage, atMs + 1_000);
  }
}

Deno.test("adaptive goes by what runs compute: not by timing, where they are of many lengths", () => {
  const sleeping = adaptive();
  tellMeasured(sleeping, [1, 28, 3, 9], 0);
  assertEquals(sleeping.concurrency!(fn), 64);
  const blind = adaptive({ processorRunsMin: Infinity });
  tellMeasured(blind, [1, 28, 3, 9], 0);
  assertEquals(blind.concurrency!(fn), 1, "timing says that they slow one another down");
  const computing = adaptive();
  tellMeasured(computing, [40, 40, 40, 40], 5);
  assertEquals(computing.concurrency!(fn), 1);
});

Deno.test("adaptive does not share what fills its container, whatever its timing says", () => {
  const policy = adaptive();
  tellRounds(policy, 1, () => 4_000, 200 * MIB_KIB);
  assertEquals(policy.concurrency!(fn), 1);
});

Deno.test("adaptive never tries again what ran out of memory", () => {
  const policy = adaptive();
  tellRounds(policy, 8, () => 200);
  const failure = "out_of_memory" as const;
  policy.ended!(fn, { atMs: 1e6, durationMs: 1, memoryKiB: MIB_KIB, failure, inFlight: 12, container: 1 });
  assertEquals(policy.concurrency!(fn), 11);
  for (let i = 0; i < 100; i++) tellRounds(policy, 1, () => 200);
  assertEquals(policy.concurrency!(fn), 11);
});

Deno.test("adaptive starts for a backlog only while waiting behind what runs would take longer than a start", () => {
  const short = adaptive();
  tellRounds(short, 1, () => 10);
  assertEquals(short.containersToStart(demand(short, { waiting: 20, warm: 1, concurrency: 1 })), 0, "0.2 s to wait");
  const long = adaptive();
  tellRounds(long, 1, () => 2_000);
  const started = long.containersToStart(demand(long, { waiting: 20, warm: 1, concurrency: 1 }));
  assert(started >= 10 && started < 20, `${started} for 20 that wait, of 2 s each`);
});

Deno.test("adaptive tries an unknown function with a container for each that waits, up to a number", () => {
  const policy = adaptive({ firstContainersMax: 20 });
  assertEquals(policy.containersToStart(demand(policy, { waiting: 7 })), 7);
  assertEquals(policy.containersToStart(demand(policy, { waiting: 30 })), 20);
  assertEquals(policy.containersToStart(demand(policy, { waiting: 30, inFlight: 4, warm: 4, starting: 16 })), 0);
});

Deno.test("adaptive starts more where those who wait stand still, whatever it takes runs to last", () => {
  const policy = adaptive({ firstContainersMax: 4 });
  // Nothing is known: none of the runs has ended.
  const stuck = (nowMs: number) =>
    policy.containersToStart(demand(policy, { nowMs, waiting: 9, inFlight: 4, warm: 4 }));
  assertEquals([stuck(0), stuck(2_000), stuck(4_000)], [0, 0, 4]);
  policy.arrived!(fn, { atMs: 0, waitedMs: 4_500, waitingBefore: 0, isCold: true });
  assertEquals([stuck(5_000), stuck(8_000)], [0, 4], "somebody was served meanwhile");
});

Deno.test("adaptive keeps fewer containers where each is charged more", () => {
  const containers = (chargeKiB: number) => {
    const policy = adaptive({ startsAheadMax: Infinity });
    tellRounds(policy, 20, (inFlight) => 50 * inFlight);
    return policy.containersToStart(demand(policy, { chargeKiB }));
  };
  assert(containers(3_072 * MIB_KIB) < containers(32 * MIB_KIB));
});

Deno.test("adaptive keeps what is seldom called for as long as that is worth more than its memory", () => {
  const calledEvery = (periodMs: number) => {
    const policy = adaptive();
    for (let i = 0; i < 8; i++) {
      policy.arrived!(fn, { atMs: i * periodMs, waitedMs: 0, waitingBefore: 0, isCold: false });
      const run = { durationMs: 50, memoryKiB: MIB_KIB, inFlight: 1, container: 1 };
      policy.ended!(fn, { atMs: i * periodMs + 50, ...run });
    }
    return (idleMs: number) => {
      const nowMs = 7 * periodMs + idleMs;
      return policy.keepContainer({ function: fn, nowMs, idleMs, warm: 1, onNode: 1, nodes: 1 });
    };
  };
  const keeps = calledEvery(60_000);
  assertEquals([keeps(61_000), keeps(400_000)], [true, false], "six times its longest gap");
});

Deno.test("adaptive looks at some functions in a tick at most, and at each of them in its turn", () => {
  const policy = adaptive();
  for (let id = 0; id < 300; id++) {
    const one = { ...fn, id };
    for (let i = 0; i < 3; i++) {
      policy.arrived!(one, { atMs: 0, waitedMs: 0, waitingBefore: 0, isCold: false });
      policy.ended!(one, { atMs: 10, durationMs: 10, memoryKiB: MIB_KIB, inFlight: 1, container: id });
    }
  }
  const ticks = Array.from({ length: 3 }, () => [...policy.functionsToServe!(20)]);
  assertEquals(ticks.map((ids) => ids.length), [128, 128, 44]);
  assertEquals(new Set(ticks.flat()).size, 300);
});

Deno.test("adaptive keeps what was called once shorter the more functions there are, those let go counted as well", () => {
  const keepsFor = (functions: number) => {
    const policy = adaptive();
    const call = (id: number, atMs: number) =>
      policy.arrived!({ ...fn, id }, { atMs, waitedMs: 0, waitingBefore: 0, isCold: true });
    for (let id = 1; id <= functions; id++) call(id, 0);
    // By now all of them are let go.
    for (let tick = 0; tick < 10; tick++) policy.functionsToServe!(1e6);
    call(0, 1e6);
    policy.ended!(fn, { atMs: 1e6, durationMs: 50, memoryKiB: MIB_KIB, inFlight: 1, container: 1 });
    const keeps = (idleMs: number) =>
      policy.keepContainer({ function: fn, nowMs: 1e6 + idleMs, idleMs, warm: 1, onNode: 1, nodes: 1 });
    return [29_000, 31_000, 299_000, 301_000].filter(keeps).length;
  };
  assertEquals([keepsFor(2_000), keepsFor(10)], [1, 3]);
});

Deno.test("adaptive lets containers go when a function's rhythm is over", () => {
  const policy = adaptive({ holdKiBMs: 0 });
  const lastMs = tellRounds(policy, 2, () => 200);
  const keeps = (afterMs: number) =>
    policy.keepContainer({ function: fn, nowMs: lastMs + afterMs, idleMs: afterMs, warm: 1, onNode: 1, nodes: 1 });
  assertEquals([keeps(10_000), keeps(20_000)], [true, false]);
});

Deno.test("adaptive moves what computes from a crowded node, one at a time", () => {
  const computing = adaptive(), sleeping = adaptive();
  const nowMs = tellRounds(computing, 8, (inFlight) => 150 * inFlight);
  const sleptMs = tellRounds(sleeping, 8, () => 200);
  const idle = (onNode: number, atMs = nowMs) => ({ function: fn, nowMs: atMs, idleMs: 1, warm: 8, onNode, nodes: 2 });
  assertEquals(computing.keepContainer(idle(7)), true, "a few more than an even share may be");
  assertEquals(computing.keepContainer({ ...idle(8), warm: 7 }), true, "there are too few to do without one");
  assertEquals(computing.keepContainer(idle(8)), false);
  assertEquals(computing.keepContainer(idle(8)), true, "the one before is not there yet");
  assertEquals(computing.keepContainer(idle(8, nowMs + 1_000)), false);
  assertEquals(sleeping.keepContainer(idle(6, sleptMs)), true);
});

Deno.test("adaptive takes no room from what was in use a moment ago for what has containers already", () => {
  const policy = adaptive({ evictStarts: 10, startMs: 1_000 });
  const other = { ...fn, id: 1 };
  const room = (idleMs: number, have: Partial<FunctionDemand>) => {
    const candidates = [{ freeKiB: 0, idle: [{ function: other, idleMs, kib: fn.memoryKiB }] }];
    return policy.makeRoom(fn.memoryKiB, candidates, demand(policy, { waiting: 5, ...have }))?.containers;
  };
  assertEquals(room(500, { warm: 1 }), undefined);
  assertEquals(room(500, { starting: 1 }), undefined);
  assertEquals(room(20_000, { warm: 1 }), [0]);
  assertEquals(room(500, {}), [0], "it has none: whoever waits would wait for ever");
});

Deno.test("adaptive tells at once who cannot wait, once nothing more can be started", () => {
  const policy = adaptive({ stuckStarts: 3, startMs: 1_000, trialConcurrency: 1 });
  tellRounds(policy, 1, () => 2_000);
  const full = (nowMs: number) => {
    policy.containersToStart(demand(policy, { nowMs, waiting: 60, inFlight: 4, warm: 4, concurrency: 1 }));
    return policy.expectedWait!(fn).eachMs;
  };
  assertEquals([full(1e5), full(1e5 + 2_000)], [0, 0], "nobody need wait longer than a start");
  assertEquals(full(1e5 + 6_000), 500, "four containers, two seconds each");
  policy.containersToStart(demand(policy, { nowMs: 1e5 + 7_000, waiting: 60, inFlight: 4, warm: 4, starting: 1 }));
  assertEquals(policy.expectedWait!(fn).eachMs, 0, "one more is coming");
});

Deno.test("adaptive starts ahead of a round that is sure to come, and lets go when it does not", () => {
  // Memory is so dear that nothing is kept from one round to the next.
  const policy = adaptive({ weights: { responseTime: 1e-6, nodeTime: 1 }, holdKiBMs: 0, startMs: 1_000 });
  policy.measured!(fn, { memoryKiB: IDLE_KIB, cpuPct: 0, inFlight: 0, container: 1 }, 0);
  const tick = (nowMs: number) => [...policy.functionsToServe!(nowMs)];
  const keeps = (nowMs: number) =>
    policy.keepContainer({ function: fn, nowMs, idleMs: 100, warm: 1, onNode: 1, nodes: 1 });
  const PERIOD_MS = 100_000;
  for (let round = 0; round < 8; round++) {
    policy.arrived!(fn, { atMs: round * PERIOD_MS, waitedMs: 0, waitingBefore: 0, isCold: false });
    const run = { durationMs: 50, memoryKiB: MIB_KIB, inFlight: 1, container: 1 };
    policy.ended!(fn, { atMs: round * PERIOD_MS + 50, ...run });
  }
  const lastMs = 7 * PERIOD_MS, nextMs = 8 * PERIOD_MS;
  assertEquals([keeps(lastMs + 10_000), keeps(lastMs + 20_000)], [true, false]);
  assertEquals(tick(lastMs + 20_000), []);
  assertEquals(tick(nextMs - 3_000), []);
  assertEquals(tick(nextMs - 1_900), [fn.id]);
  assertEquals(policy.containersToStart(demand(policy, { nowMs: nextMs - 1_900 })), 1);
  assertEquals([keeps(nextMs + 500), keeps(nextMs + 2_000)], [true, false]);
});

Deno.test("concurrency seen: the mean wait behind permits, in runs, and what is old fades", () => {
  const seen = new ConcurrencySeen(rowOf(SEEN_CELLS), 10);
  for (let c = 1; c <= 4; c++) seen.add(c);
  assertEquals(seen.most, 4);
  assertEquals(seen.meanWait(4, Infinity), 0);
  const behindOne = seen.meanWait(1, Infinity), behindTwo = seen.meanWait(2, Infinity);
  assert(behindOne > behindTwo && behindTwo > 0, `${behindOne}, ${behindTwo}`);
  assert(seen.meanWait(1, 0.5) <= 0.5, "nobody waits longer than the most");
  for (let i = 0; i < 1_000; i++) seen.add(1);
  assertEquals([seen.most, seen.meanWait(1, Infinity)], [1, 0]);
});

Deno.test("slowdown: those that began together were not alone, though the last to end is", () => {
  const slowdown = new Slowdown(rowOf(SLOWDOWN_CELLS));
  for (let i = 0; i < 5; i++) slowdown.add(1, i * 1_000, 100, 1);
  for (let i = 5; i < 10; i++) {
    for (let inFlight = 3; inFlight > 0; inFlight--) slowdown.add(1, i * 1_000, 300, inFlight);
  }
  assertEquals(slowdown.perNeighbour(5, 15), 1);
  assertEquals(slowdown.perNeighbour(5, 16), undefined, "too few were seen");
});
