import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { MIB, PlatformError } from "../../base/mod.ts";
import { type Azure2019Options, readAzure2019 } from "./azure2019.ts";
import { readAzure2021 } from "./azure2021.ts";
import { readCallList } from "./call_list.ts";
import { readWorkload } from "./file.ts";
import { chunksOf } from "./lines.ts";
import type { Workload } from "./types.ts";

const SAMPLES = new URL("./samples/", import.meta.url);
/** Where samples of the public traces lie beside a checkout, if somebody has put them there. */
const PUBLIC = new URL("../../../../shared/workloads/", import.meta.url);

function file(name: string, folder = SAMPLES) {
  return { name, chunks: chunksOf(Deno.readTextFileSync(new URL(name, folder)), 1_000) };
}

function azure2019(options: Partial<Azure2019Options> = {}, folder = SAMPLES, prefix = "azure2019") {
  const files = { invocations: `${prefix}_inv.csv`, durations: `${prefix}_run.csv`, memory: `${prefix}_mem.csv` };
  return readAzure2019({
    invocations: file(files.invocations, folder),
    durations: file(files.durations, folder),
    memory: file(files.memory, folder),
  }, { seed: 1, ...options });
}

/** Whether there are samples of the public traces to read; says so where not. */
function publicMissing(): boolean {
  try {
    Deno.statSync(PUBLIC);
    return false;
  } catch {
    console.log(`skipped: no samples of public traces in ${PUBLIC.pathname}`);
    return true;
  }
}

function callsOf({ calls, functions }: Workload, label: string): number[] {
  const all = Array.from({ length: calls.count }, (_, i) => i);
  return all.filter((i) => functions[calls.functionIndex[i]].label.startsWith(label));
}

Deno.test("Azure 2019: as many calls in each minute as the table says, as long and as large as its percentiles", async () => {
  const workload = await azure2019();
  const { calls, functions, durationMs } = workload;
  assertEquals([functions.length, durationMs], [4, 3_600_000]);
  // The fourth function's only calls are 40 in the 32nd minute.
  const imports = [...calls.functionIndex.keys()].filter((i) => calls.functionIndex[i] === 3);
  assertEquals(imports.length, 40);
  for (const i of imports) {
    assert(calls.atMs[i] >= 31 * 60_000 && calls.atMs[i] < 32 * 60_000);
    assert(calls.peakBytes[i] >= 311 / 4 * MIB && calls.peakBytes[i] <= 350 * MIB, `${calls.peakBytes[i] / MIB}`);
    const aloneMs = calls.sleepMs[i] + calls.cpuMs[i] / (0.67 * functions[3].memoryBytes / 1024 / MIB);
    assert(aloneMs >= 300 && aloneMs <= 4_100);
  }
  assertEquals(functions[3].memoryBytes, 512 * MIB);
  assertEquals(functions[2].memoryBytes, 128 * MIB);
});

Deno.test("Azure 2019: part of the day, some of the functions, and a share of memory and of processor use", async () => {
  const part = await azure2019({ fromMinute: 31, minutes: 5, functionsMax: 2, memoryShare: 1, cpuShare: 1 });
  assertEquals([part.durationMs, part.functions.length], [300_000, 2]);
  assertEquals(part.functions[0].memoryBytes, 256 * MIB);
  assert([...part.calls.sleepMs].every((ms) => ms === 0) && [...part.calls.cpuMs].every((ms) => ms > 0));
  const short = await azure2019({ runMsMax: 100, cpuShare: 0 });
  assert([...short.calls.sleepMs].every((ms) => ms <= 100) && [...short.calls.sleepMs].includes(100));
  assertEquals((await azure2019({ fromMinute: 51, minutes: 100 })).durationMs, 600_000);
  const late = await assertRejects(() => azure2019({ fromMinute: 61 }), PlatformError);
  assert(late.message.endsWith("must be one with minute_61"), late.message);
});

Deno.test("Azure 2019: the seed says it all", async () => {
  assertEquals(await azure2019(), await azure2019());
  assertNotEquals((await azure2019({ seed: 2 })).calls.atMs, (await azure2019()).calls.atMs);
});

Deno.test("Azure 2019: the whole trace's own headings are read too, and what is missing is told", async () => {
  const percents = [0, 1, 25, 50, 75, 99, 100].map((p) => `percentile_Average_${p}`);
  const notes: string[] = [];
  const of = (name: string, text: string) => ({ name, chunks: chunksOf(text) });
  const workload = await readAzure2019({
    invocations: of("i.csv", "HashOwner,HashApp,HashFunction,Trigger,1,2\no,a,f,http,1,2\no,b,g,timer,0,1\n"),
    durations: of(
      "d.csv",
      `HashOwner,HashApp,HashFunction,Average,Count,Minimum,Maximum,${percents}\no,a,f,5,3,1,9e6,1,1,2,5,6,9e6,9e6\n`,
    ),
    memory: of(
      "m.csv",
      `HashOwner,HashApp,${[1, 5, 25, 50, 75, 95, 99, 100].map((p) => `AverageAllocatedMb_pct${p}`)}\n`,
    ),
  }, { seed: 3, onNote: (note) => notes.push(note) });
  assertEquals([workload.calls.count, workload.durationMs], [3, 120_000]);
  assertEquals(notes.slice(0, 2), [
    "1 functions have no row in d.csv: left out",
    "1 functions have no row in m.csv: taken as 100 to 200 MiB",
  ]);
});

Deno.test("Azure 2021: calls begin their duration before they end, the first one at 0", async () => {
  const workload = await readAzure2021(file("azure2021.csv"), { seed: 1, cpuShare: 0 });
  assertEquals([workload.functions.length, workload.calls.count, workload.calls.atMs[0]], [3, 40, 0]);
  const { functions, calls } = workload;
  for (let i = 0; i < calls.count; i++) {
    assert(calls.peakBytes[i] + 20 * MIB <= functions[calls.functionIndex[i]].memoryBytes);
    assert(calls.sleepMs[i] >= 2 && calls.sleepMs[i] <= 20_000);
  }
  assert(workload.durationMs > 200_000 && workload.durationMs < 300_000);
});

Deno.test("a list of calls: what it says of function and call, and defaults for what it does not", async () => {
  const notes: string[] = [];
  const onNote = (note: string) => notes.push(note);
  const workload = await readCallList(file("calls.csv"), { onNote });
  assertEquals(workload.functions.map(({ label, memoryBytes, timeoutMs }) => [label, memoryBytes / MIB, timeoutMs]), [
    ["thumbnail", 256, 10_000],
    ["wait, then answer", 128, 60_000],
  ]);
  assertEquals(workload.calls.count, 32);
  for (const i of callsOf(workload, "thumbnail")) {
    assert(workload.calls.cpuMs[i] >= 20 && workload.calls.cpuMs[i] <= 25);
    // 20 to 25 core-milliseconds take 119 to 149 ms of the 150 to 170 that it ran.
    assert(workload.calls.sleepMs[i] < 51);
  }
  for (const i of callsOf(workload, "wait")) assertEquals(workload.calls.cpuMs[i], 0);
  const bare = "arrival_ms,function,exec_duration_ms\n5,a,10\n1,b,\n0,b,20\n";
  const { functions, calls } = await readCallList({ name: "c.csv", chunks: chunksOf(bare) }, { onNote });
  assertEquals(notes, ["1 calls have no exec_duration_ms: left out"]);
  assertEquals([functions[0].memoryBytes, functions[0].timeoutMs], [256 * MIB, 60_000]);
  assertEquals([[...calls.atMs], [...calls.sleepMs], [...calls.functionIndex]], [[0, 5], [20, 10], [1, 0]]);
});

Deno.test("a list of calls whose function changes is refused", async () => {
  const text = "arrival_ms,function,exec_duration_ms,memory_in_bytes\n0,a,1,134217728\n1,a,1,268435456\n";
  const error = await assertRejects(() => readCallList({ name: "c.csv", chunks: chunksOf(text) }), PlatformError);
  assertEquals(
    error.message,
    "c.csv line 3: memory_in_bytes is 268435456, must be 134217728, as the function has in line 2",
  );
});

Deno.test("the sample of our own form is the one its description shows", async () => {
  const { name, calls } = await readWorkload("two-hellos.jsonl", file("two-hellos.jsonl").chunks);
  assertEquals([name, [...calls.atMs]], ["two hellos", [0, 250.5]]);
});

Deno.test({
  name: "samples of the public traces, where they are there",
  ignore: publicMissing(),
  async fn() {
    const day = await azure2019({}, new URL("azure2019/", PUBLIC), "50");
    assertEquals([day.functions.length, day.calls.count, day.durationMs], [50, 179_342, 86_400_000]);
    const hour = await azure2019({ fromMinute: 600, minutes: 60 }, new URL("azure2019/", PUBLIC), "100");
    assert(hour.calls.count > 5_000 && hour.calls.count < 100_000, `${hour.calls.count}`);
    const trace = await readAzure2021(file("azure2021/Azure2021_200.csv", PUBLIC), { seed: 1 });
    assertEquals([trace.functions.length, trace.calls.count], [31, 199]);
    assert(trace.durationMs > 1_000_000 && trace.durationMs < 1_260_056);
    const notes: string[] = [];
    const list = await readCallList(file("dev-2020.csv", PUBLIC), { onNote: (note) => notes.push(note) });
    assertEquals([list.functions.length, list.calls.count, notes.length], [5, 1_535, 1]);
  },
});
