import { assertEquals } from "@std/assert";
import { taskArguments } from "./task_arguments.ts";

const DST = new URL("../simulator/dst/main.ts", import.meta.url).pathname;

Deno.test("flags that there are come as parseArgs reads them", () => {
  const { values } = taskArguments({ args: ["--seed", "7"], options: { seed: { type: "string" } } });
  assertEquals(values.seed, "7");
});

Deno.test("a flag that there is not ends a task with 2 and one line that names those there are", async () => {
  for (const [wrong, told] of [["--sed", "Unknown option '--sed'"], ["7", "Unexpected argument '7'"]]) {
    const args = ["run", "--allow-env", DST, wrong];
    const { code, stderr } = await new Deno.Command(Deno.execPath(), { args, env: { NO_COLOR: "1" } }).output();
    const line = `error: ${told}; flags are --seeds, --from, --seed, --plant\n`;
    assertEquals([code, new TextDecoder().decode(stderr)], [2, line]);
  }
});
