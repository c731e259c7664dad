/** What all containers of a node may hold together, held by the kernel. */
import { assert, assertEquals } from "@std/assert";
import { MIB } from "../../../base/mod.ts";
import { createCgroupParents, parentFolders, removeGroup } from "./cgroup.ts";
import { newGroupName } from "./orphan_groups.ts";
import { withRuntime } from "./testing.ts";

const HOLD = `export async function handler(mib) {
  const held = [];
  for (let i = 0; i < mib; i++) {
    held.push(new Uint8Array(2 ** 20).fill(1));
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  return held.length;
}`;

const groups = createCgroupParents(newGroupName());
for (const folder of parentFolders(groups)) await removeGroup(folder);
if (!groups.memory) console.log("skipped: no memory cgroup is writable here, so the kernel keeps no node's memory");

Deno.test({
  name: "beyond its node's memory the largest container is out of memory, though it kept its own limit",
  ignore: !groups.memory,
  fn: () =>
    withRuntime(async ({ runtime, start, send }) => {
      const [small, large] = [
        await start(HOLD, { memoryBytes: 512 * MIB }),
        await start(HOLD, { memoryBytes: 512 * MIB }),
      ];
      const [kept, killed] = await Promise.all([send(small, 30), send(large, 120)]);
      assertEquals([kept.failure, kept.body], [undefined, "30"]);
      assertEquals(killed.failure?.kind, "out_of_memory");
      assert(killed.failure?.message.includes("its node had no memory left"), killed.failure?.message);
      assert(runtime.memoryBytes() <= 128 * MIB);
    }, { memoryBytes: 128 * MIB }),
});
