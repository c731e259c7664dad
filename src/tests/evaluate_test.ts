import { assert, assertEquals, assertMatch } from "@std/assert";
import * as grpc from "@grpc/grpc-js";
import { ForeignScheduler } from "./foreign_scheduler.ts";
import { cli, ROOT, serve, within } from "./program.ts";
import { freePort } from "./services.ts";

const CALLS = 60;
const QUICK_STARTS = ["--start-delay=50ms", "--start-cpu=10ms"];
/** A minute of chance: for what must not depend on how fast this machine is. */
const MINUTE = ["--workload=sparse:functions=4,minutes=1,interval=4", "--speed=20"];

/** Calls of four functions, 20 a second, 50 to 200 ms long: short enough for real time. */
async function withCalls(use: (workload: string) => Promise<void>): Promise<void> {
  const file = await Deno.makeTempFile({ prefix: "mini-faas-test-", suffix: ".csv" });
  const lines = Array.from({ length: CALLS }, (_, i) => `${i * 50},f${i % 4},${50 * (1 + i % 4)}\n`);
  await Deno.writeTextFile(file, `arrival_ms,function,exec_duration_ms\n${lines.join("")}`);
  try {
    await use(`--workload=${file}`);
  } finally {
    await Deno.remove(file);
  }
}

/** `evaluate` as a child that may be told to stop, its resource manager on this port. */
function evaluation(resourceManagerPort: number, ...args: string[]) {
  const permissions = ["--allow-net", "--allow-read", "--allow-write", "--allow-env"];
  const ports = [`--resourcemanager-port=${resourceManagerPort}`, "--node-port=0"];
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--quiet", ...permissions, `${ROOT}src/main.ts`, "evaluate", ...ports, ...args],
    cwd: ROOT,
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const decoder = new TextDecoder();
  const ended = child.output().then(({ code, stdout, stderr }) => {
    return { code, out: decoder.decode(stdout), err: decoder.decode(stderr) };
  });
  return { ended: () => within(ended, "the end of evaluate"), stop: () => child.kill("SIGINT") };
}

async function withForeign(use: (scheduler: ForeignScheduler, address: string, port: number) => Promise<void>) {
  const port = freePort();
  const scheduler = new ForeignScheduler(`127.0.0.1:${port}`);
  try {
    await use(scheduler, await scheduler.listen(), port);
  } finally {
    scheduler.close();
  }
}

Deno.test("our scheduler as a process of its own: every call runs, and is scored against a simulated baseline", async () => {
  const port = freePort();
  const scheduler = await serve([
    "serve",
    "scheduler",
    "--port=0",
    `--resourcemanager=127.0.0.1:${port}`,
    "--workers=1",
  ]);
  try {
    await withCalls(async (workload) => {
      const { address, port: own } = scheduler.ready;
      const run = evaluation(
        port,
        `--scheduler=ours=${address}:${own}`,
        workload,
        ...QUICK_STARTS,
        "--json",
        "--functions",
      );
      const { code, out, err } = await run.ended();
      assertEquals(code, 0, err);
      const { policies: [ours, baseline], evaluation: { speed, measured }, floor } = JSON.parse(out);
      assertEquals([ours.policy, baseline.policy, speed], ["ours", "baseline (simulated)", 1]);
      assertEquals([ours.calls, ours.failed, ours.oomKills, ours.functions.length], [CALLS, 0, 0, 4]);
      assert(ours.coldStarts >= 4 && ours.containersCreated >= 4 && ours.nodesPeak >= 1, out);
      assert(ours.nodeSeconds > 1, `${ours.nodeSeconds} node-seconds`);
      assert(floor.responseRatio < ours.responseRatio, "faster than calls that never wait");
      assertEquals([baseline.score, measured[0].errors], [1, []]);
      assert(measured[0].lateness.maxMs >= measured[0].lateness.p99Ms);
      assertMatch(err, new RegExp(`RESOURCE_MANAGER_ENDPOINT=127.0.0.1:${port} .* serve scheduler --port ${own}\n`));
    });
  } finally {
    assertEquals(await scheduler.stop(), 0);
  }
});

Deno.test("a scheduler that is none of ours and knows the legacy fields only is evaluated as well", async () => {
  await withForeign((scheduler, address, port) =>
    withCalls(async (workload) => {
      const { code, out, err } = await evaluation(port, `--scheduler=foreign=${address}`, workload, ...QUICK_STARTS)
        .ended();
      assertEquals(code, 0, err);
      const [, , how, , heading, line] = out.split("\n");
      assertEquals(how, "foreign: measured over real sockets in real time; the baseline is simulated in virtual time.");
      assertMatch(heading, /^POLICY +SCORE +RT +ND +COLD /);
      assertMatch(line, /^foreign +\d+\.\d{3} /);
      const errors = heading.indexOf("ERRORS") + "ERRORS".length;
      assertEquals(line.slice(errors - 6, errors).trim(), "0");
      assertEquals([scheduler.acquired, scheduler.returned], [CALLS, CALLS]);
      assertMatch(out, /foreign: calls were sent later than planned by p50 /);
    })
  );
});

Deno.test("Ctrl-C tells what was measured so far, and gives back what is held", async () => {
  await withForeign((scheduler, address, port) =>
    withCalls(async (workload) => {
      // Slow enough to be stopped in the middle, whatever else this machine does.
      const run = evaluation(port, `--scheduler=${address}`, workload, "--speed=0.2", ...QUICK_STARTS);
      await scheduler.hasAcquired(5);
      run.stop();
      const { code, out, err } = await run.ended();
      assertEquals(code, 130, err);
      assertMatch(out, new RegExp(`Stopped after \\d+ of ${CALLS} calls\\.`));
      assertMatch(out, /\nbaseline \(simulated\) +1\.000 /);
      // Answers that were under way when their callers had left end by their leases' deadlines.
      assert(scheduler.returned >= scheduler.acquired - 2, `${scheduler.returned} of ${scheduler.acquired}`);
    })
  );
});

Deno.test("a scheduler that dies half way: the run ends, its calls have failed, and it is told with what", async () => {
  await withForeign(async (scheduler, address, port) => {
    const run = evaluation(port, `--scheduler=mortal=${address}`, ...MINUTE, "--speed=40", "--json");
    await scheduler.hasAcquired(5);
    scheduler.close();
    const { code, out, err } = await run.ended();
    assertEquals(code, 0, err);
    const { policies: [mortal] } = JSON.parse(out);
    assert(mortal.failed > 5 && mortal.failed < mortal.calls && mortal.score > 10, out);
    assertMatch(err, /warning: mortal: \d+ calls failed with unavailable, the last one so: .*ECONNREFUSED/);
  });
});

Deno.test("what cannot be evaluated is told in one line", async () => {
  const last = (text: string) => text.trimEnd().split("\n").at(-1)!;
  const fails = async (args: string[], message: RegExp, code = 1) => {
    const run = await evaluation(freePort(), ...args, "--wait=1s").ended();
    assertEquals([run.code, run.out], [code, ""], run.err);
    assertMatch(last(run.err), message);
  };
  await fails([], /^error: evaluate needs --scheduler HOST:PORT, or --policy NAME for one of our own/, 2);
  await fails(["--scheduler=nobody"], /^error: --scheduler is "nobody", must be host:port or name=host:port/, 2);
  await fails(["--policy=adaptiv"], /^error: --policy is "adaptiv", must be one of .*did you mean adaptive\?$/, 2);
  await fails(["--policy=adaptive", "--host=0.0.0.0"], /^error: --host is "0\.0\.0\.0", must be one address/, 2);
  await fails(["--policy=adaptive", "--speed=0"], /^error: --speed is "0", must be a number from 0\.1 to 1000$/, 2);
  const free = freePort();
  await fails(
    [`--scheduler=127.0.0.1:${free}`],
    /^error: unavailable: no scheduler answers at .* after 1 s: .*ECONNREFUSED/,
  );

  const http = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen() {} }, () => new Response("hello"));
  await fails([`--scheduler=127.0.0.1:${http.addr.port}`], /^error: unavailable: what listens at .* is no scheduler: /);
  const taken = `--resourcemanager-port=${http.addr.port}`;
  await fails([taken, "--scheduler=127.0.0.1:1"], /^error: failed_precondition: port \d+ on 127\.0\.0\.1 is taken/);
  await http.shutdown();

  const other = new grpc.Server();
  const port = await new Promise<number>((resolve) =>
    other.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (_, port) => resolve(port))
  );
  await fails(
    [`--scheduler=127.0.0.1:${port}`],
    /^error: unimplemented: .* speaks gRPC, but is no schedulerproto\.Scheduler/,
  );
  other.forceShutdown();
});

Deno.test("a scheduler that wants a token gets it, and its own calls must carry it", async () => {
  const folder = await Deno.makeTempDir({ prefix: "mini-faas-test-" });
  const file = `${folder}/token`;
  await Deno.writeTextFile(file, "a-secret-token", { mode: 0o600 });
  const port = freePort();
  const args = ["serve", "scheduler", "--port=0", `--resourcemanager=127.0.0.1:${port}`, `--token-file=${file}`];
  const scheduler = await serve([...args, "--workers=1"]);
  try {
    const target = `--scheduler=${scheduler.ready.address}:${scheduler.ready.port}`;
    const with_ = await evaluation(port, target, ...MINUTE, `--token-file=${file}`, "--json").ended();
    assertEquals([with_.code, JSON.parse(with_.out).policies[0].failed], [0, 0], with_.err);
    const without = await evaluation(port, target, ...MINUTE).ended();
    assertEquals(without.code, 1);
    assertMatch(without.err, /\nerror: unauthenticated: .*; name its file with --token-file\n$/);
  } finally {
    await scheduler.stop();
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("policies of our own run side by side on the same calls", async () => {
  const { code, out, err } = await cli("evaluate", "--policy=on-demand,adaptive", ...MINUTE);
  assertEquals(code, 0, err);
  const names = out.split("\n").filter((line) => /^\S.* \d+\.\d{3} +\d+\.\d{3} /.test(line)).map((line) =>
    line.split("  ")[0]
  );
  assertEquals(names, ["on-demand", "adaptive", "baseline (simulated)", "floor"]);
});
