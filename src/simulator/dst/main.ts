/** Runs seeds and says which promise was not kept: `--seeds N --from S`, or `--seed S` alone; `--plant NAME` a bug. */
import process from "node:process";
import { taskArguments } from "../../base/task_arguments.ts";
import { PLANTS } from "./plants.ts";
import { runSeed, type Verdict } from "./run.ts";

const SEEDS_DEFAULT = 500;
/** How often progress is told. */
const TELL_EVERY = 100;

function wholeNumber(name: string, text: string | undefined, otherwise: number): number {
  const value = text === undefined ? otherwise : Number(text);
  if (Number.isInteger(value) && value >= 0 && value < 2 ** 32) return value;
  console.error(`--${name} is ${JSON.stringify(text)}, must be a whole number from 0 to ${2 ** 32 - 1}`);
  process.exit(2);
}

function tellViolation({ seed, scenario, violation }: Verdict, plant: string | undefined): void {
  const { policy, concurrency, faults, workload: { functions, calls } } = scenario;
  console.error(`seed ${seed}, at ${violation!.atMs} ms: ${violation!.message}`);
  console.error(
    `  ${calls.count} calls of ${functions.length} functions, policy ${policy}, concurrency ${concurrency}`,
  );
  for (const { kind, atMs } of faults) console.error(`  ${Math.round(atMs)} ms: ${kind}`);
  console.error(`replay it with: deno task dst --seed ${seed}${plant === undefined ? "" : ` --plant ${plant}`}`);
}

const { values } = taskArguments({
  options: {
    seeds: { type: "string" },
    from: { type: "string" },
    seed: { type: "string" },
    plant: { type: "string" },
  },
});
const plant = values.plant === undefined ? undefined : PLANTS[values.plant];
if (values.plant !== undefined && plant === undefined) {
  console.error(`--plant is ${JSON.stringify(values.plant)}, must be one of ${Object.keys(PLANTS).join(", ")}`);
  process.exit(2);
}
const only = values.seed !== undefined;
const from = only ? wholeNumber("seed", values.seed, 1) : wholeNumber("from", values.from, 1);
const seeds = only ? 1 : wholeNumber("seeds", values.seeds, SEEDS_DEFAULT);

let events = 0, calls = 0;
for (let seed = from; seed < from + seeds; seed++) {
  const verdict = await runSeed(seed, plant);
  events += verdict.events;
  calls += verdict.calls;
  if (verdict.violation) {
    tellViolation(verdict, values.plant);
    process.exit(1);
  }
  const done = seed - from + 1;
  if (done % TELL_EVERY === 0 && done < seeds) console.log(`${done} of ${seeds} seeds`);
}
console.log(`${seeds} seeds from ${from}: ${calls} calls, ${events} events, every promise was kept`);
