import { assert, assertEquals, equal } from "@std/assert";
import { Load } from "./load.ts";
import { callJson, cli, processesWith, serve, until, upArgs } from "./program.ts";
import { assertPromises } from "./promises.ts";
import { type Services, withServices } from "./services.ts";

/** What runs on each node by its own word: memory not given to containers, and the containers' ids. */
async function nodesOwnWord(services: Services): Promise<Map<string, { free: number; containers: string[] }>> {
  const { nodes } = await services.ps();
  const words = new Map();
  for (const { nodeId, address, nodeServicePort } of nodes) {
    const stats = "nodeservoceproto.NodeService/GetStats";
    const reply = await callJson(`http://${address}:${nodeServicePort}`, stats, { requestId: "test" });
    const containers = (reply.containerStatsList ?? []).map((one: { containerId: string }) => one.containerId).sort();
    words.set(nodeId, { free: Number(reply.nodeStats.availableMemoryInBytes ?? 0), containers });
  }
  return words;
}

/** The same as the scheduler has it. */
async function schedulersWord(services: Services): Promise<Map<string, { free: number; containers: string[] }>> {
  const { nodes, containers } = await services.ps();
  // deno-lint-ignore no-explicit-any -- what ps prints
  return new Map(nodes.map((node: any) => [node.nodeId, {
    free: Number(node.freeMemoryInBytes ?? 0),
    // deno-lint-ignore no-explicit-any -- what ps prints
    containers: containers.filter((one: any) => one.nodeId === node.nodeId).map((one: any) => one.containerId).sort(),
  }]));
}

async function assertAgreement(services: Services): Promise<void> {
  await services.counts({ leases: 0, waiting: 0 });
  // A container that comes or goes at this moment is known to one of them first.
  const words = async () => ({ ours: await schedulersWord(services), theirs: await nodesOwnWord(services) });
  const { ours } = await until("agreement", words, ({ ours, theirs }) => equal(ours, theirs));
  assert(ours.size > 0);
}

Deno.test("the scheduler is killed in the middle of load and started again", async (t) => {
  const flags = { scheduler: ["--policy=on-demand", "--container-idle=3s"] };
  await withServices({ agents: 2, flags: { ...flags, resourcemanager: ["--nodes-warm=2"] } }, async (services) => {
    await services.deploy("hello", "--concurrency=10");
    await services.deploy("sleep", "--concurrency=20", "--memory=128MiB");

    await t.step("no call fails", async () => {
      const load = new Load(services.url, [
        { path: "/fn/hello?name=Ada" },
        { path: "/fn/sleep", body: '{"ms":300}' },
      ]);
      load.begin({ calls: 10, everyMs: 50 });
      await load.answered(100);
      await services.stop("scheduler", "SIGKILL");
      await services.start("scheduler");
      await load.answered(100);
      assertEquals(await load.end(), []);
    });

    await t.step("its accounts agree with the nodes' own", () => assertAgreement(services));

    await t.step("an invocation that runs all the while keeps its container, and no other gets it", async () => {
      await services.deploy("sleep", "--concurrency=1", "--memory=128MiB");
      const long = fetch(`${services.url}/fn/sleep`, { method: "POST", body: '{"ms":2500}' });
      await services.counts({ leases: 1 });
      await services.stop("scheduler", "SIGKILL");
      await services.start("scheduler");
      await services.counts({ leases: 1 });
      const short = await fetch(`${services.url}/fn/sleep`, { method: "POST", body: '{"ms":1}' });
      assertEquals((await short.json()).sleptMs, 1);
      assertEquals((await (await long).json()).sleptMs, 2_500);
      await assertAgreement(services);
    });

    await t.step("after the idle time no container is left, known or unknown", async () => {
      await services.counts({ leases: 0, containers: 0 });
      for (const { containers } of (await nodesOwnWord(services)).values()) assertEquals(containers, []);
      assertEquals(await services.containerProcesses(), []);
    });
  });
});

Deno.test("the apiserver is killed and started again", async () => {
  await withServices({}, async (services) => {
    await services.deploy("hello");
    await services.deploy("sleep", "--memory=256MiB");
    const cut = fetch(`${services.url}/fn/sleep`, { method: "POST", body: '{"ms":60000}' }).catch(() => "cut");
    await services.counts({ leases: 1 });
    await services.stop("apiserver", "SIGKILL");
    assertEquals(await cut, "cut");
    await services.start("apiserver");
    const { functions } = await callJson(services.url, "apiserverproto.APIServer/ListFunctions", {});
    const names = functions.map((one: { functionName: string; memoryInBytes: string }) => [
      one.functionName,
      Number(one.memoryInBytes) / 2 ** 20,
    ]);
    assertEquals(names, [["hello", 128], ["sleep", 256]]);
    assertEquals(await (await fetch(`${services.url}/fn/hello?name=Ada`)).text(), "Hello, Ada!\n");
  });
});

Deno.test("up is killed in the middle of load and started again on the same data", async () => {
  const root = await Deno.makeTempDir({ prefix: "mini-faas-test-" });
  await Deno.mkdir(`${root}/t`);
  const start = () => serve(upArgs(`${root}/data`), { env: { TMPDIR: `${root}/t` } });
  const first = await start();
  try {
    const firstUrl = `http://${first.ready.apiserver}`;
    const deployed = await cli("deploy", "src/examples/sleep", "--concurrency=5", `--server=${first.ready.apiserver}`);
    assertEquals(deployed.code, 0, deployed.err);
    const load = new Load(firstUrl, [{ path: "/fn/hello?name=Ada" }, { path: "/fn/sleep", body: '{"ms":400}' }]);
    load.begin({ calls: 5, everyMs: 50 });
    await load.answered(50);
    const before = await processesWith("harness.mjs");
    const old = (await processesWith(root)).filter((pid) => before.includes(pid));
    assert(old.length > 0);
    await first.stop("SIGKILL");
    await load.end();

    const second = await start();
    const url = `http://${second.ready.apiserver}`;
    assertEquals(await (await fetch(`${url}/fn/hello?name=Ada`)).text(), "Hello, Ada!\n");
    const slept = await fetch(`${url}/fn/sleep`, { method: "POST", body: '{"ms":1}' });
    assertEquals((await slept.json()).sleptMs, 1);
    const now = await processesWith(root);
    assertEquals(old.filter((pid) => now.includes(pid)), [], "containers of the killed platform");
    await assertPromises({ scheduler: `http://${second.ready.scheduler}` });
    assertEquals(await second.stop(), 0);
    assertEquals(await processesWith(root), []);
  } finally {
    await first.stop("SIGKILL");
    await Deno.remove(root, { recursive: true });
  }
});
