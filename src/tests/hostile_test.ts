import { assert, assertEquals, assertMatch } from "@std/assert";
import { hostile } from "./hostile/functions.ts";
import { callJson, cli, type Platform, summaryOf, until, withPlatform } from "./program.ts";

/** Deploys the module text under the key's name, in lower case. */
async function deploy(platform: Platform, key: keyof typeof hostile, settings: Record<string, unknown> = {}) {
  const functionName = key.toLowerCase();
  const code = btoa(hostile[key]);
  const reply = await callJson(platform.url, "minifaas.admin.v1.FunctionService/DeployFunction", {
    functionName,
    code,
    timeoutInMs: 5_000,
    ...settings,
  });
  assert(reply.function, JSON.stringify(reply));
}

interface Outcome {
  readonly status: number;
  readonly body: string;
}

async function run(platform: Platform, key: keyof typeof hostile, event: unknown = {}): Promise<Outcome> {
  const url = `${platform.url}/fn/${key.toLowerCase()}`;
  const response = await fetch(url, { method: "POST", body: JSON.stringify(event) });
  return { status: response.status, body: await response.text() };
}

/** Runs `key` while its neighbour is invoked again and again; all of the neighbour's answers must be right. */
async function besideNeighbour(platform: Platform, key: keyof typeof hostile, event?: unknown): Promise<Outcome> {
  let done = false;
  const outcome = run(platform, key, event).finally(() => done = true);
  let answers = 0;
  do {
    assertEquals(await run(platform, "neighbour"), { status: 200, body: "fine" });
    answers++;
  } while (!done);
  assert(answers > 0);
  return await outcome;
}

Deno.test("a function that tries what it must not is stopped with a clear error, and its neighbours do not notice", async (t) => {
  await withPlatform([], async (platform) => {
    await deploy(platform, "neighbour");
    const refused = async (key: keyof typeof hostile, event: unknown, message: RegExp, status = 500) => {
      const outcome = await besideNeighbour(platform, key, event);
      assertEquals(outcome.status, status, outcome.body);
      assertMatch(JSON.parse(outcome.body).message, message);
    };
    const schedulerPort = Number(new URL(platform.scheduler).port);

    await t.step("files: /etc/passwd, another function's bundle, the registry", async () => {
      await deploy(platform, "readsFiles");
      for (const path of ["/etc/passwd", "/proc/self/environ", `${platform.data}/registry.db`, "/tmp", "/"]) {
        await refused("readsFiles", { path }, /Requires (read|all) access/);
      }
      await deploy(platform, "importsFiles");
      for (const path of [await bundleOf("neighbour"), "/etc/hostname"]) {
        await refused("importsFiles", { path: `file://${path}` }, /Requires read access|not allowed/i);
      }
      await refused("importsFiles", { path: `file://${platform.data}/x.json`, json: true }, /Requires read access/);
    });

    await t.step("downloads: npm, jsr and remote modules", async () => {
      for (const path of ["npm:is-number@7.0.0", "jsr:@std/assert", "https://example.com/x.js"]) {
        const { status, body } = await run(platform, "importsFiles", { path });
        assertEquals(status, 500, body);
      }
    });

    await t.step("environment, subprocesses, native code, workers, writing", async () => {
      await deploy(platform, "readsEnvironment");
      await refused("readsEnvironment", {}, /Requires env access/);
      await deploy(platform, "spawns");
      await refused("spawns", {}, /Requires run access/);
      await deploy(platform, "callsNative");
      await refused("callsNative", {}, /Requires ffi access/);
      await deploy(platform, "startsWorker");
      await refused("startsWorker", {}, /Requires (read|all) access/);
      await deploy(platform, "writesFiles");
      await refused("writesFiles", {}, /Requires write access/);
    });

    await t.step("the platform's own ports, by every name of this machine", async () => {
      await deploy(platform, "connects");
      for (const hostname of ["127.0.0.1", "localhost", "0.0.0.0", "127.0.0.2", "::1"]) {
        await refused("connects", { hostname, port: schedulerPort }, /Requires net access/);
      }
      await deploy(platform, "fetches");
      await refused("fetches", { url: `${platform.scheduler}/healthz` }, /Requires net access/);
    });

    await t.step("four times its memory, in buffers and on the heap", async () => {
      await deploy(platform, "allocates");
      await refused("allocates", { mib: 512 }, /Function "allocates" used more than its 128 MiB of memory/, 502);
      await deploy(platform, "growsHeap", { timeoutInMs: 60_000 });
      await refused("growsHeap", {}, /Function "growsheap" used more than its 128 MiB of memory/, 502);
    });

    await t.step("spinning for ever", async () => {
      await deploy(platform, "spins", { timeoutInMs: 1_000 });
      await refused("spins", {}, /Function "spins" ran longer than its 1000 ms/, 504);
    });

    await t.step("printing 100 MB", async () => {
      await deploy(platform, "prints", { timeoutInMs: 60_000 });
      await refused("prints", {}, /Function "prints" printed more than/, 502);
    });

    await t.step("ending its own process, or breaking it later", async () => {
      await deploy(platform, "exits");
      await refused("exits", {}, /Function "exits".*(ended|crashed)/, 502);
      await deploy(platform, "throwsLate", { timeoutInMs: 1_000 });
      // It happens outside of any invocation: it is logged, and the one that waits for nothing ends by its timeout.
      await refused("throwsLate", {}, /Function "throwslate" ran longer than its 1000 ms/, 504);
      const { out } = await cli("logs", "throwslate", `--server=${platform.ready.apiserver}`);
      assertMatch(out, /Uncaught error.*too late/);
    });

    await t.step("an exception is told as what it is, and the container goes on", async () => {
      await deploy(platform, "throws");
      await refused("throws", {}, /the third wheel came off/);
    });

    await t.step("code that cannot be started says why", async () => {
      await deploy(platform, "exportsNothing");
      await refused("exportsNothing", {}, /exports? .*answer/, 502);
      await deploy(platform, "breaksAtStart");
      await refused("breaksAtStart", {}, /not today/, 502);
    });

    await t.step("afterwards no lease is held, and nothing waits", async () => {
      await until("no lease", () => summaryOf(platform.url), ({ leases, waiting }) => !leases && !waiting);
    });
  });
});

Deno.test("hosts of this machine, and all hosts, are refused at deploy on a platform without a token", async () => {
  await withPlatform(["--nodes-warm=0"], async (platform) => {
    for (const allowNet of [["*"], ["127.0.0.1:80"], ["localhost"], ["[::1]:10600"]]) {
      const reply = await callJson(platform.url, "minifaas.admin.v1.FunctionService/DeployFunction", {
        functionName: "greedy",
        code: btoa(hostile.fetches),
        allowNet,
      });
      assertEquals(reply.code, "failed_precondition");
      assertMatch(reply.message, /allow_net/);
    }
  });
});

/** The file that a container of this function has its code in. */
async function bundleOf(key: keyof typeof hostile): Promise<string> {
  for await (const path of walk("/tmp")) {
    if (/mini-faas.*\.mjs$/.test(path) && await Deno.readTextFile(path) === hostile[key]) return path;
  }
  throw new Error(`no container has the code of ${key}`);
}

async function* walk(folder: string): AsyncGenerator<string> {
  try {
    for await (const entry of Deno.readDir(folder)) {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory) yield* walk(path);
      else yield path;
    }
  } catch {
    // Gone meanwhile.
  }
}
