import { assert, assertAlmostEquals, assertEquals, assertMatch } from "@std/assert";
import { cli, commandMissing, type Platform, until, withPlatform } from "./program.ts";
import { withServices } from "./services.ts";

const CALLS = 12;

async function metricsOf(base: string): Promise<string> {
  const response = await fetch(`${base}/metrics`);
  assertEquals(response.headers.get("content-type"), "text/plain; version=0.0.4; charset=utf-8");
  assertEquals(response.status, 200);
  return await response.text();
}

function valueOf(text: string, sample: string): number {
  const line = text.split("\n").find((one) => one.startsWith(`${sample} `));
  assert(line, `${sample} is not there:\n${text.slice(0, 4_000)}`);
  return Number(line!.slice(sample.length + 1));
}

async function deployAndCall(platform: Platform): Promise<void> {
  const server = `--server=${platform.ready.apiserver}`;
  const { code, err } = await cli("deploy", "src/examples/sleep", server);
  assertEquals(code, 0, err);
  for (let n = 0; n < CALLS; n++) {
    const response = await fetch(`${platform.url}/fn/sleep`, {
      method: "POST",
      body: JSON.stringify({ cpuMs: 0, sleepMs: 50, memoryMiB: 1 }),
    });
    await response.body?.cancel();
    assertEquals(response.status, 200);
  }
}

async function scoreOf(platform: Platform) {
  const { code, out, err } = await cli("score", "--json", `--server=${platform.ready.apiserver}`);
  assertEquals(code, 0, err);
  return JSON.parse(out);
}

Deno.test("a running platform tells its score, and what policies in shadow would have made of the same calls", async () => {
  const flags = ["--runtime=simulated", "--workers=2", "--shadow=kpa,memory-share", "--shadow-lag=3s"];
  await withPlatform(flags, async (platform) => {
    await deployAndCall(platform);
    const fed = await until(
      "twins that have all calls",
      () => scoreOf(platform),
      ({ shadows }) =>
        shadows.calls === CALLS &&
        shadows.twins.every((twin: { total: { calls: number } }) => twin.total.calls === CALLS),
    );
    assertEquals(fed.policy, "adaptive");
    const [sleep] = fed.functions;
    assertEquals([sleep.functionName, sleep.calls, sleep.coldStarts], ["sleep", CALLS, 1]);
    assert(sleep.run.sumSeconds >= CALLS * 0.045, `${sleep.run.sumSeconds} s`);
    assert(sleep.wait.sumSeconds > 0.5, "the first one waited for a start");
    assert(fed.nodeSeconds > 0 && sleep.idle.gibSeconds > 0);

    const { shadows } = fed;
    assertEquals(shadows.failure, "");
    const roles = shadows.twins.map(({ policy, role, failure }: Record<string, string>) => [policy, role, failure]);
    assertEquals(roles, [
      ["adaptive", "acting", ""],
      ["kpa", "shadow", ""],
      ["memory-share", "shadow", ""],
      ["baseline", "baseline", ""],
    ]);
    assertEquals(shadows.dropped, 0);
    for (const { policy, hour } of shadows.twins) {
      assert(hour.score > 0 && hour.responseRatio > 0, `${policy}: ${JSON.stringify(hour)}`);
    }
    // What was measured for the calls that were fed is what the live score counted of them.
    const measured = sleep.run.sumSeconds + sleep.wait.sumSeconds;
    assertAlmostEquals(shadows.liveTotal.responseSeconds, measured, 0.01);

    // On every thread of the scheduler's port.
    for (let n = 0; n < 6; n++) {
      const text = await metricsOf(platform.scheduler);
      const labels = 'account="default",function="sleep"';
      assertEquals(valueOf(text, `minifaas_function_calls_total{${labels},outcome="cold_start"}`), 1);
      assertEquals(valueOf(text, `minifaas_function_run_seconds_count{${labels}}`), CALLS);
      assertEquals(valueOf(text, 'minifaas_shadow_policy_up{policy="kpa",role="shadow"}'), 1);
      assert(valueOf(text, "minifaas_node_seconds_total") > 0);
    }
    const { out } = await cli("score", `--server=${platform.ready.apiserver}`);
    assertMatch(out, /policy adaptive, in [\d.]+ s: 12 calls, 0 failed, 1 cold\n/);
    assertMatch(out, /\nsleep +12 +0 +1 /);
    assertMatch(out, /\nkpa +shadow +\d\.\d{3} /);
    assertMatch(out, /the acting policy's twin has \d/);
    await readByPrometheus(platform);
  });
});

/** Prometheus's own parser for Python, where it is installed, reads the same page. */
async function readByPrometheus(platform: Platform): Promise<void> {
  if (commandMissing("python3")) return;
  const script = "import sys\ntry:\n  from prometheus_client.parser import text_string_to_metric_families as parse\n" +
    "except ImportError:\n  print('missing'); sys.exit(0)\n" +
    "print(sum(len(f.samples) for f in parse(sys.stdin.read())))";
  const child = new Deno.Command("python3", { args: ["-c", script], stdin: "piped", stdout: "piped" }).spawn();
  const text = await metricsOf(platform.scheduler);
  const writer = child.stdin.getWriter();
  // Without the parser it may have ended already.
  await writer.write(new TextEncoder().encode(text)).then(() => writer.close()).catch(() => {});
  const { code, stdout } = await child.output();
  const said = new TextDecoder().decode(stdout).trim();
  if (said === "missing") {
    return console.log("python3 has no prometheus_client: its parser does not read the metrics here");
  }
  assertEquals(code, 0);
  assertEquals(Number(said), text.split("\n").filter((line) => line !== "" && !line.startsWith("#")).length);
}

Deno.test("a scheduler alone tells the same through the apiserver, and takes the pool of another for what it shows", async () => {
  const flags = { scheduler: ["--shadow=kpa", "--shadow-lag=3s"], resourcemanager: ["--runtime=simulated"] };
  await withServices({ flags }, async (services) => {
    await services.deploy("sleep");
    for (let n = 0; n < 3; n++) await services.invoke("sleep", { cpuMs: 0, sleepMs: 50, memoryMiB: 1 });
    const ask = async () => {
      const { code, out, err } = await services.cli("score", "--json");
      assertEquals(code, 0, err);
      return JSON.parse(out);
    };
    const { all, shadows } = await until(
      "twins that have all calls",
      ask,
      ({ shadows }) =>
        shadows.twins.length > 0 && shadows.twins.every((twin: { total: { calls: number } }) => twin.total.calls === 3),
    );
    assertEquals([all.calls, shadows.failure, shadows.liveTotal.calls], [3, "", 3]);
    assertEquals(shadows.twins.map(({ failure }: { failure: string }) => failure), ["", "", ""]);
  });
});

Deno.test("metrics need the token where there is one, as everything does", async () => {
  const folder = await Deno.makeTempDir({ prefix: "mini-faas-test-" });
  const token = "a-token-of-this-test-0123456789abcdef";
  await Deno.writeTextFile(`${folder}/token`, token, { mode: 0o600 });
  try {
    await withPlatform(["--runtime=simulated", "--workers=0", `--token-file=${folder}/token`], async (platform) => {
      const refused = await fetch(`${platform.scheduler}/metrics`);
      assertEquals(refused.status, 401);
      await refused.body?.cancel();
      const headers = { authorization: `Bearer ${token}` };
      const allowed = await fetch(`${platform.scheduler}/metrics`, { headers });
      assertMatch(await allowed.text(), /^# HELP minifaas_info /);
    });
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a shadow policy that there is not is refused with those that there are", async () => {
  const { code, err } = await cli("up", "--shadow=kap");
  assertEquals(code, 2);
  assertMatch(err, /--shadow is "kap", must be adaptive, baseline, .* or greedy-dual; several with commas between/);
});
