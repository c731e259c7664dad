import { assert, assertEquals, assertMatch } from "@std/assert";
import { main } from "./main.ts";
import { fakeIo, withFolder } from "./testing.ts";

const SAMPLES = new URL("../simulator/workloads/samples/", import.meta.url).pathname;
const SMALL = ["--workload", "sparse:functions=4,minutes=2,interval=10"];

async function sim(args: string[], options: Parameters<typeof fakeIo>[0] = {}) {
  const io = fakeIo({ cwd: SAMPLES, ...options });
  const code = await main(["sim", ...args], io);
  return { code, stdout: io.stdout, stderr: io.stderr };
}

async function fails(args: string[], message: string | RegExp, options: Parameters<typeof fakeIo>[0] = {}) {
  const { code, stdout, stderr } = await sim(args, options);
  assertEquals([code, stdout], [2, ""]);
  if (typeof message === "string") assertEquals(stderr, `error: ${message}\n`);
  else assertMatch(stderr, message);
}

Deno.test("sim shows a line for each policy, the baseline's score being 1, and one for the floor", async () => {
  const { code, stdout, stderr } = await sim([...SMALL, "--policy", "baseline,fixed-keepalive-60s"]);
  assertEquals([code, stderr], [0, ""]);
  const lines = stdout.split("\n");
  assertMatch(lines[0], /^sparse: \d+ calls of 4 functions in 2m, seed 1$/);
  assertMatch(lines[3], /^POLICY +SCORE +RT +ND +COLD +WAIT P50 +P99 +MAX +ERRORS +OOM +NODE-S +PEAK +WASTED GiB·S$/);
  assertMatch(lines[4], /^baseline +1\.000 +1\.000 +1\.000 /);
  assertMatch(lines[5], /^fixed-keepalive-60s +\d\.\d{3} /);
  assertMatch(lines[6], /^floor +0\.\d{3} +0\.\d{3} +0\.\d{3} /);
});

Deno.test("sim tells about every function; with many policies only how it compares", async () => {
  const few = await sim([...SMALL, "--policy=baseline,on-demand", "--functions"]);
  assertMatch(
    few.stdout,
    /\nmean response time, and that ÷ the baseline's\nFUNCTION +CALLS +FLOOR +baseline +on-demand\n/,
  );
  assertEquals(
    few.stdout.match(/^(short|long|cpu|memory)-\d +\d+ +×[01]\.\d{3} +[\d.]+ m?s ×1\.000 +[\d.]+ m?s ×\d/gm)?.length,
    4,
  );
  const many = await sim([...SMALL, "--policy=baseline,on-demand,kpa,fixed-keepalive-60s,memory-share", "--functions"]);
  assertEquals(many.stdout.match(/^(short|long|cpu|memory)-\d +\d+ +×[01]\.\d{3} +×1\.000 +×\d/gm)?.length, 4);
});

Deno.test("sim gives the same figures for the same seeds, and the baseline need not be among the policies", async () => {
  const args = [...SMALL, "--policy=on-demand", "--json", "--functions", "--seed=1,2", "--weights", "0.75,0.25"];
  const [one, two] = [await sim(args), await sim(args)];
  assertEquals(one, two);
  const { policies, seeds, weights, floor } = JSON.parse(one.stdout);
  assertEquals([seeds, weights], [[1, 2], { responseTime: 0.75, nodeTime: 0.25 }]);
  assertEquals(policies.map(({ policy }: { policy: string }) => policy), ["on-demand"]);
  const [{ score, scores, responseRatio, nodeRatio, functions }] = policies;
  assertEquals([scores.length, functions.length], [2, 4]);
  assert(Math.abs(score - (0.75 * responseRatio + 0.25 * nodeRatio)) < 1e-9);
  assert(floor.score < score);
});

Deno.test("a workload that is saved and read back gives the same figures; the page is written beside", async () => {
  await withFolder({}, async (cwd) => {
    const args = ["--policy=on-demand", "--json"];
    const first = await sim([...SMALL, ...args, "--save=w.jsonl", "--html=report.html"], { cwd });
    const again = await sim(["--workload=w.jsonl", ...args], { cwd });
    assertEquals([first.code, again], [0, first]);
    const page = await Deno.readTextFile(`${cwd}/report.html`);
    assert(page.startsWith("<!doctype html>") && page.endsWith("</html>\n") && page.includes("on-demand"));
    await fails([...SMALL, "--html=no/report.html"], /^error: --html no\/report.html cannot be written: /, { cwd });
  });
});

Deno.test("sim reads lists of calls and recorded traces; what they lack is told", async () => {
  const name = async (workload: string) => {
    const { code, stdout, stderr } = await sim(["--workload", workload, "--policy=on-demand", "--json"]);
    assertEquals([code, stderr], [0, ""], workload);
    const { workload: { name, functions }, calls } = JSON.parse(stdout);
    return [name, functions, calls];
  };
  assertEquals(await name("calls.csv"), ["calls", 2, 32]);
  assertEquals(await name("azure2021.csv"), ["azure-2021", 3, 40]);
  assertEquals(await name("azure2019_inv.csv:from=31,minutes=3,functions=1"), ["azure-2019", 1, 1]);
  assertEquals(await name("two-hellos.jsonl"), ["two hellos", 1, 2]);
  await withFolder({ "c.csv": "arrival_ms,function,exec_duration_ms\n0,a,1\n5,a,\n" }, async (cwd) => {
    const { code, stderr } = await sim(["-w", "c.csv", "-p", "on-demand"], { cwd });
    assertEquals([code, stderr], [0, "note: 1 calls have no exec_duration_ms: left out\n"]);
  });
});

Deno.test("the cluster may be another one: slower starts, smaller nodes", async () => {
  const waits = async (...flags: string[]) => {
    const { stdout } = await sim([...SMALL, "--policy=on-demand", "--json", ...flags]);
    return JSON.parse(stdout).policies[0].waitMaxMs as number;
  };
  const usual = await waits();
  assert(await waits("--start-delay=3100ms") > usual + 2_500);
  assert(await waits("--start-delay=0", "--start-cpu=10ms") < usual / 5);
});

Deno.test("nodes take what a scheduler that overcommits them starts: it saves nodes and nobody waits for it", async () => {
  const run = async (...flags: string[]) => {
    const workload = ["--workload", "sparse:functions=40,minutes=4,interval=10"];
    const { stdout } = await sim([...workload, "--policy=adaptive", "--json", ...flags]);
    const [{ responseRatio, nodeRatio }] = JSON.parse(stdout).policies;
    return { responseRatio, nodeRatio };
  };
  const usual = await run(), never = await run("--overcommit=1");
  assert(usual.nodeRatio < never.nodeRatio, `${usual.nodeRatio}, not below ${never.nodeRatio}`);
  assert(usual.responseRatio < 2 * never.responseRatio, `${usual.responseRatio}, against ${never.responseRatio}`);
});

Deno.test("a person sees how far it is, a program does not", async () => {
  const { stderr } = await sim([...SMALL, "--policy=on-demand"], { errIsTerminal: true });
  const CLEAR = "\r\x1b[2K";
  assert(stderr.includes(`${CLEAR}seed 1, on-demand: 0 %`) && stderr.endsWith(CLEAR), stderr);
});

Deno.test("what cannot be meant is told with what is allowed, and what was probably meant", async () => {
  await fails(
    [...SMALL, "--policy=on-deman"],
    /^error: --policy is "on-deman", must be one of .*baseline.*; did you mean on-demand\?\n$/,
  );
  await fails(
    ["--workload=sparce"],
    /^error: --workload is "sparce", must be one of evaluation, .*, or a file; did you mean sparse\?\n$/,
  );
  await fails(
    ["-w", "sparse:minuts=1"],
    '"minuts" is no parameter of sparse, must be one of functions, minutes, interval; did you mean minutes?',
  );
  await fails(
    ["-w", "sparse:minutes=x"],
    'minutes of sparse is "x", must be a number from 1 to 1440: how long it lasts',
  );
  await fails(
    ["-w", "sparse:functions=1.5"],
    'functions of sparse is "1.5", must be a whole number from 1 to 50000: how many functions',
  );
  await fails(["-w", "evaluation:minutes=1"], '"minutes" is no parameter of evaluation, which has none');
  await fails(["-w", "none.csv"], /^error: none.csv cannot be read: /);
  await fails(
    ["--weights=0.5,0.6"],
    '--weights is "0.5,0.6", must be two numbers from 0 that add up to 1, like 0.75,0.25',
  );
  await fails(
    ["--seed=-1"],
    '--seed is "-1", must be a whole number from 0 to 4294967295; several with commas between',
  );
  await fails(["--polcy=x"], "--polcy is no flag of `mini-faas sim`; did you mean --policy?");
  const files = {
    "bad.csv": "arrival_ms,function,exec_duration_ms\n0,a,-1\n",
    "bad.jsonl": "{}",
    "day_inv.csv": "HashFunction,HashApp,HashOwner,minute_1\nf,a,o,1\n",
    "day.csv": "HashFunction,HashApp,HashOwner,minute_1\nf,a,o,1\n",
  };
  await withFolder(files, async (cwd) => {
    const options = { cwd };
    await fails(
      ["-w", "bad.csv"],
      'bad.csv line 2: exec_duration_ms is "-1", must be a number from 0 to 900000',
      options,
    );
    await fails(
      ["-w", "bad.jsonl"],
      'bad.jsonl line 1: format is missing, must be "mini-faas-workload"',
      options,
    );
    await fails(["-w", "day_inv.csv"], /^error: day_run.csv cannot be read: /, options);
    await fails(
      ["-w", "day.csv"],
      "--workload day.csv has invocations, and must be called N_inv.csv beside N_run.csv and N_mem.csv",
      options,
    );
  });
});

Deno.test("flags of sim that share a setting's name do not take the setting away", async () => {
  await withFolder({ "f.json": `{"nodes-max": 3}` }, async (cwd) => {
    const io = fakeIo({ cwd });
    assertEquals(await main(["up", "--config=f.json", "--workers=many"], io), 2);
    assertMatch(io.stderr, /^error: --workers is "many"/);
  });
});
