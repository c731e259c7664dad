import { assertEquals } from "@std/assert";
import { ManualClock } from "./clock.ts";
import { PlatformError } from "./errors.ts";
import { seededRandom } from "./random.ts";
import { retry } from "./retry.ts";

function trying(failures: (tries: number) => Error | undefined, deadlineMs: number, signal?: AbortSignal) {
  const clock = new ManualClock();
  const atMs: number[] = [];
  const ended: { value?: string; error?: Error } = {};
  retry({ clock, random: seededRandom(1), deadlineMs, signal, pauseMs: 100, pauseMaxMs: 400 }, (tries) => {
    atMs.push(clock.nowMs());
    const error = failures(tries);
    return error ? Promise.reject(error) : Promise.resolve("done");
  }).then((value) => ended.value = value, (error) => ended.error = error);
  return { clock, atMs, ended };
}
const unavailable = () => new PlatformError("unavailable", "down");

Deno.test("what is unavailable is tried again, with pauses that double up to their limit and never exceed it", async () => {
  const { clock, atMs, ended } = trying((tries) => tries < 6 ? unavailable() : undefined, 10_000);
  await clock.advance(10_000);
  assertEquals(ended.value, "done");
  const pauses = atMs.slice(1).map((at, i) => at - atMs[i]);
  [100, 200, 400, 400, 400, 400].forEach((most, i) => {
    assertEquals(pauses[i] >= most / 2 && pauses[i] <= most, true, `pause ${i} is ${pauses[i]}`);
  });
});

Deno.test("any other failure is final", async () => {
  const { clock, atMs, ended } = trying(() => new PlatformError("not_found", "no such thing"), 10_000);
  await clock.advance(10_000);
  assertEquals([atMs.length, ended.error?.message], [1, "no such thing"]);
});

Deno.test("no try begins after the deadline, and the last failure is told", async () => {
  const { clock, atMs, ended } = trying(unavailable, 500);
  await clock.advance(10_000);
  assertEquals([atMs.every((at) => at < 500), ended.error?.message, clock.pending], [true, "down", 0]);
});

Deno.test("a caller that leaves ends the pause", async () => {
  const leaving = new AbortController();
  const { clock, ended } = trying(unavailable, 10_000, leaving.signal);
  await clock.advance(10);
  leaving.abort(new Error("left"));
  await clock.advance(0);
  assertEquals([ended.error?.message, clock.pending], ["left", 0]);
});
