/** Flags of `evaluate`, and what they come to. */
import { type ClusterOptions, DEFAULT_CLUSTER } from "../../simulator/mod.ts";
import { flag, optional, type Values } from "../flags.ts";
import { duration, endpoint, factor, integer, type Kind, list, text } from "../kinds.ts";
import { platformFlags, type Settings } from "../platform_flags.ts";
import { completeSettings } from "../platform_settings.ts";
import { clusterOptions, policyNames, SEED_MAX, simFlags } from "../simulation/sim_flags.ts";
import { UsageError } from "../usage_error.ts";

/** Every node is a listening port of this process. */
const NODES_MAX = 1_000;
const SPEED_MAX = 1_000;
const NAME = /^[A-Za-z0-9_.+-]{1,40}$/;

/** Whom to evaluate, and what to call it. */
export interface Target {
  readonly name: string;
  readonly address: string;
}

const target: Kind<Target> = {
  placeholder: "[NAME=]HOST:PORT",
  allowed: "host:port or name=host:port, like mine=127.0.0.1:10600",
  parse(value) {
    const at = value.lastIndexOf("=");
    const address = endpoint.parse(value.slice(at + 1));
    const name = at < 0 ? value : value.slice(0, at);
    return address !== undefined && (at < 0 || NAME.test(name)) ? { name, address } : undefined;
  },
  format: ({ name, address }) => name === address ? address : `${name}=${address}`,
};

export const evaluateFlags = {
  scheduler: optional(target, "scheduler to evaluate; it finds the resource manager at --resourcemanager-port"),
  policy: flag(list(text("NAME", "the name of a policy")), [], "policies of our own scheduler to evaluate, run here", {
    short: "p",
  }),
  speed: flag(factor(0.1, SPEED_MAX), 1, "how much faster than real time"),
  wait: flag(duration(0, 3_600_000), 60_000, "how long to wait for the scheduler"),
  workload: simFlags.workload,
  seed: flag(integer("NUMBER", 0, SEED_MAX), 1, "seed of chance", { short: "s" }),
  weights: simFlags.weights,
  functions: simFlags.functions,
  html: optional(text("FILE"), "write a page with pictures"),
  save: optional(text("FILE"), "write the workload, to look at or share (.jsonl)"),
  nodesWarm: optional(integer("COUNT", 0, NODES_MAX), simFlags.nodesWarm.help),
  nodesMax: optional(integer("COUNT", 1, NODES_MAX), simFlags.nodesMax.help),
  nodeMemory: simFlags.nodeMemory,
  refill: simFlags.refill,
  startDelay: simFlags.startDelay,
  startCpu: simFlags.startCpu,
  overcommit: simFlags.overcommit,
  resourcemanagerPort: flag(
    platformFlags.resourcemanagerPort.kind,
    10_400,
    "port of the resource manager for --scheduler",
  ),
  nodePort: flag(
    platformFlags.nodePort.kind,
    10_300,
    "port of the first node for --scheduler, the next ones follow it; 0: any",
  ),
  host: flag(platformFlags.host.kind, "127.0.0.1", "address of this machine at which the scheduler finds them"),
  tokenFile: optional(platformFlags.tokenFile.kind, "token that every call carries and must carry, both ways"),
  tlsCert: optional(
    platformFlags.tlsCert.kind,
    "certificate, PEM, of all ports, which speak TLS then; needs --tls-key",
  ),
  tlsKey: optional(platformFlags.tlsKey.kind, "the certificate's private key, PEM; only its owner may read it"),
  tlsCa: optional(platformFlags.tlsCa.kind, "certificates, PEM, that vouch for the scheduler; that of --tls-cert else"),
};

export type EvaluateValues = Values<typeof evaluateFlags>;

/** Whom to evaluate, on what, and behind which ports. Throws {@linkcode UsageError}. */
export function evaluatePlan(
  values: EvaluateValues,
  cwd: string,
): { targets: (Target | { name: string; policy: string })[]; cluster: ClusterOptions; settings: Settings } {
  const policies = policyNames(values).map((policy) => ({ name: policy, policy }));
  const targets = [...(values.scheduler ? [values.scheduler] : []), ...policies];
  if (targets.length === 0) {
    throw new UsageError("evaluate needs --scheduler HOST:PORT, or --policy NAME for one of our own scheduler's");
  }
  const twice = policies.find(({ name }) => name === values.scheduler?.name);
  if (twice) throw new UsageError(`--scheduler is called "${twice.name}", which --policy is too; choose another name`);
  if (["0.0.0.0", "::", "[::]"].includes(values.host)) {
    throw new UsageError(`--host is "${values.host}", must be one address: nodes are announced by it`);
  }
  const cluster = { ...DEFAULT_CLUSTER, ...clusterOptions({ ...values, containerMemory: undefined }) };
  const { host, tokenFile, tlsCert, tlsKey, tlsCa, resourcemanagerPort, nodePort } = values;
  const { nodesWarm, nodesMax } = cluster;
  const taken = { host, tokenFile, tlsCert, tlsKey, tlsCa, resourcemanagerPort, nodePort, nodesWarm, nodesMax };
  // Ports that are not opened here are in nobody's way.
  const settings = completeSettings("up", { ...taken, apiserverPort: 0, schedulerPort: 0 } as never, cwd);
  return { targets, cluster, settings };
}
