/**
 * Explores the interleavings of core's protocols: `deno run -A src/core/proof/main.ts [--case NAME] [--threads N]`.
 * Without a name every case, without a number as many threads as the tests run. Exits with 1 where a violation was
 * found, whose steps it prints, or where there are too many states to go through.
 */
import process from "node:process";
import { taskArguments } from "../../base/task_arguments.ts";
import { exploreCase } from "./case.ts";
import { CASES } from "./cases.ts";
import { TooManyStates } from "./explore.ts";
import { loadCore } from "./load.ts";

const { values } = taskArguments({ options: { case: { type: "string" }, threads: { type: "string" } } });
const cases = values.case === undefined ? CASES : CASES.filter(({ name }) => name === values.case);
if (cases.length === 0) {
  console.error(`There is no case "${values.case}": ${CASES.map(({ name }) => name).join(", ")}`);
  process.exit(1);
}
const wanted = values.threads === undefined ? undefined : Number(values.threads);
if (wanted !== undefined && !(wanted >= 2)) {
  console.error(`--threads is ${values.threads}, must be a number of at least 2`);
  process.exit(1);
}
const core = await loadCore();
for (const one of cases) {
  const threads = Math.min(wanted ?? one.tested ?? Infinity, one.threads.length);
  try {
    const { states, ends, places, passes, violation } = exploreCase(core, one, threads);
    console.log(`${one.name}, ${threads} threads: ${states} states, ${ends} ends, ${places} places, ${passes} passes`);
    if (!violation) continue;
    console.log(`${one.about}: ${violation.message}\n  ${violation.trace.join("\n  ")}`);
  } catch (error) {
    if (!(error instanceof TooManyStates)) throw error;
    console.log(`${one.name}, ${threads} threads: ${error.message}, no violation among them`);
  }
  process.exitCode = 1;
}
