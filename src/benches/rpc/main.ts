/**
 * What a call through the scheduler's port costs: our HTTP/2, the connect-node adapter, and grpc-go where Go is there.
 *
 *     deno run -A src/benches/rpc/main.ts [--json] [--short] [--seconds S]
 */
import { parseArgs } from "node:util";
import { measure } from "./measure.ts";
import { report } from "./report.ts";

const SECONDS_DEFAULT = 60, SECONDS_SHORT = 2;

const { values } = parseArgs({
  options: { json: { type: "boolean" }, short: { type: "boolean" }, seconds: { type: "string" } },
});
const short = values.short ?? false;
const seconds = values.seconds === undefined ? (short ? SECONDS_SHORT : SECONDS_DEFAULT) : Number(values.seconds);
if (!(seconds > 0 && seconds <= 3_600)) {
  console.error(`--seconds is ${values.seconds}, must be a number above 0, at most 3600`);
  Deno.exit(2);
}
const results = await measure({ short, seconds, others: true });
console.log(values.json ? JSON.stringify(results, null, 2) : report(results));
