/** What a warm acquire with its release costs through the scheduler, without wire and process in between. */
import { returned, spec, TestCluster, watch } from "./testing.ts";

const cluster = new TestCluster();
const scheduler = cluster.scheduler();
const started = scheduler.start();
await cluster.clock.advance(100);
await started;
const hello = spec("hello", { concurrency: 8 });
const first = watch(scheduler.acquire({ requestId: "first", function: hello }, {}));
await cluster.clock.advance(1_000);
const { containerId } = first.value!;
let request = 0;

Deno.bench("scheduler: warm acquireNow and release", { group: "scheduler" }, () => {
  const requestId = `request-${request++}`;
  scheduler.acquireNow({ requestId, function: hello }, {});
  scheduler.release(returned(requestId, containerId));
});

Deno.bench("scheduler: warm acquire and release, awaited", { group: "scheduler" }, async () => {
  const requestId = `request-${request++}`;
  await scheduler.acquire({ requestId, function: hello }, {});
  await scheduler.release(returned(requestId, containerId));
});
