/**
 * What the live score costs the controller, with 1,000 functions and 2,000 containers on 40 nodes: the reading of
 * nodes and containers, what is counted for one acquire and its run, and what whoever asks has to wait for.
 */
import { ManualClock, MIB, seededRandom, silentLog } from "../../base/mod.ts";
import { type Decision, type EndedRun, Outcome } from "../../core/mod.ts";
import { onDemand } from "../../policy/mod.ts";
import { metricsPieces, metricsText } from "../metrics_text.ts";
import { LiveNodeFacts } from "../node_facts.ts";
import { Scheduler } from "../scheduler.ts";
import { type ContainerRecord, State } from "../state.ts";
import { spec, TEST_CAPACITY, TestCluster } from "../testing.ts";
import { Feed } from "./feed.ts";
import { LiveScore } from "./live_score.ts";
import { Meter } from "./meter.ts";

const FUNCTIONS = 1_000;
const NODES = 40;
const PER_FUNCTION = 2;
const capacity = { ...TEST_CAPACITY, nodes: NODES, containers: 4_096, functions: 1_024 };

const state = new State(capacity, () => {}, () => {});
const score = new LiveScore();
const meter = new Meter(state, score);
const { port } = new TestCluster().nodes[0];
const nodes = Array.from({ length: NODES }, (_, slot) => {
  state.tables.nodes.join(slot, 64 * 1_024 * 1_024, 0);
  const lease = { nodeId: `n${slot}`, address: "", port: 1, memoryBytes: 1, reservedAtMs: 0, releasedAtMs: 0 };
  const containers = new Set<ContainerRecord>();
  const node = {
    ...{ slot, lease, port: port.call(new TestCluster().nodes[0]), containers, liveId: "" },
    facts: new LiveNodeFacts(slot, 1, state.tables, new ManualClock(), containers),
    closing: new AbortController().signal,
    ...{
      joinedMs: 0,
      meteredMs: 0,
      polledMs: 0,
      answeredMs: 0,
      askedMs: 0,
      unansweredMs: Infinity,
      comparedMs: 0,
      failures: 0,
      polling: false,
      changes: 0,
      busy: 0,
    },
    ...{ draining: false, drainingSinceMs: 0, leavingKiB: 0, gone: false, admitted: 1, overcommit: 1 },
  };
  state.addNode(node);
  return node;
});
const functions = Array.from({ length: FUNCTIONS }, (_, i) => {
  const fn = state.addFunction(`default/f${i}`, spec(`f${i}`), 0);
  for (let n = 0; n < PER_FUNCTION; n++) {
    const record = state.addContainer(fn, fn.spec, nodes[(i + n) % NODES], 131_072, 0)!;
    record.containerId = `c${i}-${n}`;
  }
  score.decided(fn, Outcome.warm, 0);
  score.ended(fn, 10, undefined);
  return fn;
});
const observer = { observed: () => true, view: () => ({}) as never, close: () => {} };
const feed = new Feed(observer, (fn) => score.meanRunMs(fn));
const decision = { outcome: Outcome.warm, waitedMicros: 0 } as Decision;
const run = { micros: 10_000, kib: 30 * MIB / 1_024, inFlight: 1 } as EndedRun;
let nowMs = 0, next = 0;

Deno.bench("read off 40 nodes and 2,000 containers", () => meter.read(nowMs += 100));

Deno.bench("count one acquire and its run", () => {
  const fn = functions[next++ % FUNCTIONS];
  score.decided(fn, Outcome.warm, 0);
  score.ended(fn, 10, undefined);
});

Deno.bench("1,000 acquires and runs put together for shadow policies, in one tick", () => {
  nowMs += 100;
  for (let i = 0; i < 1_000; i++) {
    feed.decided(functions[i], decision, i, nowMs);
    feed.onRun(functions[i], run, i, nowMs + 10);
  }
  feed.flush(nowMs, NODES, 1);
});

const rest = { policy: "bench", seconds: 1, missed: 0 };
Deno.bench("the view of 1,000 functions, once for whoever asks", () => void score.view(rest));

const scheduler = new Scheduler(
  {
    ...{ clock: new TestCluster().clock, random: seededRandom(1), log: silentLog(new TestCluster().clock) },
    policy: onDemand({ containerIdleMs: 1, nodeIdleMs: 1, containersMin: 0, nodesMin: 0 }),
    resourceManager: new TestCluster().resourceManager,
    dial: () => port.call(new TestCluster().nodes[0]),
  },
  {},
  TEST_CAPACITY,
);
const summary = await scheduler.summary();
const view = score.view(rest);
Deno.bench(
  "the page of metrics for 1,000 functions, on the thread that is asked",
  () => void metricsText(view, summary),
);

let pieces = metricsPieces(view, summary);
Deno.bench("one piece of it, before other calls have their turn", () => {
  if (pieces.next().done) pieces = metricsPieces(view, summary);
});
