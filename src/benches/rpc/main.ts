/**
 * What a call through the scheduler's port costs: our HTTP/2, the connect-node adapter, and grpc-go where Go is there.
 *
 *     deno run -A src/benches/rpc/main.ts [--json] [--short] [--seconds S]
 */
import { benchArguments } from "../arguments.ts";
import { measure } from "./measure.ts";
import { report } from "./report.ts";

const { json, short, seconds } = benchArguments({ seconds: 60, secondsShort: 2 });
const results = await measure({ short, seconds, others: true });
console.log(json ? JSON.stringify(results, null, 2) : report(results));
