import { assertEquals, assertRejects } from "@std/assert";
import { PlatformError } from "../../../base/mod.ts";
import { bytesOf, testFunction } from "../../testing.ts";
import { createProcessRuntime } from "./mod.ts";
import { cleanRunFolder } from "./run_folder.ts";
import { groupsOf, leftoversOf } from "./testing.ts";

/** A node agent of its own process, with one container that ignores its agent's end. */
const AGENT = `
import { createProcessRuntime } from ${JSON.stringify(new URL("./mod.ts", import.meta.url).href)};
import { bytesOf, testFunction } from ${JSON.stringify(new URL("../../testing.ts", import.meta.url).href)};
const runtime = await createProcessRuntime({ folder: Deno.args[0] });
const code = bytesOf("export const handler = () => { console.log('spinning'); for (;;); }");
const onLog = ({ line }) => console.log(line);
const container = await runtime.create({ containerId: "c", function: testFunction(), code, onLog });
const invocation = { kind: "event", requestId: "r", containerId: "c", timeoutMs: 100_000, event: new Uint8Array() };
container.invoke(invocation, new AbortController().signal);
`;

async function startAgent(folder: string): Promise<Deno.ChildProcess> {
  const script = await Deno.makeTempFile({ suffix: ".ts" });
  await Deno.writeTextFile(script, AGENT);
  const config = new URL("../../../../deno.json", import.meta.url).pathname;
  const args = ["run", "-A", "--no-check", "--config", config, script, folder];
  const agent = new Deno.Command(Deno.execPath(), { args, stdout: "piped", stderr: "null" }).spawn();
  const reader = agent.stdout.getReader();
  await reader.read();
  await reader.cancel();
  await Deno.remove(script);
  return agent;
}

Deno.test("a runtime cleans what a killed one left in its folder: processes, control groups, files", async () => {
  const folder = await Deno.makeTempDir({ prefix: "mf-test-" });
  const agent = await startAgent(folder);
  const groups = groupsOf(folder);
  agent.kill("SIGKILL");
  await agent.status;
  // Its container spins, so that only a kill ends it.
  assertEquals(leftoversOf(folder, groups).filter((name) => name.startsWith("process")).length, 1);

  const runtime = await createProcessRuntime({ folder });
  assertEquals(leftoversOf(folder, groups).sort(), ["harness.mjs", "owner.json"]);
  await runtime.close();
  assertEquals(leftoversOf(folder, groups), []);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("control groups of a killed agent go even where its folder is gone; those of a live one stay", async () => {
  const [folder, other] = [
    await Deno.makeTempDir({ prefix: "mf-test-" }),
    await Deno.makeTempDir({ prefix: "mf-test-" }),
  ];
  const agent = await startAgent(folder);
  const groups = groupsOf(folder);
  await (await createProcessRuntime({ folder: other })).close();
  assertEquals(groups.filter((group) => !leftoversOf(folder, groups).includes(group)), []);
  agent.kill("SIGKILL");
  await agent.status;
  // Without control groups only the folder tells whose the process was.
  if (groups.length === 0) await cleanRunFolder(folder);
  for (const { name } of Deno.readDirSync(folder)) await Deno.remove(`${folder}/${name}`, { recursive: true });
  await (await createProcessRuntime({ folder: other })).close();
  assertEquals(leftoversOf(folder, groups), []);
  await Deno.remove(folder, { recursive: true });
  await Deno.remove(other, { recursive: true });
});

Deno.test("the folder of a live node agent is left alone", async () => {
  const folder = await Deno.makeTempDir({ prefix: "mf-test-" });
  const agent = await startAgent(folder);
  const error = await assertRejects(() => createProcessRuntime({ folder }), PlatformError, `process id ${agent.pid}`);
  assertEquals(error.code, "failed_precondition");
  agent.kill("SIGKILL");
  await agent.status;
  assertEquals(await cleanRunFolder(folder), { processesKilled: 1, containersRemoved: 1 });
  await Deno.remove(folder, { recursive: true });
});

Deno.test("one process runs no two runtimes in one folder", async () => {
  const folder = await Deno.makeTempDir({ prefix: "mf-test-" });
  const runtime = await createProcessRuntime({ folder });
  await assertRejects(() => createProcessRuntime({ folder }), PlatformError, "is in use by the node agent");
  await runtime.close();
  await (await createProcessRuntime({ folder })).close();
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a Deno that does not start is told as it is", async () => {
  const folder = await Deno.makeTempDir({ prefix: "mf-test-" });
  const runtime = await createProcessRuntime({ folder, denoPath: "/bin/false" });
  const groups = groupsOf(folder);
  const code = bytesOf("export const handler = () => 1");
  const create = () => runtime.create({ containerId: "c", function: testFunction(), code, onLog: () => {} });
  const error = await assertRejects(create, PlatformError, "did not boot");
  assertEquals(error.code, "internal");
  await runtime.close();
  assertEquals(leftoversOf(folder, groups), []);
  await Deno.remove(folder, { recursive: true });
});

Deno.test("no process is killed that the folder does not name with its start time", async () => {
  const folder = await Deno.makeTempDir({ prefix: "mf-test-" });
  const bystander = new Deno.Command("sleep", { args: ["100"] }).spawn();
  await Deno.mkdir(`${folder}/c1`);
  const bootId = (await Deno.readTextFile("/proc/sys/kernel/random/boot_id")).trim();
  await Deno.writeTextFile(`${folder}/c1/process.json`, JSON.stringify({ pid: bystander.pid, startTicks: 1, bootId }));
  await Deno.writeTextFile(`${folder}/owner.json`, "{ not json");
  assertEquals(await cleanRunFolder(folder), { processesKilled: 0, containersRemoved: 1 });
  bystander.kill("SIGTERM");
  assertEquals((await bystander.status).signal, "SIGTERM");
  await Deno.remove(folder, { recursive: true });
});

Deno.test("a folder too deep for a socket's path still works", async () => {
  const parent = await Deno.makeTempDir({ prefix: "mf-test-" });
  const folder = `${parent}/${"deep,".repeat(20)}`;
  const runtime = await createProcessRuntime({ folder });
  const containersFolder: string = JSON.parse(await Deno.readTextFile(`${folder}/owner.json`)).containersFolder;
  const groups = groupsOf(folder);
  const code = bytesOf("export const handler = () => 1");
  await runtime.create({ containerId: "c", function: testFunction(), code, onLog: () => {} });
  await runtime.close();
  assertEquals(leftoversOf(folder, groups), []);
  await assertRejects(() => Deno.stat(containersFolder), Deno.errors.NotFound);
  await Deno.remove(parent, { recursive: true });
});
