import { assert, assertEquals } from "@std/assert";
import { callJson, until } from "./program.ts";
import { type Services, withServices } from "./services.ts";

/** What `/healthz` and `/readyz` of a service answer. */
async function health(services: Services, name: string): Promise<unknown[]> {
  const base = `http://${services.address(name)}`;
  const replies = await Promise.all(["/healthz", "/readyz"].map((path) => fetch(base + path)));
  const lines = await Promise.all(replies.map((reply) => reply.json()));
  return [...replies.map(({ status }) => status), ...lines.map(({ status }) => status)];
}

const GOOD = [200, 200, "ok", "ready"];

async function sleepFor(services: Services, ms: number): Promise<Response> {
  return await fetch(`${services.url}/fn/sleep`, { method: "POST", body: JSON.stringify({ ms }) });
}

/** How a call to a function ended: its status and, where it failed, its code. */
async function outcome(reply: Promise<Response>): Promise<{ status: number; code: string; message: string }> {
  const response = await reply;
  const { code = "", message = "" } = await response.json();
  return { status: response.status, code, message };
}

/** Invokes more at once than one node has room for, until a second one helps. */
async function bothNodes(services: Services): Promise<void> {
  const four = async () => {
    const replies = await Promise.all([1, 2, 3, 4].map(() => outcome(sleepFor(services, 500))));
    assertEquals(replies.map(({ status }) => status), [200, 200, 200, 200], JSON.stringify(replies));
    return (await services.ps()).containers.length;
  };
  await until("four containers on two nodes", four, (count) => count === 4);
}

Deno.test("each service in its own process, the resource manager starting its node agents", async (t) => {
  await withServices({}, async (services) => {
    await t.step("every one is healthy, and ready soon", async () => {
      for (const name of ["resourcemanager", "scheduler", "apiserver"]) {
        await until(`${name} is ready`, () => health(services, name), (found) => found[1] === 200);
        assertEquals(await health(services, name), GOOD);
      }
    });

    await t.step("a function is deployed, runs, and shows in ps", async () => {
      await services.deploy("hello");
      assertEquals(await (await fetch(`${services.url}/fn/hello?name=Ada`)).text(), "Hello, Ada!\n");
      const { out } = await services.cli("invoke", "hello", '--event={"name":"Bob"}');
      assertEquals(out, "Hello, Bob!\n");
      const ps = await services.ps();
      assertEquals([ps.nodes.length, ps.containers.length, ps.containers[0].functionName], [1, 1, "hello"]);
    });

    await t.step("its logs can be followed", async () => {
      await services.deployCode("talk", "export function handler(event) { console.log('said ' + event.word); }");
      await services.invoke("talk", { word: "one" });
      const lines = services.follow("logs", "talk", "-f");
      await lines.until("said one");
      await services.invoke("talk", { word: "two" });
      await lines.until("said two");
      await lines.stop();
    });

    await t.step("a node agent that dies is replaced", async () => {
      await services.deploy("sleep");
      const six = (ms: number) => Promise.all(Array.from({ length: 6 }, () => outcome(sleepFor(services, ms))));
      assertEquals((await six(700)).filter(({ status }) => status !== 200), []);
      const { nodes: [node] } = await services.ps();
      const index = /node-(\d+)-/.exec(node.nodeId)![1];
      await services.killProcessWith(`data/nodes/${index} `);
      // What is sent in the moment of its end may or may not have reached a function: it is not run twice.
      for (const { status, code } of await six(1)) assertEquals(code, status === 200 ? "" : "unavailable");
      assertEquals((await six(700)).filter(({ status }) => status !== 200), []);
      await services.counts({ leases: 0, nodesLost: 1 });
      await services.keepPromises();
    });

    await t.step("told to stop all at once, they let a running invocation end", async () => {
      const running = outcome(sleepFor(services, 1_500));
      await services.counts({ leases: 1 });
      const stopped = ["apiserver", "scheduler", "resourcemanager"].map((name) => services.stop(name));
      assertEquals((await running).status, 200);
      assertEquals(await Promise.all(stopped), [0, 0, 0]);
    });
  });
});

Deno.test("node agents that run elsewhere; one is killed with invocations running", async (t) => {
  // Two containers fill a node where each is charged all that it may use.
  const flags = {
    node: ["--node-memory=512MiB"],
    resourcemanager: ["--nodes-warm=2"],
    scheduler: ["--policy=on-demand"],
  };
  await withServices({ agents: 2, flags }, async (services) => {
    await services.deploy("sleep", "--memory=256MiB", "--timeout=20s");
    await bothNodes(services);
    await services.counts({ nodes: 2, leases: 0, containers: 4 });
    const { nodes, containers } = await services.ps();
    const victim = [0, 1].find((index) => services.address(`node${index}`).endsWith(`:${nodes[0].nodeServicePort}`))!;
    const there = containers.filter((one: { nodeId: string }) => one.nodeId === nodes[0].nodeId).length;
    assertEquals(there, 2);

    await t.step("its invocations fail unavailable, those on the other one go on", async () => {
      const running = [1, 2, 3, 4].map(() => outcome(sleepFor(services, 3_000)));
      await services.counts({ leases: 4 });
      await services.stop(`node${victim}`, "SIGKILL");
      const ended = await Promise.all(running);
      assertEquals(ended.map(({ status }) => status).sort(), [200, 200, 503, 503], JSON.stringify(ended));
      for (const { status, code } of ended) assertEquals(code, status === 503 ? "unavailable" : "");
    });

    await t.step("its memory and its leases are written off, and its containers end with it", async () => {
      await services.counts({ nodes: 1, leases: 0, containers: 2, nodesLost: 1 });
      await until("two containers", () => services.containerProcesses(), (pids) => pids.length === 2);
    });

    await t.step("calls go on, and the agent is used again when it is back", async () => {
      assertEquals((await outcome(sleepFor(services, 1))).status, 200);
      await services.startAgent(victim);
      await bothNodes(services);
    });
  });
});

Deno.test("the resource manager: down at first, away for a while, and slow", async (t) => {
  const flags = {
    node: ["--node-memory=256MiB"],
    scheduler: ["--policy=on-demand", "--node-idle=100ms", "--container-idle=100ms"],
  };
  await withServices({ agents: 1, flags, later: ["resourcemanager"] }, async (services) => {
    await services.deploy("sleep", "--memory=128MiB", "--timeout=10s");

    await t.step(
      "down at first: the scheduler says that it is not ready, a call waits until its deadline",
      async () => {
        assertEquals((await health(services, "scheduler")).slice(0, 2), [200, 503]);
        const begun = performance.now();
        const call = callJson(services.url, "apiserverproto.APIServer/InvokeFunction", INVOKE_SLEEP, 700);
        assertEquals((await call).code, "unavailable");
        assert(performance.now() - begun < 1_500, `${performance.now() - begun} ms`);
      },
    );

    await t.step("a call that waits is served once it is there", async () => {
      const waiting = outcome(sleepFor(services, 1));
      await services.start("resourcemanager");
      assertEquals((await waiting).status, 200);
    });

    await t.step("away while a node is wanted: the call waits for it", async () => {
      await services.counts({ containers: 0, nodes: 0 });
      await services.stop("resourcemanager", "SIGKILL");
      const waiting = outcome(sleepFor(services, 1));
      await services.counts({ waiting: 1 });
      await services.start("resourcemanager");
      assertEquals((await waiting).status, 200);
    });

    await t.step("away while a node is held: the scheduler keeps it, and gives it back later", async () => {
      const running = outcome(sleepFor(services, 1_500));
      await services.counts({ leases: 1 });
      await services.stop("resourcemanager", "SIGKILL");
      await services.start("resourcemanager");
      assertEquals((await running).status, 200);
      await services.counts({ containers: 0, nodes: 0, nodesLost: 0 });
    });

    await t.step("slow: it hangs for a while, and what was asked of it is not lost", async () => {
      const { pid } = services.running.get("resourcemanager")!;
      Deno.kill(pid, "SIGSTOP");
      const waiting = outcome(sleepFor(services, 1));
      await services.counts({ waiting: 1 });
      const late = await callJson(services.url, "apiserverproto.APIServer/InvokeFunction", INVOKE_SLEEP, 500);
      assertEquals(["deadline_exceeded", "unavailable"].includes(late.code), true, JSON.stringify(late));
      Deno.kill(pid, "SIGCONT");
      assertEquals((await waiting).status, 200);
      await services.counts({ leases: 0 });
    });
  });
});

const INVOKE_SLEEP = { functionName: "sleep", event: btoa('{"ms":1}') };
