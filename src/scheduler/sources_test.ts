import { assertEquals } from "@std/assert";

/** Time, randomness and the machine are handed in to these rooms, or the simulator could not run them. */
const FORBIDDEN = /Date\.now|new Date\(\)|Math\.random|performance\.now|setTimeout|setInterval|\bDeno\./;

Deno.test("core, policy and scheduler touch no clock, no randomness and no Deno of their own", async () => {
  const found: string[] = [];
  for (const room of ["core", "policy", "scheduler"]) {
    const folder = new URL(`../${room}/`, import.meta.url);
    for await (const { name } of Deno.readDir(folder)) {
      if (!name.endsWith(".ts") || /(_test|_bench|^contract)\.ts$/.test(name)) continue;
      const lines = (await Deno.readTextFile(new URL(name, folder))).split("\n");
      lines.forEach((line, i) => FORBIDDEN.test(line) && found.push(`${room}/${name}:${i + 1}: ${line.trim()}`));
    }
  }
  assertEquals(found, []);
});
