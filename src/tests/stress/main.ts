/**
 * The stress program: threads at random operations on small tables, and everything that must hold checked.
 *
 *     deno run -A src/tests/stress/main.ts --workers 4 --seconds 60 --seed 1
 *     … --seeds 20          one run after the other with seeds from --seed on, the seconds shared among them
 *     … --break claim       a build broken on purpose, which must be found out
 *     … --json              a line of JSON for each run
 */
import { taskArguments } from "../../base/task_arguments.ts";
import { BROKEN_BUILDS, type BrokenBuild } from "./broken.ts";
import type { StressReport } from "./run.ts";
import { supervise } from "./supervise.ts";

const { values } = taskArguments({
  options: {
    workers: { type: "string", default: "4" },
    seconds: { type: "string", default: "60" },
    seed: { type: "string" },
    seeds: { type: "string", default: "1" },
    break: { type: "string" },
    json: { type: "boolean", default: false },
  },
});

function numberOf(name: string, text: string, min: number, max: number): number {
  const value = Number(text);
  if (text !== "" && value >= min && value <= max) return value;
  console.error(`--${name} is "${text}", must be a number from ${min} to ${max}`);
  Deno.exit(2);
}

const workers = numberOf("workers", values.workers, 1, 64);
const seeds = numberOf("seeds", values.seeds, 1, 10_000);
const seconds = numberOf("seconds", values.seconds, 0.1, 86_400) / seeds;
const random = crypto.getRandomValues(new Uint32Array(1))[0] % 1_000_000;
const first = numberOf("seed", values.seed ?? String(random), 0, 2 ** 31 - 1);
const broken = values.break as BrokenBuild | undefined;
if (broken !== undefined && !(broken in BROKEN_BUILDS)) {
  console.error(`--break is "${broken}", must be one of ${Object.keys(BROKEN_BUILDS).join(", ")}`);
  Deno.exit(2);
}

for (let seed = first; seed < first + seeds; seed++) {
  if (!values.json) console.log(`seed ${seed}: ${workers} workers, ${seconds} s`);
  const report = await supervise({ workers, seconds, seed, broken });
  console.log(values.json ? JSON.stringify(report) : textOf(report));
  if (report.violation === undefined) continue;
  const replay = `deno run -A src/tests/stress/main.ts --workers ${workers} --seconds ${
    Math.ceil(seconds)
  } --seed ${seed}`;
  console.error(`VIOLATION after ${report.seconds.toFixed(2)} s with seed ${seed}: ${report.violation}`);
  console.error(`again (the same operations, in another interleaving): ${replay}${broken ? ` --break ${broken}` : ""}`);
  Deno.exit(1);
}
Deno.exit(0);

function textOf(report: StressReport): string {
  const list = (counts: Record<string, number>) => Object.entries(counts).map(([k, v]) => `${k} ${v}`).join(", ");
  return [
    `  ${report.operations} operations, ${report.operationsPerSecond}/s: ${list(report.counts)}`,
    `  controller: ${list(report.moves)}`,
    `  ${report.barriers} barriers, ${report.ordered} grants in order, ${report.replaced} workers replaced`,
  ].join("\n");
}
