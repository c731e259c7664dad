/**
 * What an acquire with its release costs on the lock-free tables, beside what people build instead.
 *
 *     deno run -A src/benches/core/main.ts [--json] [--short] [--seconds S]
 */
import { benchArguments } from "../arguments.ts";
import { measure } from "./measure.ts";
import { report } from "./report.ts";

const { json, short, seconds } = benchArguments({ seconds: 30, secondsShort: 0.3 });
const results = await measure({ short, seconds });
console.log(json ? JSON.stringify(results, null, 2) : report(results));
