import { assertEquals, assertMatch } from "@std/assert";
import { cli, withPlatform } from "./program.ts";

Deno.test("why tells of a cold start, of a warm one, and of one that nobody knows", async () => {
  await withPlatform([], async (platform) => {
    const server = `--server=${platform.ready.apiserver}`;
    const idOf = async () => {
      const response = await fetch(`${platform.url}/fn/hello`);
      await response.body?.cancel();
      return response.headers.get("x-minifaas-request-id")!;
    };

    const cold = await cli("why", await idOf(), server);
    assertMatch(cold.out, /default\/hello, decided \d\d:\d\d:\d\d\.\d{3}Z\n/);
    assertMatch(cold.out, /cold start: waited [\d.]+ ms for container [0-9a-f]+ on node-\S+, its first invocation/);
    assertMatch(cold.out, /asking for another node: default\/hello needs 128 MiB, more than any node has free/);
    assertMatch(cold.out, /starting a container on node-\S+: 1 waiting, 0 starting, 0 warm/);
    assertMatch(cold.out, /container [0-9a-f]+ came up in \d+ ms/);

    const warm = await cli("why", await idOf(), server, "--json");
    const [decision] = JSON.parse(warm.out).decisions;
    assertEquals([decision.outcome, decision.functionName, decision.waitedInNanos], ["warm", "hello", 0]);

    const unknown = await cli("why", "nobody-knows", server);
    assertEquals(unknown.code, 1);
    assertEquals(unknown.err, "error: not_found: nothing is remembered of request nobody-knows\n");
  });
});
