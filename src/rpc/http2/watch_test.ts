import { assertEquals } from "@std/assert";
import { http2Limits } from "./limits.ts";
import { Watch, type Watched } from "./watch.ts";

const QUIET: Watched = { streams: 1, blocked: false, queuedBytes: 0, sentBytes: 0 };
const LIMITS = http2Limits();

/** A watch over a connection whose greetings are over. */
function watching(closesIdle = true): Watch {
  const watch = new Watch(LIMITS, closesIdle);
  watch.greeted = watch.acknowledged = true;
  return watch;
}

/** What is said within `seconds` of ticks, with the second it was said in. */
function said(watch: Watch, seconds: number, watched: (second: number) => Watched): string[] {
  const words: string[] = [];
  for (let second = 1; second <= seconds; second++) {
    const verdict = watch.judge(1000, watched(second));
    if (verdict) words.push(`${second} ${verdict.kind === "fail" ? verdict.violation : verdict.kind}`);
  }
  return words;
}

Deno.test("watch: a quiet peer is pinged after a minute and given up 20 s later", () => {
  assertEquals(said(watching(), 81, () => QUIET), ["60 ping", "81 keep_alive_timeout"]);
});

Deno.test("watch: any byte is a sign of life", () => {
  const watch = watching();
  const words = said(watch, 300, (second) => {
    if (second % 70 === 0) watch.heard = true;
    return QUIET;
  });
  assertEquals(words, ["60 ping", "130 ping", "200 ping", "270 ping"]);
});

Deno.test("watch: a server's connection without streams is shut down after a quarter of an hour, a client's is not", () => {
  for (const closesIdle of [true, false]) {
    const watch = watching(closesIdle);
    const words = said(watch, 1000, () => {
      watch.heard = true;
      return { ...QUIET, streams: 0 };
    });
    assertEquals(words, closesIdle ? ["900 shutdown"] : []);
  }
});

Deno.test("watch: a stream starts the idle time anew", () => {
  const watch = watching();
  const words = said(watch, 1700, (second) => {
    watch.heard = true;
    return { ...QUIET, streams: second === 850 ? 1 : 0 };
  });
  assertEquals(words, []);
});

Deno.test("watch: data that waits for a window while others move is not stalled", () => {
  const watch = watching();
  const words = said(watch, 1000, (second) => {
    watch.heard = true;
    return { ...QUIET, queuedBytes: 10, sentBytes: Math.floor(second / 250) };
  });
  assertEquals(words, []);
});

Deno.test("watch: gaps between ticks count for five seconds at most, the first tick for nothing", () => {
  const watch = new Watch(LIMITS, true);
  assertEquals([7_000_000, 7_001_000, 9_000_000, 9_000_000].map((ms) => watch.advance(ms)), [0, 1000, 5000, 0]);
});
