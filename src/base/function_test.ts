import { assertEquals, assertThrows } from "@std/assert";
import { invalidArgument, isRetryable, messageOf, PlatformError } from "./errors.ts";
import { accountOf, checkFunctionSpec, functionKey, type FunctionSpec } from "./function.ts";
import { checkInteger, checkText, MIB } from "./limits.ts";

const good: FunctionSpec = {
  accountId: "acme",
  functionName: "resize_2-x",
  handler: "",
  memoryBytes: 128 * MIB,
  timeoutMs: 60_000,
  codeHash: "",
  version: 0,
  concurrency: 1,
  allowNet: [],
};

Deno.test("a function within all bounds is accepted", () => {
  checkFunctionSpec(good);
  checkFunctionSpec({ ...good, memoryBytes: 64 * MIB, timeoutMs: 900_000, concurrency: 255, codeHash: "a".repeat(64) });
  checkFunctionSpec({ ...good, handler: "$run_2", allowNet: ["*", "example.com", "10.0.0.1:80", "[::1]:443"] });
});

Deno.test("what is out of bounds is named by its field, with what was found and what is allowed", () => {
  const wrong: [Partial<FunctionSpec>, string][] = [
    [{ accountId: "" }, "account_id is missing"],
    [{ accountId: "a".repeat(129) }, "account_id"],
    [{ functionName: "" }, "function_name is missing"],
    [{ functionName: "Hello" }, 'function_name is "Hello", must be 1 to 63 of a-z, 0-9, _ and -'],
    [{ functionName: "a".repeat(64) }, "function_name"],
    [{ functionName: "a\n" }, "function_name"],
    [{ handler: "a.b" }, "config.handler"],
    [{ memoryBytes: 0 }, "config.memory_in_bytes is 0, must be at least 67108864 (64 MiB)"],
    [{ memoryBytes: -1 }, "config.memory_in_bytes is -1"],
    [{ memoryBytes: 2 ** 60 }, "config.memory_in_bytes"],
    [{ timeoutMs: 0 }, "config.timeout_in_ms is 0"],
    [{ timeoutMs: -5 }, "config.timeout_in_ms is -5"],
    [{ timeoutMs: 900_001 }, "config.timeout_in_ms"],
    [{ concurrency: 0 }, "config.concurrency"],
    [{ concurrency: 256 }, "config.concurrency"],
    [{ version: -1 }, "config.version"],
    [{ codeHash: "abc" }, "config.code_hash"],
    [{ allowNet: ["http://x"] }, 'config.allow_net is "http://x"'],
    [{ allowNet: ["x:65536"] }, "config.allow_net"],
    [{ allowNet: Array(65).fill("x") }, "config.allow_net is 65"],
  ];
  for (const [part, message] of wrong) {
    const error = assertThrows(() => checkFunctionSpec({ ...good, ...part }, "config."), PlatformError, message);
    assertEquals(error.code, "invalid_argument");
  }
});

Deno.test("functions of two accounts have two keys; no account is the default one", () => {
  assertEquals(functionKey(good), "acme/resize_2-x");
  assertEquals([accountOf(""), accountOf("acme")], ["default", "acme"]);
});

Deno.test("checks of text and numbers accept their bounds and nothing beyond", () => {
  checkText("a", "x", 1);
  checkInteger(5, "x", 5, 5);
  for (const value of [4, 6, 5.5, NaN, Infinity]) {
    assertThrows(() => checkInteger(value, "x", 5, 5, "ms"), PlatformError, "a whole number from 5 to 5 ms");
  }
  assertThrows(() => checkText("ab", "x", 1), PlatformError, 'x is "ab", must be 1 to 1 characters');
});

Deno.test("messages are one line, found values are cut, and only what is unavailable is worth another try", () => {
  assertEquals(messageOf(new Error("two\n  lines")), "two lines");
  assertEquals([messageOf(new TypeError()), messageOf("text")], ["TypeError", "text"]);
  assertEquals(invalidArgument("x", "a".repeat(500), "short").message.length < 130, true);
  assertEquals(isRetryable(new PlatformError("unavailable", "")), true);
  assertEquals([isRetryable(new PlatformError("internal", "")), isRetryable(new Error())], [false, false]);
});
