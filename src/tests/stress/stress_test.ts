/** The stress program in short: the sound build holds, and each broken one is found out. It runs as its own process. */
import { assert, assertEquals } from "@std/assert";
import { BROKEN_BUILDS } from "./broken.ts";
import { OPERATIONS, Operations } from "./operations.ts";
import type { StressReport } from "./run.ts";

const MAIN = new URL("./main.ts", import.meta.url).pathname;

async function stress(...args: string[]): Promise<{ code: number; report: StressReport; errors: string }> {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", MAIN, "--workers", "4", "--json", ...args],
    stdout: "piped",
    stderr: "piped",
  });
  const { code, stdout, stderr } = await command.output();
  const errors = new TextDecoder().decode(stderr);
  const text = new TextDecoder().decode(stdout);
  assert(text !== "", `no report: ${errors}`);
  return { code, report: JSON.parse(text), errors };
}

Deno.test("four threads at random operations break nothing", async () => {
  const seed = 1 + Math.floor(performance.timeOrigin) % 1_000_000;
  const { code, report, errors } = await stress("--seconds", "4", "--seed", `${seed}`);
  console.log(`seed ${seed}: ${report.operations} operations, ${JSON.stringify(report.counts)}`);
  console.log(`controller: ${JSON.stringify(report.moves)}, ${report.barriers} barriers`);
  assertEquals([code, errors, report.violation], [0, "", undefined]);
  assert(report.ordered > 0 && report.operations > 1_000, "next to nothing was done");
});

/** A broken build is found within seconds, by chance; on a machine that is busy with other things that takes longer. */
const SOUGHT_S_MAX = "120";

for (const [name, what] of Object.entries(BROKEN_BUILDS)) {
  Deno.test(`a build is found out in which ${what}`, async () => {
    const { code, report, errors } = await stress("--seconds", SOUGHT_S_MAX, "--seed", "1", "--break", name);
    console.log(`${name}: ${report.seconds.toFixed(2)} s, ${report.violation}`);
    assertEquals(code, 1, "it was not found out");
    assert(report.violation !== undefined);
    assert(errors.includes("with seed 1") && errors.includes(`--seed 1 --break ${name}`), errors);
  });
}

Deno.test("a seed gives each worker, and each of its lives, the same operations again", () => {
  const list = (seed: number, worker: number, life: number) => {
    const operations = new Operations(seed, worker, life);
    return Array.from({ length: 5_000 }, () => {
      operations.next();
      return `${OPERATIONS[operations.what]} ${operations.a} ${operations.b} ${operations.c}`;
    });
  };
  assertEquals(list(7, 1, 0), list(7, 1, 0));
  const others = [list(8, 1, 0), list(7, 2, 0), list(7, 1, 1)];
  for (const other of others) assert(other.join() !== list(7, 1, 0).join());
});

Deno.test("a mistyped option is told, and nothing is run", async () => {
  for (const [option, value] of [["--break", "nothing"], ["--workers", "0"], ["--seconds", "soon"]]) {
    const command = new Deno.Command(Deno.execPath(), { args: ["run", "-A", MAIN, option, value], stderr: "piped" });
    const { code, stderr } = await command.output();
    assertEquals(code, 2);
    assert(new TextDecoder().decode(stderr).startsWith(`${option} is "${value}", must be`));
  }
});
