import { assertEquals, assertRejects } from "@std/assert";
import { PlatformError } from "../../base/mod.ts";
import { evaluationWorkload } from "./evaluation.ts";
import { readWorkload, writeWorkload } from "./file.ts";
import { chunksOf, LINE_LENGTH_MAX } from "./lines.ts";

const HEAD = `{"format":"mini-faas-workload","version":1,"name":"two hellos","durationMs":1000}`;
const HELLO = `{"id":"fn-00c0ffee","label":"hello","memoryBytes":134217728,"timeoutMs":60000}`;

const read = (text: string, chunkLength?: number) => readWorkload("w.jsonl", chunksOf(text, chunkLength));

async function refuses(text: string, message: string): Promise<void> {
  const error = await assertRejects(() => read(text), PlatformError);
  assertEquals([error.code, error.message], ["invalid_argument", message]);
}

Deno.test("a workload file says what it is, then lists functions, then calls", async () => {
  const { name, durationMs, functions, calls } = await read(
    `${HEAD}\r\n${HELLO}\n\n[250.5,0,2.5,10,1048576]\n[0,0,2.5,10,1048576]`,
  );
  assertEquals([name, durationMs, calls.count], ["two hellos", 1000, 2]);
  assertEquals(functions, [{ id: "fn-00c0ffee", label: "hello", memoryBytes: 134217728, timeoutMs: 60000 }]);
  assertEquals([...calls.atMs], [0, 250.5]);
});

Deno.test("what is written is read back the same, however the file is cut into pieces", async () => {
  const workload = evaluationWorkload(1);
  const text = [...writeWorkload(workload)].join("");
  assertEquals(await read(text), workload);
  const some = text.split("\n").slice(0, 40).join("\n").replace(`"f1"`, `"fünf € 🚀"`);
  const whole = await read(some);
  for (const length of [1, 2, 3, 7, 1000]) assertEquals(await read(some, length), whole);
  assertEquals(whole.functions[0].label, "fünf € 🚀");
});

Deno.test("a wrong file is told by line, field, what was found and what is allowed", async () => {
  await refuses("", `w.jsonl is empty, must begin with a line {"format":…}`);
  await refuses(HEAD, "w.jsonl has no function");
  await refuses("hello", `w.jsonl line 1: the line is "hello", must be JSON`);
  await refuses("7", `w.jsonl line 1: the line is "7", must be a JSON object or array`);
  await refuses("{}", `w.jsonl line 1: format is missing, must be "mini-faas-workload"`);
  await refuses(HEAD.replace(":1,", ":2,"), "w.jsonl line 1: version is 2, must be 1");
  await refuses(
    HEAD.replace("1000", "-1"),
    "w.jsonl line 1: durationMs is -1, must be a number from 0 to 1209600000 ms",
  );
  await refuses(`${HEAD}\n{"id":"Big"}`, `w.jsonl line 2: id is "Big", must be 1 to 63 of a-z, 0-9, _ and -`);
  await refuses(
    `${HEAD}\n${HELLO.replace("134217728", "1")}`,
    "w.jsonl line 2: memoryBytes is 1, must be a whole number from 67108864 to 1099511627776",
  );
  await refuses(
    `${HEAD}\n${HELLO}\n${HELLO}`,
    `w.jsonl line 3: id is "fn-00c0ffee", must be the id of one function only`,
  );
  const call = (text: string, message: string) => refuses(`${HEAD}\n${HELLO}\n${text}`, `w.jsonl line 3: ${message}`);
  await call("[1,0]", 'a call is "2 values", must be [atMs, function, cpuMs, sleepMs, peakBytes]');
  await call("[1,1,0,0,0]", "function is 1, must be a whole number from 0 to 0");
  await call("[-1,0,0,0,0]", "atMs is -1, must be a number from 0 to 1209600000 ms");
  await call("[1001,0,0,0,0]", "atMs is 1001, must be at most 1000, the workload's durationMs");
  await call(`[1,0,"5",0,0]`, `cpuMs is "5", must be a number from 0 to 900000 ms`);
  await call("[1,0,0,null,0]", "sleepMs is null, must be a number from 0 to 900000 ms");
  await call(`[1,0,0,0,1e400]`, "peakBytes is Infinity, must be a number from 0 to 1099511627776 bytes");
  await refuses(
    `${HEAD}\n${HELLO}\n[1,0,0,0,0]\n${HELLO.replace("c0ffee", "decade")}`,
    `w.jsonl line 4: a function is "after the first call", must be before all calls`,
  );
});

Deno.test("lines are bounded, and must be text", async () => {
  await refuses(
    "x".repeat(LINE_LENGTH_MAX + 1) + "\n",
    `w.jsonl line 1: has ${LINE_LENGTH_MAX + 1} characters, at most ${LINE_LENGTH_MAX} are allowed`,
  );
  const bytes = new TextEncoder().encode(`${HEAD}\n`);
  const broken = async function* () {
    await Promise.resolve();
    yield bytes;
    yield new Uint8Array([0xff, 0xfe]);
  };
  const error = await assertRejects(() => readWorkload("w.jsonl", broken()), PlatformError);
  assertEquals(error.message, "w.jsonl line 2: is no UTF-8 text");
});
