import { assertEquals } from "@std/assert";
import { memoryShare } from "./memory_share.ts";

const fn = { id: 0, memoryKiB: 256 * 1_024, timeoutMs: 60_000, concurrencyMax: 255 };
const run = { atMs: 0, durationMs: 100, memoryKiB: 6 * 1_024, inFlight: 1, container: 0 };

Deno.test("memory-share halves what an invocation needs as long as the highest peak allows", () => {
  const policy = memoryShare();
  const seen = [1, 2, 3, 4, 5, 6].map(() => {
    policy.ended!(fn, run);
    return policy.concurrency!(fn);
  });
  assertEquals(seen, [2, 4, 8, 16, 32, 32]);
  policy.ended!(fn, { ...run, memoryKiB: 20 * 1_024 });
  assertEquals(policy.concurrency!(fn), 16);
});

Deno.test("memory-share takes back half when runs become twice as slow as the first", () => {
  const policy = memoryShare();
  for (let i = 0; i < 3; i++) policy.ended!(fn, run);
  policy.ended!(fn, { ...run, durationMs: 201 });
  assertEquals(policy.concurrency!(fn), 4);
});
