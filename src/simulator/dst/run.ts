import { AssertionError, LEASE_GRACE_MS } from "../../base/mod.ts";
import { CallChecker, checkMemory, checkSharing, unsettled, Violation } from "./checkers.ts";
import { type Scenario, scenarioOf } from "./scenario.ts";
import { type Plant, World } from "./world.ts";

/** What became of a seed. */
export interface Verdict {
  readonly seed: number;
  readonly scenario: Scenario;
  readonly events: number;
  readonly calls: number;
  /** Missing where every promise was kept. */
  readonly violation?: { readonly atMs: number; readonly message: string };
}

/** After the last call: the longest lease, slow starts that end, and the pauses of a scheduler that asks again. */
const SETTLE_MS = 5_500 + LEASE_GRACE_MS + 35_000 + 10_000;
/** What was under way when all should have settled is looked at again after this. */
const AGAIN_MS = 40_000;
/** The scheduler's own invariants cost more than all the rest: one event in so many. */
const INVARIANTS_EVERY = 16;

/** Runs a seed to its end, or to the first promise that is not kept, which is looked at after every event. */
export async function runSeed(seed: number, plant?: Plant): Promise<Verdict> {
  const scenario = scenarioOf(seed);
  const world = new World(scenario, plant);
  const { clock, counts } = world;
  const calls = new CallChecker(world);
  const verdict = { seed, scenario, calls: scenario.workload.calls.count };
  let looks = 0;
  const check = () => {
    calls.check();
    checkMemory(world);
    checkSharing(world, (requestId) => calls.lifeOf(requestId));
    if (looks++ % INVARIANTS_EVERY === 0 && world.scheduler.notReady() === undefined) world.scheduler.checkInvariants();
  };
  try {
    world.begin(calls);
    const isOver = () => {
      check();
      return clock.nowMs() >= scenario.workload.durationMs && counts.over === scenario.workload.calls.count;
    };
    clock.after(scenario.workload.durationMs - clock.nowMs(), () => world.calm());
    await clock.run(isOver);
    if (calls.open > 0) throw new Violation("answer", `${calls.open} calls are open when all are over`);
    const pass = (forMs: number) =>
      clock.run(() => {
        check();
        return false;
      }, clock.nowMs() + forMs);
    await pass(SETTLE_MS);
    const before = new Set((await unsettled(world)).map(({ message }) => message));
    if (before.size > 0) await pass(AGAIN_MS);
    const violation = before.size === 0 ? undefined : (await unsettled(world)).find((v) => before.has(v.message));
    if (violation) throw violation;
    world.scheduler.close();
    await pass(1);
    return { ...verdict, events: clock.events };
  } catch (error) {
    if (!(error instanceof Violation || error instanceof AssertionError)) throw error;
    const { name, message } = error;
    return { ...verdict, events: clock.events, violation: { atMs: clock.nowMs(), message: `${name}: ${message}` } };
  }
}
