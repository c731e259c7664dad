/** An ingress thread of the scheduler: accepts on the service's port, decodes, and works on the shared tables. */
import { type Clock, Log, messageOf, systemClock } from "../../base/mod.ts";
import { Tables } from "../../core/mod.ts";
import { createEdge, type Listener } from "../../rpc/mod.ts";
import { metricsRoute, schedulerRoutes, WorkerScheduler } from "../../scheduler/mod.ts";
import type { FromThread, ThreadStart, ToThread } from "./scheduler_messages.ts";

/** Half as long as the controller's patience with a single beat. */
const BEAT_MS = 500;

const thread = globalThis as unknown as {
  onmessage: (event: MessageEvent<ToThread>) => void;
  postMessage(message: FromThread): void;
  close(): void;
};

let scheduler: WorkerScheduler | undefined;
let tellTime: (nowMs: number) => void = () => {};
let listener: Listener | undefined;

thread.onmessage = ({ data }) => {
  if (data.kind === "start") start(data).catch((error) => post({ kind: "refused", message: messageOf(error) }));
  else if (data.kind === "time") tellTime(data.nowMs);
  else if (data.kind === "close") close(data.graceMs);
  else scheduler?.receive(data);
};

const post = (message: FromThread) => thread.postMessage(message);

async function start({ capacity, buffer, worker, token, level, acquireTimeoutMs, ...at }: ThreadStart) {
  const clock = await commonClock();
  const encoder = new TextEncoder();
  const write = (line: string) => void Deno.stderr.writeSync(encoder.encode(line));
  const log = new Log({ service: `scheduler/${worker}`, level, write, clock });
  const own = scheduler = new WorkerScheduler(
    new Tables(capacity, { buffer, worker }),
    clock,
    { post },
    acquireTimeoutMs,
  );
  setInterval(() => own.beat(), BEAT_MS);
  const edge = createEdge({
    service: "scheduler",
    routes: schedulerRoutes(own),
    http: metricsRoute(own),
    token,
    ready: () => own.notReady(),
    log,
    clock,
  });
  const { hostname, port, http2, tls } = at;
  listener = await edge.listen({ hostname, port, http2, tls, reusePort: true });
  post({ kind: "listening", port: listener.port });
}

/**
 * The controller's clock, as seen from here: each thread's own begins with the thread, and the tables hold moments that
 * all threads compare. Right to within the half of one message's round trip.
 */
async function commonClock(): Promise<Clock> {
  const { promise, resolve } = Promise.withResolvers<number>();
  tellTime = resolve;
  const askedMs = systemClock.nowMs();
  post({ kind: "time" });
  const offsetMs = await promise - (askedMs + systemClock.nowMs()) / 2;
  return { ...systemClock, nowMs: () => systemClock.nowMs() + offsetMs };
}

async function close(graceMs: number): Promise<void> {
  await listener?.close({ graceMs }).catch(() => {});
  scheduler?.close();
  post({ kind: "closed" });
  thread.close();
}
