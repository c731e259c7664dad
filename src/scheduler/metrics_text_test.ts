import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { Outcome } from "../core/mod.ts";
import { metricsText } from "./metrics_text.ts";
import type { Summary } from "./ports.ts";
import { LiveScore } from "./score/live_score.ts";
import type { ScoreView } from "./score/view.ts";

const NAMES = ["hello", 'quo"te', "back\\slash", "line\nbreak"];

export function exampleScore(): ScoreView {
  const score = new LiveScore();
  NAMES.forEach((functionName, slot) => {
    const fn = { slot, spec: { accountId: "default", functionName } };
    score.decided(fn, Outcome.coldStart, 700);
    score.decided(fn, Outcome.warm, 0);
    score.ended(fn, 30, "crash");
    score.ended(fn, 100_000, undefined);
    score.held(fn, "idle", 5_000, 131_072, 0.0625);
  });
  score.nodeHeld(5_000);
  score.reserved(20);
  const zero = { calls: 2, failed: 0, responseSeconds: 3, nodeSeconds: 4 };
  const twin = { policy: "kpa", role: "shadow" as const, failure: "", hour: { ...zero, score: 0.5 }, total: zero };
  const shadows = { failure: "", lagSeconds: 30, calls: 2, late: 1, dropped: 0, live: { hour: zero, total: zero } };
  return score.view({ policy: "on-demand", seconds: 5, missed: 0, shadows: { ...shadows, twins: [twin] } });
}

const summary = { nodes: 1, containers: 4, leases: 0, waiting: 0, acquires: 8, releases: 8 } as Summary;

/** Every line is a comment, or a name, labels and a number; samples of a family stand together after its type. */
function parse(text: string): Map<string, number> {
  const samples = new Map<string, number>();
  const types = new Map<string, string>();
  let family = "";
  assert(text.endsWith("\n"), "the last line ends");
  for (const line of text.slice(0, -1).split("\n")) {
    const comment = /^# (HELP|TYPE) ([a-z_:][a-z0-9_:]*) (.+)$/.exec(line);
    if (comment) {
      family = comment[2];
      if (comment[1] === "TYPE") {
        assert(!types.has(family), `${family} has one type`);
        types.set(family, comment[3]);
      }
      continue;
    }
    const sample = /^([a-z_:][a-z0-9_:]*)(\{(?:[a-z_]+="(?:[^"\\\n]|\\["\\n])*",?)+\})? (\S+)$/.exec(line);
    if (!sample) throw new Error(`no sample: ${line}`);
    const [, name, labels = "", value] = sample;
    assert(types.has(family) && name.replace(/_(bucket|sum|count)$/, "") === family || name === family, line);
    assert(types.get(family) !== "counter" || name.endsWith("_total"), line);
    assert(!samples.has(name + labels), `${name}${labels} stands there once`);
    assert(Number.isFinite(Number(value)), line);
    samples.set(name + labels, Number(value));
  }
  return samples;
}

Deno.test("the metrics are in the text format, one line for every figure", () => {
  const zeros = Object.fromEntries(
    ["unknownReturns", "expiredLeases", "containersCreated", "containersRemoved", "nodesLost", "memoryCorrections"]
      .map((name) => [name, 0]),
  );
  const samples = parse(metricsText(exampleScore(), { ...summary, ...zeros }));
  const of = (name: string) => samples.get(name);
  const hello = 'account="default",function="hello"';
  assertEquals(of("minifaas_node_seconds_total"), 5);
  assertEquals(of("minifaas_unassigned_node_seconds_total"), 3.75);
  assertEquals(of(`minifaas_function_calls_total{${hello},outcome="cold_start"}`), 1);
  assertEquals(of(`minifaas_function_calls_total{${hello},outcome="warm"}`), 1);
  assertEquals(of(`minifaas_function_failures_total{${hello},kind="crash"}`), 1);
  assertEquals(of(`minifaas_function_response_seconds_total{${hello}}`), 100.73);
  assertEquals(of(`minifaas_function_node_seconds_total{${hello}}`), 0.3125);
  assertEquals(of(`minifaas_function_container_gib_seconds_total{${hello},state="idle"}`), 0.625);
  assertEquals(of('minifaas_shadow_score{policy="kpa",role="shadow"}'), 0.5);
  assertEquals(of('minifaas_shadow_node_seconds_total{policy="",role="live"}'), 4);
});

Deno.test("buckets are cumulated, end with all, and names of functions are escaped", () => {
  const text = metricsText(exampleScore(), summary);
  const buckets = [...text.matchAll(/^minifaas_function_run_seconds_bucket\{[^}]*hello[^}]*\} (\d+)$/gm)];
  assertEquals(buckets.map(([, count]) => Number(count)), [0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2]);
  assertMatch(text, /le="\+Inf"\} 2\nminifaas_function_run_seconds_sum\{[^}]*\} 100\.03\n/);
  assertStringIncludes(text, 'function="quo\\"te"');
  assertStringIncludes(text, 'function="back\\\\slash"');
  assertStringIncludes(text, 'function="line\\nbreak"');
});
