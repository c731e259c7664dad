/**
 * Sends hostile bytes to connections for a while: `deno run src/rpc/http2/fuzz/main.ts --seed 1 --seconds 60`. Every
 * case has its own number; the first that fails is printed with the command that replays it, and the exit code is 1.
 */
import process from "node:process";
import { taskArguments } from "../../../base/task_arguments.ts";
import { checkInteger, messageOf } from "../../../base/mod.ts";
import { fuzzCase } from "./fuzzer.ts";

const { values } = taskArguments({
  options: {
    seed: { type: "string", default: "1" },
    seconds: { type: "string", default: "10" },
    cases: { type: "string" },
  },
});
const seed = Number(values.seed), seconds = Number(values.seconds);
const cases = values.cases === undefined ? Infinity : Number(values.cases);
checkInteger(seed, "--seed", 0, 2 ** 32 - 1);
checkInteger(seconds, "--seconds", 1, 86_400);

const untilMs = performance.now() + seconds * 1000;
const outcomes = new Map<string, number>();
let done = 0;
for (; done < cases && performance.now() < untilMs; done++) {
  const number = (seed + done) >>> 0;
  try {
    const outcome = fuzzCase(number);
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  } catch (error) {
    console.error(error);
    console.error(`case ${number} failed: ${messageOf(error)}`);
    console.error(`replay: deno run src/rpc/http2/fuzz/main.ts --seed ${number} --cases 1`);
    process.exit(1);
  }
}
for (const [outcome, count] of [...outcomes].sort((a, b) => b[1] - a[1])) console.log(`${count}`.padStart(8), outcome);
console.log(`${done} cases, none failed`);
