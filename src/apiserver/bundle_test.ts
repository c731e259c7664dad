import { assertEquals, assertRejects } from "@std/assert";
import { CODE_BYTES_MAX, PlatformError, systemClock } from "../base/mod.ts";
import { BundleChecker } from "./bundle.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

async function refusal(code: Uint8Array): Promise<string> {
  const error = await assertRejects(() => new BundleChecker({ clock: systemClock }).check(code), PlatformError);
  assertEquals(error.code, "invalid_argument");
  return error.message;
}

Deno.test("a self-contained module is let in", async () => {
  await new BundleChecker({ clock: systemClock }).check(bytes("export function handler() {}"));
});

Deno.test("what is refused is told with the reason", async () => {
  assertEquals(await refusal(bytes("")), "code is missing, must be one JavaScript module");
  assertEquals(
    await refusal(new Uint8Array([0xff, 0xfe])),
    "code is not UTF-8, must be one JavaScript module in UTF-8",
  );
  assertEquals(
    await refusal(bytes("import x from 'lodash';")),
    'code imports "lodash" in line 1, must be self-contained: bundle it together with its imports (only node: modules may stay)',
  );
  assertEquals(
    await refusal(new Uint8Array(CODE_BYTES_MAX + 1)),
    'code is "20971521 bytes long", must be at most 20971520 bytes',
  );
});

Deno.test("checks wait for one another, and too many are turned away with a delay", async () => {
  const checker = new BundleChecker({ clock: systemClock });
  const checks = Array.from({ length: 20 }, () => checker.check(bytes("export {}")));
  const outcomes = await Promise.allSettled(checks);
  const refused = outcomes.flatMap((outcome) => outcome.status === "rejected" ? [outcome.reason] : []);
  assertEquals(refused.length, 4);
  assertEquals(refused[0].code, "resource_exhausted");
  assertEquals(refused[0].retryAfterMs, 1_000);
  await checker.check(bytes("export {}"));
});
