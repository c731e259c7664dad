import { assertEquals } from "@std/assert";
import { Code } from "@connectrpc/connect";
import { parseTimeout } from "@connectrpc/connect/protocol-grpc";
import fc from "fast-check";
import { parseTimeoutMs, TIMEOUT_MS_LIMIT, timeoutError } from "./timeout.ts";

const value = fc.oneof(
  fc.stringMatching(/^[0-9]{1,9}[HMSmun]$/),
  fc.stringMatching(/^[ +-]?[0-9]{0,9}[A-Za-z. ]{0,2}$/),
  fc.string({ maxLength: 10 }),
);

Deno.test("a timeout means what it means to Connect, and what Connect refuses is refused", () =>
  fc.assert(
    fc.property(value, (text) => {
      const { timeoutMs, error } = parseTimeout(text, TIMEOUT_MS_LIMIT);
      const ms = parseTimeoutMs(text);
      assertEquals(Number.isNaN(ms), error !== undefined);
      assertEquals(timeoutError(text)?.message, error?.message);
      if (!error) assertEquals(ms, timeoutMs);
    }),
    { numRuns: 2_000 },
  ));

Deno.test("timeouts by example", () => {
  assertEquals(["100m", "2S", "3M", "1H", "500u", "1000000n", "0m"].map(parseTimeoutMs), [
    100,
    2_000,
    180_000,
    3_600_000,
    0.5,
    1,
    0,
  ]);
  assertEquals(["", "m", "123456789m", "1x", "-1m", "99999999H"].map(parseTimeoutMs), Array(6).fill(NaN));
  assertEquals(timeoutError("1x")?.code, Code.InvalidArgument);
});
