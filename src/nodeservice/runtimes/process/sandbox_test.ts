import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { PlatformError } from "../../../base/mod.ts";
import { withRuntime } from "./testing.ts";

/** A function that runs the code in its event and tells how that ended. */
const ATTEMPT = `
const run = (code) => new Function("return (async () => {" + code + "})()")();
export async function handler({ code }) {
  try {
    return { done: String(await run(code)).slice(0, 200) };
  } catch (error) {
    return { message: error.message + " " + (error.cause?.message ?? "") };
  }
}`;

const FORBIDDEN: Record<string, [code: string, message: string]> = {
  "read a file of the system": [`return Deno.readTextFileSync("/etc/passwd")`, "Requires read access"],
  "read it through node": [`return (await import("node:fs")).readFileSync("/etc/passwd")`, "Requires read access"],
  "read its own process's files": [`return Deno.readTextFileSync("/proc/self/environ")`, "Requires read access"],
  "list a folder": [`return [...Deno.readDirSync(".")]`, "Requires read access"],
  "read the environment": [`return Deno.env.get("PATH")`, "Requires env access"],
  "read the environment through node": [`return (await import("node:process")).env.PATH.length`, "env access"],
  "write a file": [`Deno.writeTextFileSync("/tmp/minifaas-test", "x")`, "Requires write access"],
  "write a temporary file": [`return Deno.makeTempFileSync()`, "Requires write access"],
  "write where its socket is": [`Deno.writeTextFileSync(Deno.args[0], "x")`, "Requires write access"],
  "remove its socket": [`Deno.removeSync(Deno.args[0])`, "Requires write access"],
  "connect to its own socket": [`await Deno.connect({ transport: "unix", path: Deno.args[0] })`, "Requires"],
  "fill Deno's storage": [`localStorage.setItem("a", "b")`, "Not a directory"],
  "fill Deno's caches": [`await caches.open("a")`, "Failed to create cache storage directory"],
  "start a process": [`return new Deno.Command("/bin/ls").outputSync()`, "Requires run access"],
  "start a process through node": [
    `return (await import("node:child_process")).execFileSync("/bin/ls", { env: {} })`,
    "Requires env access",
  ],
  "signal a process": [`Deno.kill(1, "SIGCONT")`, "Requires run access"],
  "call a library": [`Deno.dlopen("/lib/x86_64-linux-gnu/libc.so.6", {})`, "Requires ffi access"],
  "ask about the system": [`return Deno.hostname()`, "Requires sys access"],
  "import from npm": [`await import("npm:chalk@5")`, "--no-npm"],
  "import from jsr": [`await import("jsr:@std/assert@1")`, "--no-remote"],
  "import from the network": [`await import("https://deno.land/std/version.ts")`, "--no-remote"],
  "import a file": [`await import("file:///etc/passwd")`, "Requires read access"],
  "import a file as text": [`await import("file:///etc/passwd", { with: { type: "text" } })`, "Requires read access"],
  "import a file from a data module": [
    `await import("data:text/javascript,import p from 'file:///etc/passwd' with { type: 'text' }; export default p")`,
    "Requires read access",
  ],
  "listen": [`Deno.listen({ port: 0 })`, "Requires net access"],
  "connect anywhere": [`await Deno.connect({ hostname: "192.0.2.1", port: 80 })`, "Requires net access"],
  "fetch a file": [`return await (await fetch("file:///etc/passwd")).text()`, "Requires read access"],
  "open an inspector": [`(await import("node:inspector")).open(0)`, "Requires sys access"],
};

Deno.test("a function gets at nothing but its own bundle", () =>
  withRuntime(async ({ start, send }) => {
    const container = await start(ATTEMPT);
    for (const [what, [code, message]] of Object.entries(FORBIDDEN)) {
      const reply = JSON.parse((await send(container, { code })).body);
      assertEquals(reply.done, undefined, `it could ${what}: ${reply.done}`);
      assertStringIncludes(reply.message, message, what);
    }
  }));

Deno.test("a function cannot read or import another one's bundle", () =>
  withRuntime(async ({ start, send, folder }) => {
    const [container] = [await start(ATTEMPT), await start("export const handler = () => 'secret'")];
    for (const code of [`return Deno.readTextFileSync(path)`, `return (await import("file://" + path)).handler()`]) {
      const other = `${folder}/c2/bundle.mjs`;
      assert(Deno.statSync(other).isFile);
      const reply = JSON.parse(
        (await send(container, { code: `const path = ${JSON.stringify(other)}; ${code}` })).body,
      );
      assertStringIncludes(reply.message, "Requires read access");
    }
  }));

Deno.test("a function's static imports are refused when it is loaded", () =>
  withRuntime(async ({ start }) => {
    const imports = [
      `import text from "/etc/passwd" with { type: "text" }`,
      `import json from "../owner.json" with { type: "json" }`,
      `import { x } from "../c1/other.mjs"`,
      `import x from "npm:chalk@5"`,
      `import x from "https://deno.land/std/version.ts"`,
    ];
    for (const line of imports) {
      const error = await assertRejects(() => start(`${line}; export const handler = () => 1`), PlatformError);
      assertEquals([error.code, error.failure], ["failed_precondition", "import"]);
      assertStringIncludes(error.message, `Function "f" could not be loaded`);
    }
  }));

Deno.test("a worker has no more permissions than the function that starts it", () =>
  withRuntime(async ({ start, send }) => {
    const source = (options: string) => `
      const inWorker = "try { postMessage(Deno.readTextFileSync('/etc/passwd')) } catch (e) { postMessage(e.message) }";
      export const handler = () => new Promise((resolve) => {
        const worker = new Worker("data:text/javascript," + encodeURIComponent(inWorker), ${options});
        worker.onmessage = ({ data }) => { worker.terminate(); resolve(data); };
      });`;
    const plain = await start(source(`{ type: "module" }`));
    assertStringIncludes((await send(plain)).body, "Requires read access");
    const greedy = await start(source(`{ type: "module", deno: { permissions: { read: true } } }`));
    const { failure, body } = await send(greedy);
    assertEquals([failure?.kind, body], ["crash", ""]);
  }));

Deno.test("a function reaches the hosts it was deployed with, but no port of this machine", () =>
  withRuntime(async ({ start, send }) => {
    const listener = Deno.listen({ hostname: "0.0.0.0", port: 0 });
    const { port } = listener.addr;
    const accepted = Array.fromAsync(listener);
    const hosts = ["127.0.0.1", "127.0.0.2", "0.0.0.0", "[::1]", "localhost", "2130706433", "192.0.2.1:9"];
    const container = await start(ATTEMPT, { allowNet: hosts });
    for (
      const hostname of [
        "127.0.0.1",
        "127.0.0.2",
        "0.0.0.0",
        "::1",
        "::",
        "::ffff:127.0.0.1",
        "localhost",
        "2130706433",
      ]
    ) {
      for (
        const code of [
          `(await Deno.connect({ hostname: ${JSON.stringify(hostname)}, port: ${port} })).close(); return "connected"`,
          `return (await fetch("http://${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}/")).status`,
          `const { connect } = await import("node:net"); return await new Promise((ok, no) => {
           const s = connect(${port}, ${
            JSON.stringify(hostname)
          }, () => { s.destroy(); ok("connected"); }); s.on("error", no); })`,
        ]
      ) {
        const reply = JSON.parse((await send(container, { code })).body);
        assertEquals(reply.done, undefined, `${hostname}: ${code}`);
        assert(/Requires net access|EPERM|not supported|Invalid/.test(reply.message), `${hostname}: ${reply.message}`);
      }
    }
    // An allowed host that nobody has: the permission is there, the connection is not.
    const code = `const signal = AbortSignal.timeout(50); await fetch("http://192.0.2.1:9/", { signal })`;
    const reply = JSON.parse((await send(container, { code })).body);
    assert(!/Requires net access/.test(reply.message), reply.message);
    listener.close();
    assertEquals(await accepted, []);
  }));

Deno.test("a function may reach this machine where the platform's own ports ask for a token", () =>
  withRuntime(async ({ start, send }) => {
    const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, () => new Response("inside"));
    for (const allowNet of [["*"], [`127.0.0.1:${server.addr.port}`]]) {
      const container = await start(ATTEMPT, { allowNet });
      const code = `return await (await fetch("http://127.0.0.1:${server.addr.port}/")).text()`;
      assertEquals(JSON.parse((await send(container, { code })).body), { done: "inside" });
    }
    await server.shutdown();
  }, { platformHasToken: true }));

Deno.test("every host is refused where the platform's own ports are open to all", () =>
  withRuntime(async ({ start }) => {
    for (const host of ["*", "[::ffff:127.0.0.2]:80", "[0:0:0:0:0:FFFF:7f00:2]"]) {
      const error = await assertRejects(
        () => start(ATTEMPT, { allowNet: [host] }),
        PlatformError,
        `allow_net "${host}"`,
      );
      assertEquals(error.code, "failed_precondition");
    }
  }));
