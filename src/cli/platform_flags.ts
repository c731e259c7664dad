import { FUNCTION_MEMORY_BYTES_MIN, GIB, LOG_LEVELS } from "../base/mod.ts";
import { DEFAULT_POLICY, POLICIES } from "../policy/mod.ts";
import { type ClientTls, HTTP2_SIDES, type TlsIdentity } from "../rpc/mod.ts";
import { flag, type Flags, optional, setting, type Values } from "./flags.ts";
import { choice, duration, endpoint, factor, integer, list, onOff, port, size, text } from "./kinds.ts";
import { weights } from "./policy_flags.ts";

const DAY_MS = 24 * 3_600_000;
/** A machine that runs everything; larger fleets are agents that run elsewhere. */
const NODES_MAX = 100;
/** A longer queue would outlive its callers' patience; the scheduler's rings hold no more. */
const QUEUE_DEPTH_MAX = 65_536;
/** An idle container or node costs memory only; beyond a day it is no longer idleness. */
const IDLE_MS_MAX = DAY_MS;
/** More threads than any machine has cores to spare for one service. */
const WORKERS_MAX = 64;
/** Every call is kept so long before it enters. */
const SHADOW_LAG_MS_MAX = 600_000;
const NODE_MEMORY_BYTES_MAX = 1_024 * GIB;
/**
 * A container of the default 128 MiB is charged 32 MiB at least then: what an idle one holds (10 MiB) with the garbage
 * of a small function. Larger factors make no more room for such functions, since none is charged less.
 */
const OVERCOMMIT = 4;
const OVERCOMMIT_MAX = 100;

/** What the platform's services can be told. Sizes are bytes, times milliseconds. */
export const platformFlags = {
  data: setting(flag(text("DIR", "a folder"), "./data", "folder for functions, bundles and sockets")),
  host: setting(flag(text("HOST", "an address of this machine"), "127.0.0.1", "address that services listen on")),
  tokenFile: setting(
    optional(text("FILE", "a file"), "token that every call must carry; needed to listen beyond loopback"),
  ),
  tlsCert: setting(optional(
    text("FILE", "a file"),
    "certificate, PEM, with its chain: every port speaks TLS then; needs --tls-key",
  )),
  tlsKey: setting(optional(text("FILE", "a file"), "the certificate's private key, PEM; only its owner may read it")),
  tlsCa: setting(optional(
    text("FILE", "a file"),
    "certificates, PEM, that vouch for peers, which are dialled by TLS then; by default that of --tls-cert",
  )),
  logLevel: setting(flag(choice("LEVEL", LOG_LEVELS), "info", "least important log lines to write")),

  http2: setting(
    flag(choice("WHOSE", HTTP2_SIDES), "own", "HTTP/2 of the ports: this program's own, or node:http2, far slower"),
  ),

  apiserverPort: setting(flag(port, 10_500, "port of the API server; 0 is any free one")),
  schedulerPort: setting(flag(port, 10_600, "port of the scheduler")),
  resourcemanagerPort: setting(flag(port, 10_400, "port of the resource manager")),
  nodePort: setting(flag(port, 10_300, "port of the first node agent; the next ones follow it")),

  /** Of a service alone; undefined: its own default among the four above. */
  port: setting(optional(port, "port to listen on; 0 is any free one", { env: ["SERVICE_PORT"] })),
  apiserver: setting(flag(endpoint, "127.0.0.1:10500", "where the API server listens; node agents fetch code there")),
  scheduler: setting(
    flag(endpoint, "127.0.0.1:10600", "where the scheduler listens", { env: ["SCHEDULER_ENDPOINT"] }),
  ),
  resourcemanager: setting(
    flag(endpoint, "127.0.0.1:10400", "where the resource manager listens", { env: ["RESOURCE_MANAGER_ENDPOINT"] }),
  ),
  nodes: setting(flag(list(endpoint), [], "node agents that run elsewhere already; none: start them on this machine")),

  nodesWarm: setting(flag(integer("COUNT", 0, NODES_MAX), 1, "nodes kept ready for the next reservation")),
  nodesMax: setting(flag(integer("COUNT", 1, NODES_MAX), 2, "nodes in all")),
  nodeMemory: setting(
    flag(size(FUNCTION_MEMORY_BYTES_MIN, NODE_MEMORY_BYTES_MAX), 2 * GIB, "memory that a node's containers share"),
  ),
  overcommit: setting(
    flag(
      factor(1, OVERCOMMIT_MAX),
      OVERCOMMIT,
      "how far the memory that containers may use goes beyond their node's, as far as what they use allows; 1: not at all",
    ),
  ),
  nodeRefill: setting(flag(duration(0, DAY_MS), 0, "how much later a node handed out is replaced")),
  endWithStdin: flag(onOff, false, "end when stdin closes: then whoever started this agent is gone"),
  runtime: setting(
    flag(choice("KIND", ["process", "simulated"]), "process", "what a container is: a process of its own, or a model"),
  ),

  policy: setting(
    flag(
      text("NAME", "the name of a policy"),
      DEFAULT_POLICY,
      "who decides what is started, kept and removed; see above",
    ),
  ),
  weights: setting(
    optional(weights, "what response time and node time count for; policy adaptive only (default 0.5,0.5)"),
  ),
  containerIdle: setting(
    optional(duration(0, IDLE_MS_MAX), "an idle container is removed after it; policy on-demand only (default 60s)"),
  ),
  containerMin: setting(
    flag(integer("COUNT", 0, 1_000), 0, "idle containers kept for each function that was used; any policy"),
  ),
  nodeIdle: setting(
    optional(
      duration(0, IDLE_MS_MAX),
      "a node without containers is released after it; any policy (default the policy's own, 120s of on-demand)",
    ),
  ),
  workers: setting(
    flag(
      integer("COUNT", 0, WORKERS_MAX),
      Math.min(WORKERS_MAX, Math.max(1, navigator.hardwareConcurrency - 1)),
      "threads that accept calls on the scheduler's port; 0: the main thread does",
    ),
  ),
  shadow: setting(
    flag(
      list(choice("POLICY", Object.keys(POLICIES))),
      [],
      "policies that decide in shadow, on the live calls without acting; `score` tells what came of it",
    ),
  ),
  shadowLag: setting(
    flag(duration(100, SHADOW_LAG_MS_MAX), 30_000, "how far they follow behind: calls that take longer enter late"),
  ),
  queueDepth: setting(
    flag(integer("COUNT", 1, QUEUE_DEPTH_MAX), 10_000, "invocations that may wait for a container of one function"),
  ),
} satisfies Flags;

/** `--config` itself can stand in the environment, though not in the file. */
export const configFlags = {
  config: setting(optional(text("FILE", "a file"), "config file, JSON; mini-faas.json where there is one")),
} satisfies Flags;

type Key = keyof typeof platformFlags;

const COMMON = [
  "data",
  "host",
  "tokenFile",
  "tlsCert",
  "tlsKey",
  "tlsCa",
  "logLevel",
  "http2",
] as const satisfies Key[];
const NODE = ["nodeMemory", "overcommit", "runtime"] as const satisfies Key[];
const SCHEDULING = [
  "policy",
  "weights",
  "containerIdle",
  "containerMin",
  "nodeIdle",
  "overcommit",
  "queueDepth",
  "workers",
  "shadow",
  "shadowLag",
] as const satisfies Key[];
const POOL = ["nodesWarm", "nodesMax", "nodeRefill"] as const satisfies Key[];
const PORTS = ["apiserverPort", "schedulerPort", "resourcemanagerPort", "nodePort"] as const satisfies Key[];

/** The services that can run alone. */
export const SERVICES = ["apiserver", "scheduler", "resourcemanager", "node"] as const;
export type ServiceName = (typeof SERVICES)[number];

/** Which settings `up` and each service alone take. */
export const settingsOf: Readonly<Record<"up" | ServiceName, readonly Key[]>> = {
  up: [...COMMON, ...PORTS, ...POOL, ...NODE, ...SCHEDULING],
  apiserver: [...COMMON, "port", "scheduler"],
  scheduler: [...COMMON, "port", "resourcemanager", ...SCHEDULING],
  resourcemanager: [...COMMON, "port", "nodes", "nodePort", "apiserver", ...POOL, ...NODE],
  node: [...COMMON, "port", "apiserver", ...NODE, "endWithStdin"],
};

/** The chosen ones of {@linkcode platformFlags}. */
export function pickFlags(keys: readonly Key[]): Flags {
  return Object.fromEntries(keys.map((key) => [key, platformFlags[key]]));
}

/** All that a service may be told; what its command does not take has its default. */
export interface Settings extends Values<typeof platformFlags> {
  /** What stands in `tokenFile`, read and checked. */
  readonly token?: string;
  /** What stands in `tlsCert` and `tlsKey`: what the ports show. */
  readonly tls?: TlsIdentity;
  /** What stands in `tlsCa`: peers are dialled by TLS and verified against it. */
  readonly peerTls?: ClientTls;
}
