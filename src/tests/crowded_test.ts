import { assert, assertEquals, assertMatch } from "@std/assert";
import { callJson, cli, type Platform, summaryOf, until, withPlatform } from "./program.ts";

const INVOKE = "apiserverproto.APIServer/InvokeFunction";

function sleepFor({ url }: Platform, ms: number): Promise<Response> {
  return fetch(`${url}/fn/sleep`, { method: "POST", body: JSON.stringify({ ms }) });
}

async function reaches(platform: Platform, wanted: Record<string, number>): Promise<void> {
  await until(JSON.stringify(wanted), () => summaryOf(platform.scheduler), (summary) => {
    return Object.entries(wanted).every(([name, count]) => (summary[name] ?? 0) === count);
  });
}

Deno.test("one container is all there is room for", async (t) => {
  const flags = ["--node-memory=128MiB", "--nodes-max=1", "--queue-depth=2", "--log-level=error"];
  await withPlatform(flags, async (platform) => {
    const server = `--server=${platform.ready.apiserver}`;
    assertEquals((await cli("deploy", "src/examples/sleep", server)).code, 0);

    await t.step("a call waits for it until its deadline", async () => {
      const running = sleepFor(platform, 1_500);
      await reaches(platform, { leases: 1 });
      const begunMs = performance.now();
      const late = await callJson(platform.url, INVOKE, { functionName: "sleep", event: btoa('{"ms":1}') }, 400);
      assertEquals(late.code, "deadline_exceeded");
      assert(performance.now() - begunMs > 300, "it waited");
      const acquire = {
        requestId: "late",
        accountId: "default",
        functionName: "sleep",
        functionConfig: { memoryInBytes: 128 * 2 ** 20, timeoutInMs: 60_000 },
      };
      const refused = await callJson(platform.scheduler, "schedulerproto.Scheduler/AcquireContainer", acquire, 200);
      assertEquals(refused.code, "deadline_exceeded");
      assertMatch(refused.message, /^no container of function "sleep" was free within \d+ ms: it has 1 containers/);
      assertEquals((await running).status, 200);
    });

    await t.step("with the queue full a call is refused at once, and told when to try again", async () => {
      const running = sleepFor(platform, 1_000);
      await reaches(platform, { leases: 1 });
      const waiting = [sleepFor(platform, 1), sleepFor(platform, 1)];
      await reaches(platform, { waiting: 2 });
      const refused = await sleepFor(platform, 1);
      assertEquals(refused.status, 429);
      assertMatch(refused.headers.get("retry-after")!, /^[1-9]\d*$/);
      const { code, message } = await refused.json();
      assertEquals(code, "resource_exhausted");
      assertMatch(message, /^2 acquires of function "sleep" wait, the most its queue holds/);
      for (const served of await Promise.all([running, ...waiting])) assertEquals(served.status, 200);
    });

    await t.step("an idle container makes room for another function", async () => {
      assertEquals(await (await fetch(`${platform.url}/fn/hello`)).text(), "Hello, world!\n");
      assertEquals((await sleepFor(platform, 1)).status, 200);
    });

    await t.step("a function that no node can hold is told so", async () => {
      assertEquals((await cli("deploy", "src/examples/cpu", "--memory=256MiB", server)).code, 0);
      const found = await callJson(platform.url, INVOKE, { functionName: "cpu", event: btoa('{"below":10}') });
      assertEquals(found.code, "invalid_argument");
      assertMatch(found.message, /memory_in_bytes is "?256 MiB"?, must be at most 128 MiB/);
    });
    await reaches(platform, { leases: 0, waiting: 0 });
  });
});
