import { assert, assertEquals } from "@std/assert";
import { nodeCommand } from "./node_command.ts";

const settings = {
  host: "127.0.0.1",
  data: "/data",
  nodePort: 10_300,
  nodeMemory: 2 ** 30,
  overcommit: 4,
  runtime: "process",
  logLevel: "info",
  http2: "own",
  tokenFile: undefined,
  tlsCert: undefined,
  tlsKey: undefined,
  tlsCa: undefined,
} as const;

const hostOf = (host: string) =>
  nodeCommand({ ...settings, host }, "127.0.0.1:10500", 0).args.find((arg) => arg.startsWith("--host="));

Deno.test("agents listen where the resource manager does, so that schedulers elsewhere can dial them", () => {
  assertEquals(hostOf("192.0.2.7"), "--host=192.0.2.7");
  assertEquals(hostOf("127.0.0.1"), "--host=127.0.0.1");
});

Deno.test("where it listens on all addresses at once, agents stay on loopback: they are announced by their own", () => {
  for (const host of ["0.0.0.0", "::", "[::]"]) assertEquals(hostOf(host), undefined);
});

Deno.test("each agent has its own port and folder; port 0 stays any free one", () => {
  const { args } = nodeCommand(settings, "127.0.0.1:10500", 2);
  assert(args.includes("--port=10302") && args.includes("--data=/data/nodes/2"), args.join(" "));
  assert(nodeCommand({ ...settings, nodePort: 0 }, "127.0.0.1:10500", 2).args.includes("--port=0"));
});

Deno.test("agents speak TLS where the platform does, and are told whom to trust", () => {
  const flagsOf = (given: Partial<Parameters<typeof nodeCommand>[0]>) =>
    nodeCommand({ ...settings, ...given }, "127.0.0.1:10500", 0).args.filter((arg) => arg.startsWith("--tls-"));
  assertEquals(flagsOf({}), []);
  assertEquals(flagsOf({ tlsCa: "/ca" }), ["--tls-ca=/ca"]);
  const all = { tlsCert: "/cert", tlsKey: "/key", tlsCa: "/ca" };
  assertEquals(flagsOf(all), ["--tls-cert=/cert", "--tls-key=/key", "--tls-ca=/ca"]);
});
