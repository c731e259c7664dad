import { assert, assertEquals, assertMatch } from "@std/assert";
import type { ConnectRouter } from "@connectrpc/connect";
import { APIServer } from "../../gen/apiserverproto/apiserver_pb.ts";
import { ClusterService } from "../../gen/minifaas/admin/v1/cluster_pb.ts";
import { type DeployFunctionRequest, FunctionService } from "../../gen/minifaas/admin/v1/function_pb.ts";
import { PlatformError, silentLog, systemClock } from "../base/mod.ts";
import { CERTIFICATE, PRIVATE_KEY } from "../rpc/client/identity_testing.ts";
import { createEdge, type TlsIdentity } from "../rpc/mod.ts";
import { main } from "./main.ts";
import { type FakeIo, fakeIo, withFolder } from "./testing.ts";

const hello = {
  accountId: "default",
  functionName: "hello",
  version: 3n,
  codeHash: "a".repeat(64),
  codeSizeInBytes: 1_024n,
  handler: "",
  memoryInBytes: 134_217_728n,
  timeoutInMs: 60_000n,
  concurrency: 1n,
  createdAtMs: BigInt(Date.now() - 90_000),
  active: true,
};

/** An API server that keeps nothing but what it was asked. */
class FakePlatform {
  deployed?: DeployFunctionRequest;
  activated = 0n;
  follow = false;

  routes = (router: ConnectRouter) => {
    const setFollow = (follow: boolean) => this.follow = follow;
    router.service(APIServer, {
      invokeFunction({ functionName, event, accountId }) {
        if (functionName === "broken") throw new PlatformError("unknown", "boom", { failure: "exception" });
        if (functionName === "full") throw new PlatformError("resource_exhausted", "queue full", { retryAfterMs: 250 });
        if (functionName !== "hello") throw new PlatformError("not_found", `no function "${functionName}"`);
        const body = event.length === 3 ? new Uint8Array([0xff, 0]) : event;
        return { requestId: `r-${accountId}`, body, serverSideLatencyInMs: 12n };
      },
      listFunctions: () => ({ functions: [hello, { ...hello, functionName: "theirs", accountId: "other" }] }),
    });
    router.service(FunctionService, {
      deployFunction: (request) => {
        this.deployed = request;
        return { changed: request.functionName !== "same", function: { ...hello, functionName: request.functionName } };
      },
      removeFunction: () => ({ versionsRemoved: 1n }),
      listVersions: () => ({ versions: [hello, { ...hello, version: 2n, active: false }] }),
      activateVersion: ({ version }) => ({ function: { ...hello, version: this.activated = version } }),
      async *streamLogs({ follow, tailLines }) {
        await Promise.resolve();
        setFollow(follow);
        const line = { nodeId: "n1", containerId: "container-12345678", timestampMs: 1_600_000_000_000n };
        yield { ...line, stream: "stdout", line: `tail ${tailLines}` };
        yield { ...line, stream: "stderr", line: "oops" };
      },
    });
    router.service(ClusterService, {
      listNodes: () => ({ nodes: [{ nodeId: "n1", address: "127.0.0.1", nodeServicePort: 10_300n, phase: "ready" }] }),
      listContainers: () => ({
        containers: [{ containerId: "c1", functionName: "hello", inFlight: 1n, concurrency: 2n }],
      }),
      getSummary: () => ({ leases: 1n, nodes: 1n, containers: 1n, acquires: 7n }),
    });
  };
}

interface Ran {
  code: number;
  stdout: string;
  stderr: string;
  platform: FakePlatform;
}

type RunOptions = Parameters<typeof fakeIo>[0] & { token?: string; tls?: TlsIdentity };

/** Runs a command line against a platform on a real port. */
async function run(args: string[], options: RunOptions = {}): Promise<Ran> {
  const platform = new FakePlatform();
  const edge = createEdge({
    service: "apiserver",
    routes: platform.routes,
    token: options.token,
    ready: () => undefined,
    log: silentLog(systemClock),
    clock: systemClock,
  });
  const listener = await edge.listen({ hostname: "127.0.0.1", port: 0, tls: options.tls });
  try {
    const server = `127.0.0.1:${listener.port}`;
    const io: FakeIo = fakeIo({ ...options, env: { MINIFAAS_SERVER: server, ...options.env } });
    const code = await main(args, io);
    const plain = (text: string) => text.replaceAll(server, "SERVER");
    return { code, stdout: plain(io.stdout), stderr: plain(io.stderr), platform };
  } finally {
    await listener.close({ graceMs: 0 });
  }
}

Deno.test("deploy sends the bundle and the settings, and says what to try next", async () => {
  await withFolder({ "Hello.ts": "export const handler = (): number => 1;" }, async (cwd) => {
    const flags = [
      "--memory=256MiB",
      "--timeout=5s",
      "--concurrency=4",
      "--allow-net=a.example,b:80",
      "--handler=handler",
    ];
    const { code, stdout, stderr, platform } = await run(["deploy", "Hello.ts", ...flags], { cwd });
    assertEquals([code, stderr], [0, ""]);
    assertEquals(
      stdout,
      "deployed hello version 3 (1KiB)\n  http://SERVER/fn/hello\n" +
        "try: mini-faas invoke hello --event '{}' --server SERVER\n  or: curl -s http://SERVER/fn/hello\n",
    );
    const { functionName, memoryInBytes, timeoutInMs, concurrency, allowNet, handler, code: sent } = platform.deployed!;
    assertEquals([functionName, memoryInBytes, timeoutInMs, concurrency, allowNet, handler], [
      "hello",
      268_435_456n,
      5_000n,
      4n,
      ["a.example", "b:80"],
      "handler",
    ]);
    assertMatch(new TextDecoder().decode(sent), /export const handler/);
  });
});

Deno.test("deploy says when nothing changed, answers in JSON, and shows progress to a person only", async () => {
  await withFolder({ "My Fn.js": "export const handler = () => 1;" }, async (cwd) => {
    const same = await run(["deploy", "My Fn.js", "--name", "same"], { cwd, errIsTerminal: true });
    assertMatch(same.stdout, /^same version 3 is the same already, nothing changed\n/);
    assertMatch(same.stderr, /bundling My Fn.js …\r/);
    const json = JSON.parse((await run(["deploy", "My Fn.js", "--name=x", "--json"], { cwd })).stdout);
    assertEquals([json.changed, json.url, json.function.version], [true, "http://SERVER/fn/x", 3]);
    const unnamed = await run(["deploy", "My Fn.js"], { cwd });
    assertEquals([unnamed.code, unnamed.platform.deployed], [2, undefined]);
    assertMatch(unnamed.stderr, /^error: the name taken from the file is "my fn", must be 1 to 63 .* --name\n$/);
  });
});

Deno.test("invoke prints the answer's bytes as they are, whatever way the event came", async () => {
  assertEquals((await run(["invoke", "hello", "--event", '{"a":1}'])).stdout, '{"a":1}');
  assertEquals((await run(["invoke", "hello"])).stdout, "{}");
  assertEquals((await run(["invoke", "hello", "-"], { stdin: "from stdin" })).stdout, "from stdin");
  await withFolder({ "e.json": "[1,2]" }, async (cwd) => {
    assertEquals((await run(["invoke", "hello", "--event-file=e.json"], { cwd })).stdout, "[1,2]");
  });
  const { stdout } = await run(["invoke", "hello", "--event=[1]", "--json"]);
  assertEquals(JSON.parse(stdout), { requestId: "r-default", body: { base64: "/wA=" }, latencyMs: 12 });
  const json = await run(["invoke", "hello", "--event=[1,2]", "--json", "--account", "me"]);
  assertEquals(JSON.parse(json.stdout), { requestId: "r-me", body: [1, 2], latencyMs: 12 });
});

Deno.test("a call that fails is told in one line, with its code, and ends with 1", async () => {
  const broken = await run(["invoke", "broken"]);
  assertEquals([broken.code, broken.stdout, broken.stderr], [1, "", "error: unknown (exception): boom\n"]);
  const full = await run(["invoke", "full"]);
  assertEquals(full.stderr, "error: resource_exhausted: queue full; try again in 250 ms\n");
  const none = await run(["invoke", "nobody", "--json"]);
  assertEquals(JSON.parse(none.stderr), { error: { code: "not_found", message: 'no function "nobody"' } });
});

Deno.test("events must come from one place, and must not be too large", async () => {
  const one = "error: the event comes from one of --event, --event-file and -\n";
  assertEquals((await run(["invoke", "hello", "-", "--event={}"])).stderr, one);
  assertEquals((await run(["invoke", "hello", "--event-file=x", "--event={}"])).stderr, one);
  const large = await run(["invoke", "hello", "-"], { stdin: "x".repeat(6 * 2 ** 20 + 1) });
  assertEquals([large.code, large.stderr], [2, "error: the event is larger than 6 MiB, which is the most allowed\n"]);
  assertMatch((await run(["invoke", "hello", "--event-file=no"])).stderr, /^error: event file no cannot be read: /);
});

Deno.test("list, versions, rollback and rm", async () => {
  assertEquals(
    (await run(["list"])).stdout,
    "NAME   VERSION  MEMORY  TIMEOUT  HANDLER\nhello        3  128MiB       1m  -\n",
  );
  assertMatch((await run(["list", "--all-accounts"])).stdout, /\ntheirs .* other\n/);
  const { functions } = JSON.parse((await run(["list", "--json"])).stdout);
  assertEquals([functions.length, functions[0].memoryBytes], [1, 134_217_728]);
  assertEquals((await run(["list", "--account=nobody"])).stdout, "no functions yet\n");
  const versions = (await run(["versions", "hello"])).stdout.split("\n");
  assertMatch(versions[1], /^ {6}3 {2}active {2} 1m {2}1KiB {2}128MiB {7}1m {2}aaaaaaaaaaaa$/);
  assertMatch(versions[2], /^ {6}2 {2}- /);
  const back = await run(["rollback", "hello", "2"]);
  assertEquals([back.stdout, back.platform.activated], ["hello is at version 2 now, the same as version 2\n", 2n]);
  for (const wrong of ["0", "two", "-1", "1.5"]) assertEquals((await run(["rollback", "hello", "--", wrong])).code, 2);
  assertEquals((await run(["rm", "hello"])).stdout, "removed hello (1 version)\n");
});

Deno.test("logs are told line by line, in JSON one document a line", async () => {
  const { stdout, platform } = await run(["logs", "hello", "-f", "--tail=5"]);
  assertEquals(stdout, "12:26:40.000Z 12345678 | tail 5\n12:26:40.000Z 12345678 ! oops\n");
  assert(platform.follow);
  const lines = (await run(["logs", "hello", "--json"])).stdout.trim().split("\n").map((line) => JSON.parse(line));
  assertEquals(lines.map(({ stream, line }) => [stream, line]), [["stdout", "tail 0"], ["stderr", "oops"]]);
});

Deno.test("ps shows nodes, containers and a summary", async () => {
  const { stdout } = await run(["ps"]);
  assertMatch(
    stdout,
    /^NODE .*\nn1 +127\.0\.0\.1:10300 +ready .*\n\nCONTAINER .*\nc1 +hello .* 1\/2 .*\n\n1 node, 1 container, 1 lease, /,
  );
  const json = JSON.parse((await run(["ps", "--json"])).stdout);
  assertEquals([json.leases, json.waiting, json.acquires, json.nodes[0].nodeId, json.containers[0].inFlight], [
    1,
    0,
    7,
    "n1",
    1,
  ]);
});

Deno.test("a token goes along where the platform wants one, and its lack is explained", async () => {
  await withFolder({ token: "s3cret" }, async (cwd) => {
    await Deno.chmod(`${cwd}/token`, 0o600);
    assertEquals((await run(["list", "--token-file=token"], { token: "s3cret", cwd })).code, 0);
    const env = { MINIFAAS_TOKEN_FILE: "token" };
    assertEquals((await run(["list"], { token: "s3cret", cwd, env })).code, 0);
  });
  const { code, stderr } = await run(["list"], { token: "s3cret" });
  assertEquals(code, 1);
  assertMatch(stderr, /^error: unauthenticated: .*; name its file with --token-file\n$/);
});

Deno.test("a platform that speaks TLS is verified; what keeps it from being trusted is told, and what to do", async () => {
  const tls = { cert: CERTIFICATE, key: PRIVATE_KEY };
  await withFolder({ "ca.pem": CERTIFICATE, "greet.ts": "export const handler = () => 1;" }, async (cwd) => {
    const deployed = await run(["deploy", "greet.ts", "--tls-ca=ca.pem"], { tls, cwd });
    assertEquals([deployed.code, deployed.stderr], [0, ""]);
    assertMatch(deployed.stdout, /\n {2}https:\/\/SERVER\/fn\/greet\n/);
    assertMatch(
      deployed.stdout,
      /--server SERVER --tls-ca ca\.pem\n {2}or: curl -s --cacert ca\.pem https:\/\/SERVER\//,
    );
    assertEquals((await run(["list"], { tls, cwd, env: { MINIFAAS_TLS_CA: "ca.pem" } })).code, 0);
    assertEquals(
      (await run(["list", "--tls-ca=ca.pem"], { cwd })).stderr,
      "error: unavailable: SERVER cannot be reached: it speaks no TLS; leave out --tls-ca and https://\n",
    );
    assertMatch((await run(["list", "--tls-ca=no.pem"], { cwd })).stderr, /^error: --tls-ca no\.pem cannot be read: /);
  });
  const plain = await run(["list"], { tls });
  assertEquals(plain.code, 1);
  // The port's alert may be lost where it hangs up before all that we sent was read.
  assertMatch(plain.stderr, /^error: unavailable: .*(it speaks TLS; name the file .* --tls-ca|hung up|reset)/);
});

Deno.test("https:// in --server asks for TLS with the CAs that everybody trusts", async () => {
  const edge = createEdge({
    service: "apiserver",
    routes: new FakePlatform().routes,
    ready: () => undefined,
    log: silentLog(systemClock),
    clock: systemClock,
  });
  const tls = { cert: CERTIFICATE, key: PRIVATE_KEY };
  const listener = await edge.listen({ hostname: "127.0.0.1", port: 0, tls });
  const io = fakeIo();
  assertEquals(await main(["list", "--server", `https://127.0.0.1:${listener.port}`], io), 1);
  assertMatch(
    io.stderr,
    /^error: unavailable: 127\.0\.0\.1:\d+ cannot be reached: no trusted CA vouches for .*; name .* with --tls-ca\n$/,
  );
  await listener.close({ graceMs: 0 });
});

Deno.test("with nobody there, it says how to start somebody", async () => {
  const gone = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const server = `127.0.0.1:${gone.addr.port}`;
  gone.close();
  const io = fakeIo();
  assertEquals(await main(["list", "--server", server], io), 1);
  assertEquals(io.stderr, `error: unavailable: no mini-faas at ${server}: start one with \`deno task start\`\n`);
});

Deno.test("when nobody reads the output any more, it ends quietly", async () => {
  const { code, stderr } = await run(["logs", "hello", "-f"], { outClosedAfter: 1 });
  assertEquals([code, stderr], [0, ""]);
});

Deno.test("help: an overview, each command, each group; a wrong word is put right", async () => {
  const ask = async (...args: string[]) => {
    const io = fakeIo();
    return { code: await main(args, io), ...{ stdout: io.stdout, stderr: io.stderr } };
  };
  const overview = (await ask("help")).stdout;
  for (const name of ["up", "deploy", "serve node", "version"]) assertMatch(overview, new RegExp(`\n  ${name} `));
  assertEquals((await ask("--help")).stdout, overview);
  assertEquals((await ask()).code, 2);
  const deploy = (await ask("deploy", "--help")).stdout;
  assertMatch(deploy, /Usage: mini-faas deploy FILE\|FOLDER \[flags\]/);
  assertEquals((await ask("help", "deploy")).stdout, deploy);
  assertMatch((await ask("help", "serve", "node")).stdout, /--end-with-stdin {2,}end when stdin closes/);
  assertMatch((await ask("serve", "--help")).stdout, /serve scheduler/);
  assertMatch((await ask("up", "--help")).stdout, /--nodes-max COUNT +nodes in all \(default 2, MINIFAAS_NODES_MAX\)/);
  assertMatch((await ask("version")).stdout, /^mini-faas \d+\.\d+\.\d+ \(Deno /);
  const wrong = async (line: string, message: string) => {
    const { code, stderr } = await ask(...line.split(" "));
    assertEquals([code, stderr], [2, `error: ${message}\n`]);
  };
  await wrong("depoly x", '"depoly" is no command; did you mean `mini-faas deploy`?');
  await wrong("deploy", "mini-faas deploy needs FILE|FOLDER: mini-faas deploy FILE|FOLDER");
  await wrong("rm a b", 'mini-faas rm does not know what to do with "b"');
  await wrong(
    "serve nod",
    'mini-faas serve is followed by "nod", must be one of apiserver, scheduler, resourcemanager, node',
  );
  await wrong(
    "up --host=0.0.0.0",
    '--host is "0.0.0.0", which others can reach: that needs --token-file FILE with a secret token in it',
  );
});

Deno.test("the real program ends quietly under | head", async () => {
  const main = new URL("../main.ts", import.meta.url).pathname;
  const line = `"${Deno.execPath()}" run -A "${main}" help | head -1; echo "\${PIPESTATUS[0]}"`;
  const { stdout, stderr } = await new Deno.Command("bash", { args: ["-c", line] }).output();
  assertMatch(new TextDecoder().decode(stdout), /^mini-faas .*\n0\n$/);
  assertEquals(new TextDecoder().decode(stderr), "");
});
