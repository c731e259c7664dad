import { assertEquals, assertLess } from "@std/assert";
import { callJson, cli, type Platform, summaryOf, until, withPlatform } from "./program.ts";

const INVOCATIONS = 2_500;
const AT_ONCE = 25;
const EVERY_MS = 100;
/** What the platform may write at the default level meanwhile. */
const LOG_BYTES_MAX = 2_000_000;

/** One request of each of the five functions, and how the answer must look. */
const CALLS: readonly { path: string; body?: string; answer: RegExp }[] = [
  { path: "hello?name=you", answer: /^Hello, you!\n$/ },
  { path: "cpu", body: '{"below":1000}', answer: /"primes":168/ },
  { path: "memory", body: '{"mib":2}', answer: /"mib":2/ },
  { path: "sleep", body: '{"ms":50}', answer: /"sleptMs":50/ },
  { path: "stream?lines=2&every=5", answer: /^1\n2\n$/ },
];

Deno.test("2,500 invocations of five functions fired without waiting all succeed, and nothing stays behind", async (t) => {
  await withPlatform(
    ["--policy=on-demand", "--container-idle=3s", "--node-idle=4s", "--nodes-max=2"],
    async (platform) => {
      for (const name of ["cpu", "memory", "sleep", "stream"]) {
        const { code, err } = await cli("deploy", `src/examples/${name}`, `--server=${platform.ready.apiserver}`);
        assertEquals(code, 0, err);
      }
      const before = platform.log().length;

      await t.step("25 at a time every 100 ms, 0 errors", async () => {
        const running: Promise<string | undefined>[] = [];
        const { promise: allFired, resolve } = Promise.withResolvers<void>();
        const timer = setInterval(() => {
          for (let n = 0; n < AT_ONCE; n++) running.push(invoke(platform, running.length));
          if (running.length >= INVOCATIONS) resolve();
        }, EVERY_MS);
        await allFired;
        clearInterval(timer);
        const failures = (await Promise.all(running)).filter((failure) => failure !== undefined);
        assertEquals(failures.slice(0, 5), []);
      });

      await t.step("they are logged in less than 2 MB", () => {
        assertLess(platform.log().length - before, LOG_BYTES_MAX);
      });

      await t.step("afterwards ps shows no lease, and after the idle time no container and no node", async () => {
        await until("no lease", () => ps(platform), ({ leases, waiting }) => leases === 0 && waiting === 0);
        const last = await until("no node", () => ps(platform), ({ containers, nodes }) => {
          return containers.length === 0 && nodes.length === 0;
        });
        assertEquals(last.expiredLeases, 0);
        const summary = await summaryOf(platform.url);
        assertEquals([summary.acquires, summary.unknownReturns ?? 0], [summary.releases, 0]);
        assertEquals(summary.memoryCorrections ?? 0, 0);
      });

      await t.step("and the next invocation starts all over", async () => {
        assertEquals(await invoke(platform, 0), undefined);
        const { nodes } = await callJson(platform.url, "minifaas.admin.v1.ClusterService/ListNodes", {});
        assertEquals(nodes.length, 1);
      });
    },
  );
});

/** One invocation; answers what was wrong with it. */
async function invoke(platform: Platform, n: number): Promise<string | undefined> {
  const { path, body, answer } = CALLS[n % CALLS.length];
  try {
    const response = await fetch(`${platform.url}/fn/${path}`, { method: body ? "POST" : "GET", body });
    const text = await response.text();
    return response.ok && answer.test(text) ? undefined : `${path}: ${response.status} ${text}`;
  } catch (error) {
    return `${path}: ${error}`;
  }
}

async function ps(platform: Platform) {
  const { out, err } = await cli("ps", "--json", `--server=${platform.ready.apiserver}`);
  assertEquals(err, "");
  return JSON.parse(out);
}
