/** The whole platform on the policy that runs where nobody names one, with real containers. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { callJson, cli, summaryOf, until, withPlatform } from "./program.ts";

const CLUSTER = "minifaas.admin.v1.ClusterService";

Deno.test("the default policy packs a node beyond its containers' limits by what they use, and every call is good", async () => {
  // Three containers of 128 MiB at most by their limits.
  await withPlatform(["--node-memory=384MiB", "--nodes-max=1", "--container-min=1"], async (platform) => {
    const server = `--server=${platform.ready.apiserver}`;
    assertMatch(platform.log(), /"text":"scheduling","policy":"adaptive"/);
    const names = ["one", "two", "three", "four", "five"];
    for (const name of names) {
      const { code, err } = await cli("deploy", "src/examples/sleep", `--name=${name}`, server);
      assertEquals(code, 0, err);
    }
    const call = async (name: string, ms: number) => {
      const response = await fetch(`${platform.url}/fn/${name}`, { method: "POST", body: JSON.stringify({ ms }) });
      assertEquals([response.status, await response.json()], [200, { sleptMs: ms }]);
    };
    // Measured once, they are charged less than their limits; then all of them fit side by side.
    for (let round = 0; round < 3; round++) for (const name of names) await call(name, 10);
    const found = await until(
      "a container of each function",
      () => callJson(platform.scheduler, `${CLUSTER}/ListContainers`, {}),
      ({ containers = [] }) =>
        names.every((name) =>
          containers.some((c: { functionName: string; phase: string }) => c.functionName === name && c.phase === "warm")
        ),
    );
    const sum = (key: string) =>
      found.containers.reduce((s: number, c: Record<string, string>) => s + Number(c[key]), 0);
    const { nodes: [node] } = await callJson(platform.scheduler, `${CLUSTER}/ListNodes`, {});
    assert(sum("memoryInBytes") > Number(node.memoryInBytes), "its limits go beyond the node");
    assert(sum("chargedMemoryInBytes") <= Number(node.memoryInBytes), "its charges do not");
    await Promise.all(names.map((name) => call(name, 200)));
    await until("no lease", () => summaryOf(platform.scheduler), ({ leases = 0 }) => leases === 0);
    assertMatch((await cli("ps", server)).out, /, policy adaptive\n$/);
  });
});
