import { assert, assertEquals, assertMatch } from "@std/assert";
import { ABLATIONS } from "../policy/mod.ts";
import type { AblationResult } from "./simulation/ablation.ts";
import type { SensitivityResult } from "./simulation/sensitivity.ts";
import { main } from "./main.ts";
import { fakeIo } from "./testing.ts";

const SMALL = ["--workload", "sparse:functions=4,minutes=2,interval=10"];
/** Rounds of many calls, computing functions among them: enough happens for nearly every idea to matter. */
const LIVELY = ["--workload", "periodic:functions=20,minutes=5", "--seed", "1"];
/**
 * What these are for does not happen there: functions let go between rounds, a steady growth, runs that never end, nodes
 * crowded with what computes, nor full ones. Each has its own test beside the policy.
 */
const ELSEWHERE = ["prewarming", "reserving ahead", "stall guard", "moving", "standing room"];

async function ablate(args: string[]) {
  const io = fakeIo();
  const code = await main(["ablate", ...args], io);
  return { code, stdout: io.stdout, stderr: io.stderr };
}

Deno.test("every idea changes what the policy does when it is switched off, and nothing breaks without it", async () => {
  const { code, stdout, stderr } = await ablate([...LIVELY, "--json"]);
  assertEquals([code, stderr], [0, ""]);
  const { policies: [full, ...ablated] }: AblationResult = JSON.parse(stdout);
  assertEquals(ablated.map(({ off }) => off), ABLATIONS.map(({ name }) => name));
  assertEquals([full.off, full.differenceEven.mean], ["full", 0]);
  const changeNothing = ablated.filter((one) => one.scoreEven === full.scoreEven && one.scoreFast === full.scoreFast);
  assertEquals(changeNothing.map(({ off }) => off).filter((off) => !ELSEWHERE.includes(off)), []);
  for (const one of ablated) {
    const { off, scoreEven, failed } = one;
    assert(Math.abs(one.differenceEven.mean - (scoreEven - full.scoreEven)) < 1e-9, off);
    assertEquals(failed, 0, off);
  }
});

Deno.test("ablate shows a line for each idea that is switched off, and says what happens without it", async () => {
  const { code, stdout, stderr } = await ablate([...SMALL, "--seed", "1,2", "--off", "sharing,draining"]);
  assertEquals([code, stderr], [0, ""]);
  assertMatch(stdout, /^POLICY +0\.5\/0\.5 +0\.75\/0\.25 +DIFF +DIFF FAST +RT +ND +COLD +OOM +ERRORS$/m);
  assertMatch(stdout, /^full +\d\.\d{3} +\d\.\d{3} +\d\.\d{3} /m);
  assertMatch(stdout, /^− sharing +\d\.\d{3} +\d\.\d{3} +[+−]\d\.\d{3} ± \d\.\d{3} /m);
  assertMatch(stdout, /^draining +a node is given back only when /m);
});

Deno.test("ablate refuses an idea that is none, and says which there are", async () => {
  const { code, stderr } = await ablate(["--off", "shraing"]);
  assertEquals(code, 2);
  assertMatch(stderr, /^error: --off is "shraing", must be one of sharing, .*; did you mean sharing\?\n$/);
});

Deno.test("sensitivity compares adaptive with its rivals under every setting", async () => {
  const { code, stdout } = await ablate([...SMALL, "--sensitivity", "--json"]);
  assertEquals(code, 0);
  const { settings }: SensitivityResult = JSON.parse(stdout);
  assertEquals(settings.length, 6);
  for (const { setting, policies: [adaptive, ...rivals], winsEven } of settings) {
    assertEquals([adaptive.policy, rivals.length], ["adaptive", 4]);
    assertEquals(winsEven, rivals.every((one) => one.scoreEven > adaptive.scoreEven), setting);
  }
  // The settings reach the cluster: slower starts make other response times.
  const ratios = new Set(settings.map(({ policies }) => policies[1].responseRatio));
  assert(ratios.size >= 4, [...ratios].join());
  const text = await ablate([...SMALL, "--sensitivity"]);
  assertMatch(text.stdout, /^adaptive has the best score in \d+ of 12 cases$/m);
});
