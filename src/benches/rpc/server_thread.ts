/**
 * An ingress thread of the scheduler as in production, and beside it what watches its event loop and its heap. Asked
 * over a broadcast channel, since the thread's own messages are the scheduler's.
 */
import "../../cli/compose/scheduler_worker.ts";
import { Histogram } from "../../base/mod.ts";
import { CHANNEL, type Question, type ThreadFigures } from "./server_channel.ts";

const PERIOD_MS = 1;

let delayUs = new Histogram();
let waitUs = new Histogram();
let dueMs = performance.now() + PERIOD_MS;

function look(): void {
  const nowMs = performance.now();
  delayUs.record(Math.max(0, nowMs - dueMs) * 1_000);
  // What came in the meantime would have waited as long: every period that was missed counts.
  for (; dueMs < nowMs; dueMs += PERIOD_MS) waitUs.record((nowMs - dueMs) * 1_000);
  dueMs = nowMs + PERIOD_MS;
  setTimeout(look, PERIOD_MS);
}
setTimeout(look, PERIOD_MS);

const channel = new BroadcastChannel(CHANNEL);
channel.onmessage = ({ data }: MessageEvent<Question>) => {
  if (data.ask === "reset") {
    delayUs = new Histogram();
    waitUs = new Histogram();
    dueMs = performance.now() + PERIOD_MS;
  }
  (globalThis as { gc?: () => void }).gc?.();
  const ms = (q: number) => delayUs.quantile(q) / 1_000;
  const figures: ThreadFigures = {
    delayMsP50: ms(0.5),
    delayMsP99: ms(0.99),
    delayMsMax: ms(1),
    waitMsP99: waitUs.quantile(0.99) / 1_000,
    delays: delayUs.count,
    heapBytes: Deno.memoryUsage().heapUsed,
  };
  channel.postMessage(figures);
};
