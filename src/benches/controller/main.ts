/**
 * What a decision costs the controller and its policy: with 1,000 nodes and 20,000 functions, and with 20 and 15.
 *
 *     deno run -A src/benches/controller/main.ts [--json] [--short] [--seconds S]
 */
import { benchArguments } from "../arguments.ts";
import { measure } from "./measure.ts";
import { report } from "./report.ts";

const { json, short, seconds } = benchArguments({ seconds: 240, secondsShort: 1 });
const onProgress = (what: string) => {
  if (Deno.stderr.isTerminal()) console.error(what);
};
const results = await measure({ short, seconds, onProgress });
console.log(json ? JSON.stringify(results, null, 2) : report(results));
