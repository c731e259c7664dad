import { assertEquals, assertThrows } from "@std/assert";
import { parseArgs } from "./args.ts";
import { basename } from "node:path";
import { POLICIES } from "../policy/mod.ts";
import { CERTIFICATE, PRIVATE_KEY } from "../rpc/client/identity_testing.ts";
import { fileKey, type Flags } from "./flags.ts";
import { pickFlags, platformFlags, type ServiceName, SERVICES, type Settings, settingsOf } from "./platform_flags.ts";
import { completeSettings } from "./platform_settings.ts";
import { readConfigFile, resolveValues } from "./settings.ts";
import { withFolder } from "./testing.ts";
import { UsageError } from "./usage_error.ts";

interface Given {
  command?: "up" | ServiceName;
  args?: string[];
  env?: Record<string, string>;
  file?: Record<string, unknown>;
}

function settings({ command = "up", args = [], env = {}, file }: Given): Settings {
  const flags: Flags = pickFlags(settingsOf[command]);
  const { given } = parseArgs(args, flags, command);
  const config = file && { name: "mini-faas.json", entries: file };
  return completeSettings(command, resolveValues(flags, { given, env, file: config }), "/work/here");
}

function refused(given: Given, message: string): void {
  assertEquals(assertThrows(() => settings(given), UsageError).message, message);
}

Deno.test("defaults are those of a laptop", () => {
  const { data, host, nodesWarm, nodesMax, nodeMemory, nodeRefill, runtime, token } = settings({});
  assertEquals({ data, host, nodesWarm, nodesMax, nodeMemory, nodeRefill, runtime, token }, {
    data: "/work/here/data",
    host: "127.0.0.1",
    nodesWarm: 1,
    nodesMax: 2,
    nodeMemory: 2 ** 31,
    nodeRefill: 0,
    runtime: "process",
    token: undefined,
  });
});

Deno.test("a flag beats the environment, which beats the config file, which beats the default", () => {
  const file = { "nodes-max": 5, "node-memory": "512MiB", "log-level": "warn", "node-idle": "10s" };
  const env = { MINIFAAS_NODES_MAX: "6", MINIFAAS_NODE_MEMORY: "1GiB" };
  const { nodesMax, nodeMemory, logLevel, nodeIdle } = settings({ file, env, args: ["--nodes-max=7"] });
  assertEquals([nodesMax, nodeMemory, logLevel, nodeIdle], [7, 2 ** 30, "warn", 10_000]);
});

Deno.test("an empty variable is none", () => {
  assertEquals(settings({ env: { MINIFAAS_NODES_MAX: "" } }).nodesMax, 2);
});

Deno.test("the field's own variables are kept", () => {
  const env = { SERVICE_PORT: "7000", RESOURCE_MANAGER_ENDPOINT: "rm:7001", SCHEDULER_ENDPOINT: "s:7002" };
  assertEquals(settings({ command: "scheduler", env }).port, 7000);
  assertEquals(settings({ command: "scheduler", env }).resourcemanager, "rm:7001");
  assertEquals(settings({ command: "apiserver", env }).scheduler, "s:7002");
  assertEquals(settings({ command: "scheduler" }).port, 10_600, "each service has a port of its own");
  assertEquals(settings({ command: "scheduler", env: { ...env, MINIFAAS_PORT: "7007" } }).port, 7007);
});

Deno.test("a wrong value names where it stands, what it is and what is allowed", () => {
  refused({ args: ["--nodes-max=none"] }, '--nodes-max is "none", must be a whole number from 1 to 100');
  refused({ args: ["--nodes-max="] }, "--nodes-max is missing, must be a whole number from 1 to 100");
  refused({ args: ["--nodes-max=0"] }, '--nodes-max is "0", must be a whole number from 1 to 100');
  refused({ args: ["--nodes-max=1e1"] }, '--nodes-max is "1e1", must be a whole number from 1 to 100');
  const size = "must be a size like 512MiB or 1GiB, from 64MiB to 1024GiB";
  refused({ env: { MINIFAAS_NODE_MEMORY: "2GB" } }, `MINIFAAS_NODE_MEMORY is "2GB", ${size}`);
  refused({ file: { "node-memory": -1 } }, `node-memory in mini-faas.json is "-1", ${size}`);
  const time = "must be a time like 500ms, 30s or 5m, from 0s to 24h";
  refused({ file: { "node-idle": 30 } }, `node-idle in mini-faas.json is "30", ${time}`);
  refused({ args: ["--node-idle=2d"] }, `--node-idle is "2d", ${time}`);
  refused({ args: ["--runtime=docker"] }, '--runtime is "docker", must be process or simulated');
  refused({ args: ["--log-level=loud"] }, '--log-level is "loud", must be debug, info, warn or error');
  refused({ args: ["--node-port=65536"] }, '--node-port is "65536", must be a whole number from 0 to 65535');
  refused(
    { command: "scheduler", env: { RESOURCE_MANAGER_ENDPOINT: "somewhere" } },
    'RESOURCE_MANAGER_ENDPOINT is "somewhere", must be host:port, like 127.0.0.1:10500',
  );
  refused({ file: { host: { a: 1 } } }, 'host in mini-faas.json is "{\\"a\\":1}", must be an address of this machine');
  refused({ file: { host: null } }, 'host in mini-faas.json is "null", must be an address of this machine');
});

Deno.test("what does not fit together is refused", () => {
  refused({ args: ["--nodes-warm=3"] }, "--nodes-warm is 3, must be at most --nodes-max, which is 2");
  refused({ args: ["--scheduler-port=10500"] }, "--scheduler-port is 10500, which --apiserver-port is already");
  refused(
    { args: ["--scheduler-port=10301"] },
    "--scheduler-port is 10301, which is among the node agents' 10300 to 10301",
  );
  refused({ args: ["--node-port=65535"] }, "--node-port is 65535, which leaves no ports for --nodes-max 2");
  const free = settings({ args: ["--scheduler-port=0", "--apiserver-port=0", "--node-port=0", "--nodes-max=50"] });
  assertEquals([free.schedulerPort, free.nodePort], [0, 0], "0 is any free port, as often as one likes");
});

Deno.test("the policy is one of those there are, and what is set for it is of use to it", () => {
  const defaults = settings({});
  assertEquals([defaults.policy, defaults.overcommit, defaults.containerMin], ["adaptive", 4, 0]);
  const { policy, weights } = settings({ env: { MINIFAAS_WEIGHTS: "0.75,0.25" }, file: { policy: "adaptive" } });
  assertEquals([policy, weights], ["adaptive", { responseTime: 0.75, nodeTime: 0.25 }]);
  const known = Object.keys(POLICIES).join(", ");
  refused({ args: ["--policy=adaptiv"] }, `--policy is "adaptiv", must be one of ${known}; did you mean adaptive?`);
  refused({ command: "scheduler", env: { MINIFAAS_POLICY: "x" } }, `--policy is "x", must be one of ${known}`);
  refused({ args: ["--weights=1"] }, '--weights is "1", must be two numbers from 0 that add up to 1, like 0.75,0.25');
  refused(
    { args: ["--weights=0.5,0.5", "--policy=kpa"] },
    '--weights is given, but only policy adaptive goes by it: --policy is "kpa"',
  );
  const idle = '--container-idle is given, but only policy on-demand goes by it: --policy is "adaptive"';
  refused({ args: ["--container-idle=10s"] }, idle);
  refused({ file: { "container-idle": "10s" } }, idle);
  assertEquals(settings({ args: ["--container-idle=10s", "--policy=on-demand"] }).containerIdle, 10_000);
  assertEquals(settings({ args: ["--container-min=1", "--node-idle=1m"] }).nodeIdle, 60_000, "any policy's");
  refused({ args: ["--overcommit=0.9"] }, '--overcommit is "0.9", must be a number from 1 to 100');
});

Deno.test("beyond loopback nothing listens without a token", async () => {
  const says = "which others can reach: that needs --token-file FILE with a secret token in it";
  for (const host of ["0.0.0.0", "::", "192.168.1.7", "example.org", "127.0.0.1.example.org"]) {
    refused({ args: [`--host=${host}`] }, `--host is "${host}", ${says}`);
  }
  for (const host of ["localhost", "::1", "127.0.0.2"]) assertEquals(settings({ args: ["--host", host] }).host, host);
  await withFolder({ token: "s3cret\n" }, async (folder) => {
    await Deno.chmod(`${folder}/token`, 0o600);
    const { token, tokenFile } = settings({ args: ["--host=0.0.0.0", `--token-file=${folder}/token`] });
    assertEquals([token, tokenFile], ["s3cret", `${folder}/token`]);
  });
});

Deno.test("with a certificate ports speak TLS and peers are dialled by it, files named by where they are", async () => {
  await withFolder({ "cert.pem": CERTIFICATE, "key.pem": PRIVATE_KEY }, async (folder) => {
    await Deno.chmod(`${folder}/key.pem`, 0o600);
    const args = [`--tls-cert=${folder}/cert.pem`, `--tls-key=${folder}/../${basename(folder)}/key.pem`];
    for (const command of ["up", ...SERVICES] as const) {
      const { tlsCert, tlsKey, tlsCa, tls, peerTls } = settings({ command, args });
      assertEquals({ tlsCert, tlsKey, tlsCa, tls, peerTls }, {
        tlsCert: `${folder}/cert.pem`,
        tlsKey: `${folder}/key.pem`,
        tlsCa: `${folder}/cert.pem`,
        tls: { cert: CERTIFICATE, key: PRIVATE_KEY },
        peerTls: { ca: CERTIFICATE },
      });
    }
    refused({ args: [...args, "--http2=node"] }, '--http2 is "node", must be "own" where there is --tls-cert');
    refused(
      { args: [`--tls-ca=${folder}/cert.pem`] },
      "--tls-ca is given without --tls-cert: services would be called by TLS that do not speak it",
    );
    const { tls, peerTls } = settings({ command: "apiserver", args: [`--tls-ca=${folder}/cert.pem`] });
    assertEquals([tls, peerTls], [undefined, { ca: CERTIFICATE }], "behind something else that speaks TLS for it");
  });
});

Deno.test("the config file is read where there is one, and must be one where it is named", async () => {
  await withFolder({ "mini-faas.json": '{"nodes-max": 4}', "other.json": "{}" }, (folder) => {
    assertEquals(readConfigFile(undefined, folder, platformFlags)?.entries, { "nodes-max": 4 });
    assertEquals(readConfigFile("other.json", folder, platformFlags)?.entries, {});
    assertThrows(() => readConfigFile("none.json", folder, platformFlags), UsageError, "none.json cannot be read");
  });
  assertEquals(readConfigFile(undefined, "/nowhere", platformFlags), undefined);
});

Deno.test("a config file that is wrong says how", async () => {
  const wrong: Record<string, [string, string]> = {
    "syntax.json": ["{nodes: 1}", "config file syntax.json is not JSON"],
    "list.json": ["[1]", 'config file list.json must be one JSON object, like {"log-level": "debug"}'],
    "key.json": ['{"node-max": 1}', "node-max in key.json is no setting; did you mean nodes-max?"],
    "camel.json": ['{"nodesMax": 1}', "nodesMax in camel.json is no setting; did you mean nodes-max?"],
    "switch.json": ['{"end-with-stdin": true}', "end-with-stdin in switch.json is no setting"],
    "large.json": [`{"data": "${"x".repeat(70_000)}"}`, "config file large.json is larger than 65536 bytes"],
  };
  await withFolder(Object.fromEntries(Object.entries(wrong).map(([name, [text]]) => [name, text])), (folder) => {
    for (const [name, [, message]] of Object.entries(wrong)) {
      assertThrows(() => readConfigFile(name, folder, platformFlags), UsageError, message);
    }
  });
});

Deno.test("every setting's default is a value that its flag takes", () => {
  for (const [key, one] of Object.entries(platformFlags)) {
    const kind = one.kind as { parse(text: string): unknown; format(value: unknown): string };
    const value = one.default as unknown;
    if (value === undefined || (Array.isArray(value) && value.length === 0)) continue;
    assertEquals(kind.parse(kind.format(value)), value, fileKey(key));
  }
});
