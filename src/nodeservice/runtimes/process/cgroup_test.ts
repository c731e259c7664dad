import { assertEquals } from "@std/assert";
import { Cgroup, createCgroupParents } from "./cgroup.ts";

/** A folder that looks like a machine with cgroup version 2, as far as plain files can. */
async function withVersion2(own: string, run: (mount: string, proc: string) => Promise<void> | void): Promise<void> {
  const root = await Deno.makeTempDir({ prefix: "mf-test-" });
  const [mount, proc] = [`${root}/mount`, `${root}/proc`];
  Deno.mkdirSync(`${mount}${own}`, { recursive: true });
  Deno.mkdirSync(proc);
  Deno.writeTextFileSync(`${proc}/cgroup`, `0::${own}\n`);
  Deno.writeTextFileSync(`${proc}/mountinfo`, `31 23 0:28 / ${mount} rw,relatime - cgroup2 cgroup2 rw\n`);
  await run(mount, proc);
  await Deno.remove(root, { recursive: true });
}

Deno.test("version 2: without delegated controllers nothing is used, and nothing is left", () =>
  withVersion2("/user/app", (mount, proc) => {
    assertEquals(createCgroupParents("mini-faas-0123456789abcdef", proc), { memory: undefined, cpu: undefined });
    assertEquals([...Deno.readDirSync(mount)].map(({ name }) => name), ["user"]);
  }));

Deno.test("version 2: limits, use, peak and kills are where the kernel has them", () =>
  withVersion2("/", (mount) => {
    const folder = `${mount}/mini-faas-0123456789abcdef`;
    Deno.mkdirSync(folder);
    const group = new Cgroup({ memory: { version: 2, folder }, cpu: { version: 2, folder } }, "c1");
    const files = {
      "cgroup.procs": "",
      "cpu.max": "max 100000",
      "memory.max": "max",
      "memory.swap.max": "max",
      "memory.oom.group": "0",
      "memory.current": "4096\n",
      "memory.peak": "8192\n",
      "memory.events": "low 0\nhigh 0\nmax 3\noom 1\noom_kill 0\n",
    };
    for (const [name, text] of Object.entries(files)) Deno.writeTextFileSync(`${folder}/c1/${name}`, text);
    group.add(77, 128 * 2 ** 20);
    group.limitCpu(0.335);
    const written = (name: string) => Deno.readTextFileSync(`${folder}/c1/${name}`);
    assertEquals(["cgroup.procs", "cpu.max", "memory.max", "memory.swap.max", "memory.oom.group"].map(written), [
      "77",
      "33500 100000",
      "134217728",
      "0",
      "1",
    ]);
    assertEquals([group.memoryBytes(), group.peakBytes(), group.ranOutOfMemory()], [4096, 8192, false]);
    Deno.writeTextFileSync(`${folder}/c1/memory.events`, "oom 1\noom_kill 1\n");
    assertEquals(group.ranOutOfMemory(), true);
    group.liftCpuLimit();
    assertEquals(written("cpu.max"), "max");
  }));
