/**
 * The real scheduler with one ingress thread and simulated nodes, in a process of its own.
 *
 *     deno run -A --v8-flags=--expose-gc src/benches/rpc/server.ts --http2=own --nodes=1 --node-mib=4096
 *
 * Says its address on stdout, answers each line of stdin (`reset` or `figures`) with one, and ends with stdin.
 */
import { taskArguments } from "../../base/task_arguments.ts";
import { MIB } from "../../base/mod.ts";
import { openThreads } from "../../cli/compose/scheduler_threads.ts";
import { Closers, systemShared } from "../../cli/compose/shared.ts";
import { DEFAULT_CAPACITY } from "../../core/mod.ts";
import { onDemand } from "../../policy/mod.ts";
import { HTTP2_SIDES } from "../../rpc/mod.ts";
import { Scheduler } from "../../scheduler/mod.ts";
import { TextLineStream } from "../../tests/text_lines.ts";
import { createCluster } from "./cluster.ts";
import { CHANNEL, type Question, type ThreadFigures } from "./server_channel.ts";

/** Longer than any bench: what is warm stays. */
const IDLE_MS = 3_600_000;

const { values } = taskArguments({
  options: {
    http2: { type: "string", default: "own" },
    nodes: { type: "string", default: "1" },
    "node-mib": { type: "string", default: "4096" },
  },
});
const http2 = HTTP2_SIDES.find((side) => side === values.http2);
if (!http2) throw new Error(`--http2 is ${values.http2}, must be one of ${HTTP2_SIDES.join(", ")}`);
const nodes = Number(values.nodes), memoryBytes = Number(values["node-mib"]) * MIB;

const encoder = new TextEncoder();
const shared = systemShared({ level: "error", write: (line) => void Deno.stderr.writeSync(encoder.encode(line)) });
const log = shared.log("scheduler");
const cluster = createCluster({ nodes, memoryBytes, clock: shared.clock, log });
const scheduler = new Scheduler(
  {
    ...shared,
    log,
    policy: onDemand({ containerIdleMs: IDLE_MS, nodeIdleMs: IDLE_MS, containersMin: 0, nodesMin: 0 }),
    resourceManager: cluster.resourceManager,
    dial: cluster.dial,
  },
  {},
  { ...DEFAULT_CAPACITY, workers: 2 },
);
const closers = new Closers();
await scheduler.start();
const address = await openThreads(scheduler, shared, {
  ...{ host: "127.0.0.1", port: 0, workers: 1, logLevel: "error", http2 },
  onHang: () => Deno.exit(1),
  script: new URL("./server_thread.ts", import.meta.url),
}, closers);
console.log(JSON.stringify({ address }));

const channel = new BroadcastChannel(CHANNEL);
for await (const line of Deno.stdin.readable.pipeThrough(new TextDecoderStream()).pipeThrough(new TextLineStream())) {
  console.log(JSON.stringify(await asked({ ask: line === "reset" ? "reset" : "figures" })));
}
channel.close();
await closers.close(0);
scheduler.close();
await cluster.close();

function asked(question: Question): Promise<ThreadFigures> {
  return new Promise((resolve) => {
    channel.onmessage = ({ data }) => resolve(data);
    channel.postMessage(question);
  });
}
