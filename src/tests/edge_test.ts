import { assertEquals, assertMatch } from "@std/assert";
import { callJson, ROOT, until, within } from "./program.ts";
import { freePort, withServices } from "./services.ts";

/** `deno serve` of a service's `edge.ts`, as a host of edge functions runs it; set up by the environment alone. */
async function withEdge(
  file: string,
  env: Record<string, string>,
  use: (url: string, port: number) => Promise<void>,
  host = "127.0.0.1",
) {
  const port = freePort();
  const child = new Deno.Command(Deno.execPath(), {
    args: ["serve", "-A", "--quiet", `--host=${host}`, `--port=${port}`, file],
    cwd: ROOT,
    env,
    stdin: "null",
    stdout: "null",
    stderr: "piped",
  }).spawn();
  const said = new Response(child.stderr).text();
  const url = `http://127.0.0.1:${port}`;
  try {
    const ask = () => fetch(`${url}/healthz`).then((reply) => reply.text(), () => "");
    await until(`${file} listens`, ask, (text) => text !== "");
    await use(url, port);
  } catch (error) {
    child.kill("SIGKILL");
    console.error(await said);
    throw error;
  }
  child.kill("SIGTERM");
  await within(child.status, `the end of ${file}`);
  await said;
}

/** The host decides where it listens; where that is beyond this machine and there is no token, nobody there is served. */
async function refusesOthersWithoutToken(env: Record<string, string>) {
  const others = networkAddress();
  if (!others) return console.log("this machine has no address but loopback: callers from beyond it are left out");
  await withEdge("src/scheduler/edge.ts", env, async (_, port) => {
    const reply = await fetch(`http://${others}:${port}/healthz`);
    assertEquals(reply.status, 403);
    assertMatch((await reply.json()).message, /only callers on this machine are served.*MINIFAAS_TOKEN_FILE/);
  }, "0.0.0.0");
}

function networkAddress(): string | undefined {
  return Deno.networkInterfaces().find((one) => one.family === "IPv4" && !one.address.startsWith("127."))?.address;
}

Deno.test("deno serve runs the scheduler and the apiserver as edge functions", async () => {
  await withServices({ later: ["scheduler", "apiserver"] }, async (services) => {
    // Node agents fetch code from an apiserver, so one is there for them; another one is the edge function.
    const env = {
      RESOURCE_MANAGER_ENDPOINT: services.address("resourcemanager"),
      MINIFAAS_DATA: `${services.root}/edge`,
      MINIFAAS_LOG_LEVEL: "warn",
      TMPDIR: services.temporary,
    };
    await withEdge("src/scheduler/edge.ts", env, async (url) => {
      assertEquals(await (await fetch(`${url}/healthz`)).json(), { service: "scheduler", status: "ok" });
      await until("ready", () => fetch(`${url}/readyz`).then((reply) => reply.json()), (it) => it.status === "ready");
      assertEquals(await callJson(url, "minifaas.admin.v1.ClusterService/GetSummary", {}), { policy: "adaptive" });
      const refused = await callJson(url, "schedulerproto.Scheduler/AcquireContainer", { requestId: "r" });
      assertEquals(refused.code, "invalid_argument");
      assertMatch(refused.message, /^function_config is missing/);
    });
    await refusesOthersWithoutToken(env);
    await withEdge(
      "src/apiserver/edge.ts",
      { ...env, SCHEDULER_ENDPOINT: services.address("scheduler") },
      async (url) => {
        assertEquals(await (await fetch(`${url}/healthz`)).json(), { service: "apiserver", status: "ok" });
        const request = { functionName: "hi", code: btoa("export default { fetch: () => new Response('hi') };") };
        const { changed } = await callJson(url, "minifaas.admin.v1.FunctionService/DeployFunction", request);
        assertEquals(changed, true);
        const { functions } = await callJson(url, "apiserverproto.APIServer/ListFunctions", {});
        assertEquals(functions.map((one: { functionName: string }) => one.functionName), ["hi"]);
        assertEquals((await fetch(`${url}/fn/nobody`)).status, 404);
      },
    );
  });
});
