/** The platform as it comes, with real containers: which policy acts, and that its nodes are overcommitted and hold. */
import { assert, assertEquals } from "@std/assert";
import { callJson, withPlatform } from "./program.ts";

Deno.test("the default policy serves a burst, on nodes that tell how far they are overcommitted", async () => {
  await withPlatform(["--nodes-max=1", "--node-memory=256MiB"], async ({ url, scheduler, log }) => {
    const ask = (method: string) => callJson(scheduler, `minifaas.admin.v1.ClusterService/${method}`, {});
    for (let round = 0; round < 5; round++) {
      const replies = await Promise.all(Array.from({ length: 12 }, () => fetch(`${url}/fn/hello`)));
      for (const reply of replies) {
        await reply.body?.cancel();
        assertEquals(reply.status, 200);
      }
    }
    assertEquals((await ask("GetSummary")).policy, "adaptive");
    assert(log().includes("adaptive"), "the log tells it as well");
    const { nodes } = await ask("ListNodes");
    assertEquals(Number(nodes[0].admittedMemoryInBytes), 4 * Number(nodes[0].memoryInBytes));
  });
});

Deno.test("--overcommit=1 and another policy: nodes admit what they have", async () => {
  await withPlatform(["--policy=on-demand", "--overcommit=1"], async ({ url, scheduler }) => {
    assertEquals(await (await fetch(`${url}/fn/hello`)).text().then((text) => text.length > 0), true);
    const ask = (method: string) => callJson(scheduler, `minifaas.admin.v1.ClusterService/${method}`, {});
    assertEquals((await ask("GetSummary")).policy, "on-demand");
    const { nodes } = await ask("ListNodes");
    assertEquals(nodes[0].admittedMemoryInBytes, nodes[0].memoryInBytes);
  });
});
