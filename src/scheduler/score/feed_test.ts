import { assertAlmostEquals, assertEquals } from "@std/assert";
import { MIB } from "../../base/mod.ts";
import { type Decision, type EndedRun, Outcome } from "../../core/mod.ts";
import { spec } from "../testing.ts";
import { Feed } from "./feed.ts";
import { CALL_NUMBERS, type Observations, type ObservedCall, readCall } from "./observer.ts";

const decision = (outcome: Outcome, waitedMs: number) => ({ outcome, waitedMicros: waitedMs * 1_000 }) as Decision;
const run = (ms: number, mib: number, inFlight = 1) => ({ micros: ms * 1_000, kib: mib * 1_024, inFlight }) as EndedRun;

/** A feed, and what its observer has taken. */
function feeding(options: { takes?: () => boolean } = {}) {
  const { takes = () => true } = options;
  const batches: Observations[] = [];
  const observer = {
    observed: (batch: Observations) => takes() && batches.push(batch) > 0,
    view: () => {
      throw new Error("nobody asks");
    },
    close: () => {},
  };
  const calls = () => {
    const all: ObservedCall[] = [];
    for (const { calls } of batches) {
      for (let at = 0; at < calls.length; at += CALL_NUMBERS) all.push(readCall(calls, at));
    }
    return all;
  };
  return { feed: new Feed(observer, () => 70), batches, calls };
}

const one = { slot: 0, spec: spec("one") };

Deno.test("what a call computed and held is told by its function's stats and its container's idle memory", () => {
  const { feed, calls } = feeding();
  feed.measured(one, 0, 1_000, 20 * MIB, 0);
  // Half a processor for a second, in which it ran for two seconds in all.
  feed.measured(one, 50, 1_000, 40 * MIB, 2);
  for (const atMs of [0, 100]) feed.decided(one, decision(Outcome.warm, 0), 7, atMs);
  feed.onRun(one, run(1_000, 60, 2), 7, 1_000);
  feed.onRun(one, run(1_000, 60, 2), 7, 1_100);
  feed.flush(1_200, 1, 1);
  const [, second] = calls();
  assertAlmostEquals(second.cpuMs, 250, 1e-9);
  // Two of them shared what the container held beyond its own 20 MiB.
  assertEquals(calls().map(({ peakKiB, arrivedMs }) => [peakKiB, arrivedMs]), [[20 * 1_024, 0], [20 * 1_024, 100]]);
});

Deno.test("those who shared a container share what it held, the last one to return as well", () => {
  const { feed, calls } = feeding();
  feed.measured(one, 0, 1_000, 20 * MIB, 0);
  for (let n = 0; n < 4; n++) feed.decided(one, decision(Outcome.warm, 0), 7, 0);
  for (let inFlight = 4; inFlight > 0; inFlight--) feed.onRun(one, run(100, 60, inFlight), 7, 100);
  // Later one has it for itself.
  feed.decided(one, decision(Outcome.warm, 0), 7, 200);
  feed.onRun(one, run(100, 30, 1), 7, 300);
  feed.flush(300, 1, 1);
  assertEquals(calls().map(({ peakKiB }) => peakKiB / 1_024), [10, 10, 10, 10, 10]);
});

Deno.test("a run whose acquire is read later is matched then; one that never comes has waited for nothing", () => {
  const { feed, calls } = feeding();
  feed.onRun(one, run(50, 0), 7, 1_000);
  feed.onRun(one, run(80, 0), 8, 1_000);
  feed.flush(1_000, 0, 1);
  assertEquals(calls(), []);
  feed.decided(one, decision(Outcome.waited, 30), 7, 950);
  feed.flush(1_300, 0, 1);
  assertEquals(calls().map(({ arrivedMs, waitedMs }) => [arrivedMs, waitedMs]), [[920, 30], [920, 0]]);
});

Deno.test("an acquire without an answer is told with its function's mean run", () => {
  const { feed, calls } = feeding();
  feed.decided(one, decision(Outcome.cancelled, 400), 0, 1_000);
  feed.flush(1_000, 0, 1);
  const [{ arrivedMs, waitedMs, durationMs, answered }] = calls();
  assertEquals({ arrivedMs, waitedMs, durationMs, answered }, {
    ...{ arrivedMs: 600, waitedMs: 400, durationMs: 70, answered: false },
  });
});

Deno.test("calls of a batch that is not taken are dropped and counted; functions and nodes are told again", () => {
  let takes = false;
  const { feed, batches } = feeding({ takes: () => takes });
  feed.decided(one, decision(Outcome.refused, 0), 0, 0);
  feed.flush(0, 2, 1);
  takes = true;
  feed.flush(300, 2, 1);
  feed.decided(one, decision(Outcome.warm, 0), 9, 300);
  // Its container goes, and nobody told how it ended.
  feed.containerLeft(9);
  feed.flush(600, 2, 1);
  const told = batches.map(({ calls, functions, nodes, dropped }) => [calls.length, functions.length, nodes, dropped]);
  assertEquals(told, [[0, 1, [[0, 2]], 1], [0, 0, [], 2]]);
});

Deno.test("the number of nodes there are shows when there are no more, and rises with what is held", () => {
  const { feed, batches } = feeding();
  for (const [atMs, held] of [[0, 3], [300, 3], [600, 4]]) {
    if (atMs === 300) feed.noMoreNodes(3);
    feed.flush(atMs, held, 1);
  }
  assertEquals(batches.map(({ nodesMax }) => nodesMax), [0, 3, 4]);
});
