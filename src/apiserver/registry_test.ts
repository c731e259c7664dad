import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { join } from "node:path";
import { ManualClock, PlatformError } from "../base/mod.ts";
import { type Deployment, Registry, VERSIONS_KEPT_MAX } from "./registry.ts";

const NAME = { accountId: "default", functionName: "hello" };
const bytes = (text: string) => new TextEncoder().encode(text);

function deployment(code: string, changes: Partial<Deployment> = {}): Deployment {
  const settings = { handler: "", memoryBytes: 128 << 20, timeoutMs: 60_000, concurrency: 1, allowNet: [] };
  return { ...NAME, ...settings, code: bytes(code), ...changes };
}

/** Runs `test` with a folder of its own; `open` opens a registry in it, which is closed afterwards. */
async function inFolder(test: (open: () => Registry, folder: string) => void | Promise<void>): Promise<void> {
  const folder = Deno.makeTempDirSync();
  const opened: Registry[] = [];
  const open = () => {
    for (const registry of opened.splice(0)) registry.close();
    const registry = new Registry({ folder, clock: new ManualClock() });
    opened.push(registry);
    return registry;
  };
  try {
    await test(open, folder);
  } finally {
    for (const registry of opened) registry.close();
    Deno.removeSync(folder, { recursive: true });
  }
}

function refusal(run: () => unknown, code: string): string {
  const error = assertThrows(run, PlatformError);
  assertEquals(error.code, code);
  assert(!error.message.includes("\n"), "one line");
  return error.message;
}

Deno.test("what was deployed is there after the registry was opened again", () =>
  inFolder((open) => {
    const changes = { handler: "run", concurrency: 7, allowNet: ["example.com"], timeoutMs: 5, memoryBytes: 2 ** 33 };
    const { function: deployed, changed } = open().deploy(deployment("export {}", changes));
    assertEquals([changed, deployed.version, deployed.active, deployed.codeSizeBytes], [true, 1, true, 9]);
    const registry = open();
    assertEquals(registry.resolve(NAME), deployed);
    assertEquals(registry.list(), [deployed]);
    assertEquals(registry.code(deployed.codeHash), bytes("export {}"));
  }));

Deno.test("the same code with the same settings changes nothing; either changed makes a version", () =>
  inFolder((open) => {
    const registry = open();
    registry.deploy(deployment("a"));
    assertEquals(registry.deploy(deployment("a")).changed, false);
    assertEquals(registry.deploy(deployment("b")).function.version, 2);
    assertEquals(registry.deploy(deployment("b", { timeoutMs: 1 })).function.version, 3);
    assertEquals(registry.versions(NAME).map((v) => [v.version, v.active]), [[3, true], [2, false], [1, false]]);
    assertEquals(registry.describe(NAME, 2).timeoutMs, 60_000);
  }));

Deno.test("a rollback is a new version with the earlier one's code and settings", () =>
  inFolder((open) => {
    const registry = open();
    const first = registry.deploy(deployment("a")).function;
    registry.deploy(deployment("b"));
    const back = registry.activate(NAME, 1);
    assertEquals([back.version, back.codeHash, back.active], [3, first.codeHash, true]);
    assertEquals(registry.activate(NAME, 3), back);
    assertEquals(open().resolve(NAME), back);
  }));

Deno.test("a removed function is gone, its code too, but its version numbers are not used again", () =>
  inFolder((open) => {
    let registry = open();
    registry.deploy(deployment("a"));
    const { codeHash } = registry.deploy(deployment("b")).function;
    assertEquals(registry.remove(NAME), 2);
    refusal(() => registry.resolve(NAME), "not_found");
    refusal(() => registry.code(codeHash), "not_found");
    registry = open();
    assertEquals(registry.list(), []);
    assertEquals(registry.deploy(deployment("a")).function.version, 3);
  }));

Deno.test("code that two functions share is stored once and stays while one of them needs it", () =>
  inFolder((open) => {
    const registry = open();
    const { codeHash } = registry.deploy(deployment("shared")).function;
    registry.deploy(deployment("shared", { functionName: "other" }));
    registry.remove(NAME);
    assertEquals(registry.code(codeHash), bytes("shared"));
    registry.remove({ ...NAME, functionName: "other" });
    refusal(() => registry.code(codeHash), "not_found");
  }));

Deno.test("the newest versions are kept, with the code they need", () =>
  inFolder((open) => {
    const registry = open();
    const first = registry.deploy(deployment("0")).function;
    for (let n = 1; n <= VERSIONS_KEPT_MAX + 4; n++) registry.deploy(deployment(`${n}`));
    const versions = registry.versions(NAME);
    assertEquals([versions.length, versions.at(-1)?.version], [VERSIONS_KEPT_MAX, 6]);
    refusal(() => registry.code(first.codeHash), "not_found");
    assertEquals(
      refusal(() => registry.activate(NAME, 1), "not_found"),
      'Function "hello" of account "default" has no version 1: the active one is 105, the 100 newest are kept',
    );
  }));

Deno.test("a deploy that was answered survives kill -9 of its process", () =>
  inFolder(async (open, folder) => {
    const script = `
      import { Registry } from ${JSON.stringify(new URL("./registry.ts", import.meta.url).href)};
      import { systemClock } from ${JSON.stringify(new URL("../base/mod.ts", import.meta.url).href)};
      const registry = new Registry({ folder: Deno.args[0], clock: systemClock });
      const settings = { handler: "", memoryBytes: 1 << 27, timeoutMs: 1, concurrency: 1, allowNet: [] };
      for (let n = 1;; n++) {
        const code = new TextEncoder().encode("x".repeat(100_000) + n);
        const answer = registry.deploy({ accountId: "default", functionName: "hello", ...settings, code });
        await Deno.stdout.write(new TextEncoder().encode(answer.function.version + "\\n"));
      }`;
    const file = join(folder, "child.ts");
    Deno.writeTextFileSync(file, script);
    const config = new URL("../../deno.json", import.meta.url).pathname;
    const args = ["run", "-A", "--config", config, file, join(folder, "data")];
    const child = new Deno.Command(Deno.execPath(), { args, stdout: "piped" }).spawn();
    let told = "";
    for await (const chunk of child.stdout.pipeThrough(new TextDecoderStream())) {
      told += chunk;
      if (told.split("\n").length > 20) child.kill("SIGKILL");
    }
    await child.status;
    const answered = Number(told.split("\n").at(-2));
    assert(answered >= 20);
    const registry = new Registry({ folder: join(folder, "data"), clock: new ManualClock() });
    const { version, codeHash } = registry.resolve(NAME);
    assert(version === answered || version === answered + 1, `${version} after ${answered} was answered`);
    assertEquals(registry.code(codeHash).length, 100_000 + String(version).length);
    registry.close();
    open();
  }));

Deno.test("folder and file are for their owner only", () =>
  inFolder((_, folder) => {
    const data = join(folder, "data");
    const registry = new Registry({ folder: data, clock: new ManualClock() });
    registry.deploy(deployment("a"));
    const mode = (path: string) => (Deno.statSync(path).mode ?? 0) & 0o777;
    assertEquals(
      [mode(data), mode(join(data, "registry.db")), mode(join(data, "registry.db-wal"))],
      [0o700, 0o600, 0o600],
    );
    registry.close();
  }));

Deno.test("a corrupt file is told in one line and left as it is", () =>
  inFolder((open, folder) => {
    const file = join(folder, "registry.db");
    const garbage = "certainly not what SQLite wrote. ".repeat(500);
    Deno.writeTextFileSync(file, garbage);
    assertEquals(
      refusal(open, "failed_precondition"),
      `${file} is corrupt (file is not a database): it is left as it is; restore a copy, or move it away to start with an empty registry`,
    );
    assertEquals(Deno.readTextFileSync(file), garbage);
  }));

Deno.test("a file with damage inside is told too", () =>
  inFolder((open, folder) => {
    const registry = open();
    for (let n = 0; n < 30; n++) registry.deploy(deployment("x".repeat(9_000) + n));
    registry.close();
    const file = join(folder, "registry.db");
    const content = Deno.readFileSync(file);
    content.fill(0xa5, 4_096, content.length - 4_096);
    Deno.writeFileSync(file, content);
    const message = refusal(() => new Registry({ folder, clock: new ManualClock() }), "failed_precondition");
    assert(message.startsWith(`${file} is corrupt (`), message);
    assertEquals(Deno.readFileSync(file), content);
  }));

Deno.test("a file of someone else's, of a newer version, or in use is refused", () =>
  inFolder(async (open, folder) => {
    const { DatabaseSync } = await import("node:sqlite");
    const file = join(folder, "registry.db");
    const write = (sql: string) => {
      const database = new DatabaseSync(file);
      database.exec(sql);
      database.close();
    };
    write("CREATE TABLE theirs (x)");
    assert(refusal(open, "failed_precondition").startsWith(`${file} is not a registry of mini-faas`));
    Deno.removeSync(file);
    open().close();
    write("PRAGMA user_version = 99");
    assert(refusal(open, "failed_precondition").startsWith(`${file} has schema version 99`));
    Deno.removeSync(file);
    const first = new Registry({ folder, clock: new ManualClock() });
    assert(refusal(open, "failed_precondition").startsWith(`${file} is in use by another process`));
    first.close();
  }));

Deno.test("a folder that cannot be is told in one line", () => {
  const message = refusal(
    () => new Registry({ folder: "/proc/version/data", clock: new ManualClock() }),
    "failed_precondition",
  );
  assert(message.startsWith("Cannot open /proc/version/data/registry.db"), message);
});

Deno.test("property: the registry does what a plain map of versions does, across reopening", () => {
  const names = fc.constantFrom("a", "b");
  const command = fc.oneof(
    fc.record({ kind: fc.constant("deploy" as const), name: names, code: fc.constantFrom("1", "2", "3") }),
    fc.record({ kind: fc.constant("remove" as const), name: names }),
    fc.record({ kind: fc.constant("activate" as const), name: names, version: fc.integer({ min: 1, max: 6 }) }),
    fc.record({ kind: fc.constant("reopen" as const) }),
  );
  return fc.assert(
    fc.asyncProperty(fc.array(command, { maxLength: 25 }), (commands) =>
      inFolder((open) => {
        let registry = open();
        const model = new Map<string, { last: number; versions: Map<number, string> }>();
        for (const command of commands) {
          if (command.kind === "reopen") {
            registry = open();
            continue;
          }
          const name = { accountId: "default", functionName: command.name };
          const known = model.get(command.name) ?? { last: 0, versions: new Map<number, string>() };
          model.set(command.name, known);
          if (command.kind === "deploy") {
            const changed = known.versions.get(known.last) !== command.code;
            if (changed) known.versions.set(++known.last, command.code);
            const answer = registry.deploy(deployment(command.code, name));
            assertEquals([answer.changed, answer.function.version], [changed, known.last]);
          } else if (command.kind === "remove") {
            if (known.versions.size === 0) refusal(() => registry.remove(name), "not_found");
            else assertEquals(registry.remove(name), known.versions.size);
            known.versions.clear();
          } else {
            const code = known.versions.get(command.version);
            if (code === undefined) refusal(() => registry.activate(name, command.version), "not_found");
            else {
              if (command.version !== known.last) known.versions.set(++known.last, code);
              assertEquals(registry.activate(name, command.version).version, known.last);
            }
          }
        }
        for (const [functionName, { last, versions }] of model) {
          const name = { accountId: "default", functionName };
          if (versions.size === 0) refusal(() => registry.resolve(name), "not_found");
          else {
            assertEquals(registry.resolve(name).version, last);
            assertEquals(registry.versions(name).map((v) => v.version), [...versions.keys()].reverse());
            const found = registry.versions(name).map((v) => new TextDecoder().decode(registry.code(v.codeHash)));
            assertEquals(found, [...versions.values()].reverse());
          }
        }
      })),
    { numRuns: 40 },
  );
});
