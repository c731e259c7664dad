import { assertEquals } from "@std/assert";
import { CallMatcher } from "./call_matcher.ts";

Deno.test("a run belongs to the acquire whose grant is closest to its beginning, of its function and container", () => {
  const matcher = new CallMatcher();
  const call = (decidedMs: number, slot = 0) => ({ slot, decidedMs, waitedMs: decidedMs / 10 });
  for (const decidedMs of [100, 200, 300]) assertEquals(matcher.begin(7, call(decidedMs)), 0);
  matcher.begin(8, call(201));
  matcher.begin(7, call(202, 1));
  assertEquals(matcher.end(7, 0, 202), call(200));
  assertEquals(matcher.end(7, 0, 202), call(300));
  assertEquals(matcher.end(7, 0, 202), call(100));
  assertEquals(matcher.end(7, 0, 202), undefined);
  assertEquals(matcher.end(9, 0, 202), undefined);
  // Its container is gone, and nobody told how the call ended.
  assertEquals([matcher.forget(7), matcher.forget(7), matcher.forget(8)], [1, 0, 1]);
});
