import { assert, assertEquals, assertMatch, assertNotMatch } from "@std/assert";
import { callJson, cli, processesWith, serve, summaryOf, until, upArgs, withPlatform } from "./program.ts";
import { assertPromises } from "./promises.ts";

async function withFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "mini-faas-test-" });
  try {
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test("Ctrl-C and SIGTERM drain: what runs ends well, and no process stays", async () => {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    await withFolder(async (data) => {
      const platform = await serve(upArgs(data), { group: signal === "SIGINT" });
      const server = `--server=${platform.ready.apiserver}`;
      assertEquals((await cli("deploy", "src/examples/sleep", server)).code, 0);
      const running = fetch(`http://${platform.ready.apiserver}/fn/sleep`, { method: "POST", body: '{"ms":1500}' });
      await until("its lease", () => summaryOf(`http://${platform.ready.apiserver}`), ({ leases }) => leases === 1);
      const [answer, code] = await Promise.all([running.then((r) => r.text()), platform.stop(signal)]);
      assertEquals(JSON.parse(answer), { sleptMs: 1500 });
      assertEquals(code, 0, platform.log());
      assertEquals(await processesWith(data), []);
      assertNotMatch(platform.log(), /"node lost"/);
    });
  }
});

Deno.test("after a kill -9 the next start cleans up, and every function is there", async () => {
  await withFolder(async (data) => {
    const first = await serve(upArgs(data));
    const server = `--server=${first.ready.apiserver}`;
    assertEquals((await cli("deploy", "src/examples/sleep", server)).code, 0);
    const lost = fetch(`http://${first.ready.apiserver}/fn/sleep`, { method: "POST", body: '{"ms":30000}' }).catch(
      () => {},
    );
    await until("its lease", () => summaryOf(`http://${first.ready.apiserver}`), ({ leases }) => leases === 1);
    await first.stop("SIGKILL");
    await lost;

    const second = await serve(upArgs(data));
    const base = `http://${second.ready.apiserver}`;
    const { functions } = await callJson(base, "apiserverproto.APIServer/ListFunctions", {});
    assertEquals(functions.map((f: { functionName: string }) => f.functionName).sort(), ["hello", "sleep"]);
    const slept = await fetch(`${base}/fn/sleep`, { method: "POST", body: '{"ms":10}' });
    assertEquals(await slept.json(), { sleptMs: 10 });
    await assertPromises({ scheduler: `http://${second.ready.scheduler}` });
    assertEquals(await second.stop(), 0);
    await until("no process", () => processesWith(data), (found) => found.length === 0);
  });
});

Deno.test("two platforms run side by side; a third on the folder of the first does not start", async () => {
  await withPlatform([], async (first) => {
    await withPlatform([], async (second) => {
      for (const { url } of [first, second]) {
        assertEquals(await (await fetch(`${url}/fn/hello`)).text(), "Hello, world!\n");
      }
    });
    const { code, err } = await cli(...upArgs(first.data));
    assertEquals(code, 1);
    assertMatch(lastLine(err), /^error: .*data folder .* is in use by another mini-faas/);
  });
});

Deno.test("a port that is taken, a folder that cannot be written and a broken registry are one clear line", async () => {
  await withFolder(async (data) => {
    const taken = Deno.listen({ hostname: "127.0.0.1", port: 0 });
    const { port } = taken.addr;
    const busy = await cli(...upArgs(data), `--scheduler-port=${port}`);
    taken.close();
    assertEquals(busy.code, 1);
    assertMatch(lastLine(busy.err), new RegExp(`^error: .*port ${port} on 127.0.0.1 is taken`));

    const file = `${data}/a-file`;
    await Deno.writeTextFile(file, "");
    const unwritable = await cli(...upArgs(`${file}/data`));
    assertEquals(unwritable.code, 1);
    assertMatch(lastLine(unwritable.err), /^error: .*data folder .* cannot be written/);

    const registry = `${data}/registry.db`;
    const garbage = "this is no database ".repeat(1_000);
    await Deno.writeTextFile(registry, garbage);
    const corrupt = await cli(...upArgs(data));
    assertEquals(corrupt.code, 1);
    assertMatch(lastLine(corrupt.err), /^error: .*registry\.db/);
    assertEquals(await Deno.readTextFile(registry), garbage, "a broken registry must be left as it is");
    assert(!corrupt.err.includes("    at "), corrupt.err);
  });
});

function lastLine(text: string): string {
  return text.trimEnd().split("\n").at(-1)!;
}
