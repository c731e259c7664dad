/**
 * 2,500 acquires of one function at once, 100 permits, executions of 50 ms.
 *
 *     deno run -A src/benches/rpc/burst_main.ts [--json] [--short] [--http2 own|node]
 */
import { taskArguments } from "../../base/task_arguments.ts";
import { HTTP2_SIDES } from "../../rpc/mod.ts";
import { measurePermits, type PermitsOptions, type PermitsResults } from "./permits.ts";

const ELAPSED_MAX = 1.2, DELAY_MS_MAX = 5;
const LONG = { acquires: 2_500, permits: 100, executionMs: 50, bursts: 8 };
const SHORT = { acquires: 300, permits: 20, executionMs: 5, bursts: 2 };

const { values } = taskArguments({
  options: { json: { type: "boolean" }, short: { type: "boolean" }, http2: { type: "string", default: "own" } },
});
const http2 = HTTP2_SIDES.find((side) => side === values.http2);
if (!http2) {
  console.error(`--http2 is ${values.http2}, must be one of ${HTTP2_SIDES.join(", ")}`);
  Deno.exit(2);
}
const options = { http2, ...(values.short ? SHORT : LONG) };
const results = await measurePermits(options);
console.log(values.json ? JSON.stringify({ ...options, ...results }, null, 2) : report(options, results));

function report(
  options: PermitsOptions,
  { idealMs, bursts, heapGrowthBytes, leases, waiting }: PermitsResults,
): string {
  const { acquires, permits, executionMs } = options;
  const lines = [`${acquires} acquires at once, ${permits} permits, executions of ${executionMs} ms, HTTP/2: ${http2}`];
  bursts.forEach(({ elapsedMs, overtaken, failed, thread }, n) => {
    const { delayMsP50, delayMsP99, delayMsMax, waitMsP99 } = thread;
    lines.push(
      `  burst ${n + 1}: ${elapsedMs.toFixed(0)} ms, ${(elapsedMs / idealMs).toFixed(3)} of the ideal ${idealMs} ms ` +
        `(at most ${ELAPSED_MAX}); ${overtaken} overtaken, ${failed} failed; event-loop delay of the ingress thread: ` +
        `median ${delayMsP50.toFixed(2)} ms, p99 ${delayMsP99.toFixed(2)} ms (below ${DELAY_MS_MAX}), ` +
        `longest ${delayMsMax.toFixed(2)} ms; by time p99 ${waitMsP99.toFixed(2)} ms`,
    );
  });
  lines.push(`  heap of the ingress thread, second burst to last: ${heapGrowthBytes} bytes more`);
  lines.push(`  left: ${leases} leases, ${waiting} waiting`);
  return lines.join("\n");
}
