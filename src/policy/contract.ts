/** What holds for every policy, whatever it is for: one suite for all of them. */
import { assert, assertEquals } from "@std/assert";
import { type Random, seededRandom } from "../base/mod.ts";
import type { FunctionDemand, FunctionFacts, NodeFacts, Policy, RoomCandidate } from "./policy.ts";

const MIB_KIB = 1_024;
const STEPS = 2_000;

function facts(id: number, random: Random): FunctionFacts {
  const memoryKiB = [128, 256, 512][random.below(3)] * MIB_KIB;
  return { id, memoryKiB, timeoutMs: 60_000, concurrencyMax: [1, 4, 255][random.below(3)] };
}

function node(random: Random): NodeFacts {
  const capacityKiB = 3_072 * MIB_KIB;
  const containers = random.below(5);
  return {
    capacityKiB,
    freeKiB: random.below(capacityKiB),
    containers,
    starting: random.below(containers + 1),
    ofFunction: random.below(containers + 1),
    inFlight: random.below(9),
    cpuPct: random.below(101),
    heldMs: random.below(1e6),
  };
}

/** Adds a test for each rule, for the policy that `create` makes afresh. */
export function testPolicy(name: string, create: () => Policy): void {
  Deno.test(`${name}: whoever waits where there is nothing gets a container`, () => {
    const policy = create();
    const random = seededRandom(1);
    for (const waiting of [1, 7, 1_000]) {
      const fn = facts(waiting, random);
      assert(policy.containersToStart(demand(policy, fn, { waiting })) >= 1, `${waiting} waiting`);
    }
  });

  Deno.test(`${name}: with nobody waiting for a function that was never called nothing is started`, () => {
    const policy = create();
    assertEquals(policy.containersToStart(demand(policy, facts(0, seededRandom(2)), {})), 0);
  });

  Deno.test(`${name}: whatever it is told, its answers are within their bounds, and the same each time`, () => {
    const once = tell(create(), seededRandom(3));
    assertEquals(tell(create(), seededRandom(3)), once);
  });

  Deno.test(`${name}: room is made by removing what is there, and only where that is enough`, () => {
    const policy = create();
    const random = seededRandom(4);
    const fn = facts(0, random);
    for (let i = 0; i < 200; i++) {
      const candidates: RoomCandidate[] = Array.from({ length: random.below(4) }, () => ({
        freeKiB: random.below(200) * MIB_KIB,
        idle: Array.from({ length: random.below(4) }, (_, id) => {
          const function_ = facts(id + 1, random);
          return { function: function_, idleMs: random.below(1e5), kib: function_.memoryKiB };
        }),
      }));
      const needKiB = (200 + random.below(800)) * MIB_KIB;
      const eviction = policy.makeRoom(needKiB, candidates, demand(policy, fn, { waiting: 1 }));
      if (!eviction) continue;
      const { freeKiB, idle } = candidates[eviction.candidate];
      assertEquals(new Set(eviction.containers).size, eviction.containers.length);
      const roomKiB = eviction.containers.reduce((sum, index) => sum + idle[index].kib, freeKiB);
      assert(roomKiB >= needKiB, `${roomKiB} KiB are not enough`);
    }
  });

  Deno.test(`${name}: a function that is forgotten leaves nothing behind that decides`, () => {
    const policy = create();
    tell(policy, seededRandom(5));
    for (let id = 0; id < 4; id++) policy.forgotten?.(facts(id, seededRandom(5)));
    assertEquals([...policy.functionsToServe?.(1e9) ?? []].filter((id) => id < 4), []);
  });
}

function demand(policy: Policy, fn: FunctionFacts, rest: Partial<FunctionDemand>): FunctionDemand {
  const concurrency = policy.concurrency?.(fn) ?? fn.concurrencyMax;
  return {
    function: fn,
    nowMs: 0,
    waiting: 0,
    concurrency,
    chargeKiB: fn.memoryKiB,
    starting: 0,
    warm: 0,
    leaving: 0,
    inFlight: 0,
    ...rest,
  };
}

/** Tells a policy of many things and asks it everything; all that it answered. */
function tell(policy: Policy, random: Random): unknown[] {
  const answers: unknown[] = [];
  const note = (answer: number, min: number, max: number, what: string) => {
    assert(!Number.isNaN(answer) && answer >= min && answer <= max, `${what} is ${answer}, not ${min} to ${max}`);
    answers.push(answer);
  };
  const functions = Array.from({ length: 4 }, (_, id) => facts(id, random));
  let nowMs = 0;
  for (let step = 0; step < STEPS; step++) {
    nowMs += random.below(400);
    const fn = functions[random.below(functions.length)];
    const container = random.below(20);
    const memoryKiB = random.below(fn.memoryKiB);
    switch (random.below(6)) {
      case 0:
        policy.arrived?.(fn, { atMs: nowMs, waitedMs: random.below(900), waitingBefore: 0, isCold: step % 9 === 0 });
        break;
      case 1: {
        const failure = step % 50 === 0 ? "out_of_memory" : undefined;
        const run = { atMs: nowMs, durationMs: random.below(5_000), inFlight: 1 + random.below(3) };
        policy.ended?.(fn, { ...run, memoryKiB, failure, container });
        break;
      }
      case 2:
        policy.started?.(fn, 900 + random.below(2_000), nowMs);
        break;
      case 3:
        policy.measured?.(fn, { memoryKiB, cpuPct: random.below(100), inFlight: random.below(3), container }, nowMs);
        break;
      case 4: {
        const warm = random.below(9);
        const asked = { nowMs, waiting: random.below(30), starting: random.below(5), warm, inFlight: random.below(9) };
        answers.push(policy.containersToStart(demand(policy, fn, asked)));
        for (const id of policy.functionsToServe?.(nowMs) ?? []) note(id, 0, functions.length - 1, "a function's id");
        answers.push(
          policy.keepContainer({ function: fn, nowMs, idleMs: random.below(1e6), warm: warm + 1, onNode: 1, nodes: 1 }),
        );
        break;
      }
      default: {
        const nodes = Array.from({ length: 1 + random.below(4) }, () => node(random));
        if (policy.placeOn) {
          const held = { count: nodes.length + random.below(3), mayReserve: random.below(2) === 0 };
          const chosen = policy.placeOn(demand(policy, fn, { nowMs, waiting: random.below(3) }), nodes, held);
          if (typeof chosen === "number") note(chosen, 0, nodes.length - 1, "the node to start on");
          answers.push(chosen);
        }
        if (policy.nodeToDrain) {
          note(policy.nodeToDrain({ nowMs, nodes, leavingKiB: 0 }), -1, nodes.length - 1, "the node to drain");
        }
        if (policy.nodesWanted) note(policy.nodesWanted({ nowMs, nodes, leavingKiB: 0 }), 0, 1e6, "nodes wanted");
        answers.push(policy.keepNode({ idleMs: random.below(1e6), nodes: nodes.length }));
      }
    }
    if (policy.concurrency) note(policy.concurrency(fn), 1, fn.concurrencyMax, "the concurrency");
    const wait = policy.expectedWait?.(fn);
    if (wait) {
      note(wait.waitMs, 0, Infinity, "the wait expected");
      note(wait.eachMs, 0, Infinity, "the wait for each before");
    }
    if (policy.chargeKiB) note(policy.chargeKiB(fn), 1, fn.memoryKiB, "the charge in KiB");
  }
  return answers;
}
