import * as path from "node:path";
import { flagName, type Flags, type Values } from "./flags.ts";
import { platformFlags, type ServiceName, type Settings } from "./platform_flags.ts";
import { checkPolicyName } from "./policy_flags.ts";
import { isLoopback, readTokenFile } from "./token_file.ts";
import { readTlsIdentity, readTlsTrust } from "./tls_files.ts";
import { UsageError } from "./usage_error.ts";

/**
 * All settings for `command`, which was told `taken`: the rest have their defaults, and what must fit together does.
 * `data` and all files come out absolute, `port` set, `tlsCa` where peers are dialled by TLS. Throws {@linkcode UsageError}.
 */
export function completeSettings(command: "up" | ServiceName, taken: Values<Flags>, cwd: string): Settings {
  const defaults = Object.fromEntries(Object.entries(platformFlags).map(([key, one]) => [key, one.default]));
  const values = { ...defaults, ...taken } as Values<typeof platformFlags>;
  if (values.nodesWarm > values.nodesMax) {
    const { nodesWarm, nodesMax } = values;
    throw new UsageError(`--nodes-warm is ${nodesWarm}, must be at most --nodes-max, which is ${nodesMax}`);
  }
  checkPorts(command, values);
  checkPolicy(values);
  if (!isLoopback(values.host) && values.tokenFile === undefined) {
    throw new UsageError(
      `--host is "${values.host}", which others can reach: that needs --token-file FILE with a secret token in it`,
    );
  }
  const token = values.tokenFile === undefined ? undefined : readTokenFile(values.tokenFile, cwd);
  const tls = readTlsIdentity(values, cwd);
  const peerTls = readTlsTrust(values, cwd);
  if (command === "up" && peerTls && !tls) {
    throw new UsageError("--tls-ca is given without --tls-cert: services would be called by TLS that do not speak it");
  }
  if (tls && values.http2 !== "own") {
    throw new UsageError(`--http2 is "${values.http2}", must be "own" where there is --tls-cert`);
  }
  const absolute = (file: string | undefined) => file && path.resolve(cwd, file);
  const port = values.port ?? (command === "up" ? undefined : values[`${command}Port`]);
  return {
    ...values,
    port,
    data: path.resolve(cwd, values.data),
    tokenFile: absolute(values.tokenFile),
    tlsCert: absolute(values.tlsCert),
    tlsKey: absolute(values.tlsKey),
    tlsCa: absolute(values.tlsCa ?? values.tlsCert),
    token,
    tls,
    peerTls,
  };
}

/** What is given must be of use to the policy: who sets a time that nobody looks at would wait for it in vain. */
function checkPolicy(values: Values<typeof platformFlags>): void {
  const { policy, shadow } = values;
  checkPolicyName(policy);
  for (const [key, user] of [["containerIdle", "on-demand"], ["weights", "adaptive"]] as const) {
    const isOfShadow = key === "weights" && shadow.includes(user);
    if (values[key] === undefined || policy === user || isOfShadow) continue;
    throw new UsageError(`${flagName(key)} is given, but only policy ${user} goes by it: --policy is "${policy}"`);
  }
}

/** Ports of one machine must be apart; node agents take a whole range. */
function checkPorts(command: "up" | ServiceName, values: Values<typeof platformFlags>): void {
  if (command !== "up" && command !== "resourcemanager") return;
  const last = values.nodePort + values.nodesMax - 1;
  if (values.nodePort > 0 && last > 65_535) {
    throw new UsageError(`--node-port is ${values.nodePort}, which leaves no ports for --nodes-max ${values.nodesMax}`);
  }
  const keys = command === "up"
    ? ["apiserverPort", "schedulerPort", "resourcemanagerPort"] as const
    : ["port"] as const;
  const taken = new Map<number, string>();
  for (const key of keys) {
    const port = values[key];
    if (!port) continue;
    if (taken.has(port)) {
      throw new UsageError(`${flagName(key)} is ${port}, which ${taken.get(port)} is already`);
    }
    if (values.nodePort > 0 && port >= values.nodePort && port <= last) {
      throw new UsageError(
        `${flagName(key)} is ${port}, which is among the node agents' ${values.nodePort} to ${last}`,
      );
    }
    taken.set(port, flagName(key));
  }
}
