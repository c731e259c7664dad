import { ManualClock, systemClock } from "../../base/mod.ts";
import { bytesOf } from "../testing.ts";
import { testContract } from "./contract.ts";
import { createProcessRuntime } from "./process/mod.ts";
import { createSimulatedRuntime } from "./simulated/mod.ts";
import { groupsOf, leftoversOf, PROGRAM_RUNNER } from "./process/testing.ts";

testContract({
  name: "simulated",
  create() {
    const clock = new ManualClock();
    const runtime = createSimulatedRuntime({ clock });
    return Promise.resolve({ runtime, settle: (promise) => advanceUntil(clock, promise) });
  },
  code: (program) => bytesOf(JSON.stringify(program)),
  skip: {},
  leftovers: () => Promise.resolve([]),
});

let folder = "";
let groups: string[] = [];
for (const limits of ["auto", "poll"] as const) {
  testContract({
    name: `process (limits: ${limits})`,
    async create() {
      folder = await Deno.makeTempDir({ prefix: "mf-test-" });
      const runtime = await createProcessRuntime({ folder, clock: systemClock, limits });
      groups = groupsOf(folder);
      return { runtime, settle: (promise) => promise };
    },
    code: (program) => bytesOf(PROGRAM_RUNNER.replace("PROGRAM", JSON.stringify(program))),
    skip: limits === "poll"
      ? { "its processor quota is kept": "without control groups the processor is not limited" }
      : {},
    async leftovers() {
      const left = leftoversOf(folder, groups);
      await Deno.remove(folder, { recursive: true });
      return left;
    },
  });
}

/** Moves the clock on until `promise` is settled. */
async function advanceUntil<T>(clock: ManualClock, promise: Promise<T>): Promise<T> {
  let settled = false;
  const done = () => settled = true;
  promise.then(done, done);
  await clock.advance(0);
  while (!settled && clock.pending > 0) await clock.advance(5);
  return await promise;
}
