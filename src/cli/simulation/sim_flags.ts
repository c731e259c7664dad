/** Flags of commands that simulate. */
import { GIB, MIB } from "../../base/mod.ts";
import { POLICIES } from "../../policy/mod.ts";
import { DEFAULT_OVERCOMMIT } from "../../simulator/mod.ts";
import { flag, optional, type Values } from "../flags.ts";
import { duration, factor, integer, list, onOff, size, text } from "../kinds.ts";
import { checkPolicyName, weights } from "../policy_flags.ts";

const NODES_MAX = 10_000;
export const SEED_MAX = 2 ** 32 - 1;

const callFlags = {
  workload: flag(text("WORKLOAD", "a workload's name or a file"), "evaluation", "what is called when; see above", {
    short: "w",
  }),
  seed: flag(list(integer("NUMBER", 0, SEED_MAX)), [1], "seeds of chance; of several the mean is told", { short: "s" }),
};

const clusterFlags = {
  nodesWarm: optional(integer("COUNT", 0, NODES_MAX), "nodes ready at the start (default 10)"),
  nodesMax: optional(integer("COUNT", 1, NODES_MAX), "nodes there can be (default 20)"),
  nodeMemory: optional(size(64 * MIB, 1_024 * GIB), "memory of a node that containers may use (default 3GiB)"),
  refill: optional(duration(0, 3_600_000), "how long the pool takes for another node (default 30s)"),
  startDelay: optional(duration(0, 600_000), "time of a container's start (default 500ms)"),
  startCpu: optional(duration(0, 600_000), "… and what it computes, on one core (default 400ms)"),
  containerMemory: optional(size(0, GIB), "what a container holds before anything runs in it (default 20MiB)"),
  overcommit: flag(
    factor(1, 100),
    DEFAULT_OVERCOMMIT,
    "how far policies that measure may go beyond a node's memory with what containers may use; 1: never",
  ),
};

/** What is simulated: calls, chance and cluster. */
export const runFlags = { ...callFlags, ...clusterFlags };

export const simFlags = {
  policy: flag(list(text("NAME", "the name of a policy")), Object.keys(POLICIES), "policies to compare", {
    short: "p",
  }),
  ...callFlags,
  weights: flag(
    weights,
    { responseTime: 0.5, nodeTime: 0.5 },
    "what response time and node time count for, in the score and for adaptive",
  ),
  functions: flag(onOff, false, "tell about every function"),
  html: optional(text("FILE"), "write a page with pictures of the first seed's runs"),
  save: optional(text("FILE"), "write the first seed's workload, to look at or share (.jsonl)"),
  ...clusterFlags,
};

export type SimValues = Values<typeof simFlags>;
export type RunValues = Values<typeof runFlags>;

/** The policies that are meant, each once. Throws {@linkcode UsageError}. */
export function policyNames({ policy }: Pick<SimValues, "policy">): string[] {
  policy.forEach(checkPolicyName);
  return [...new Set(policy)];
}

/** The simulated cluster that the flags ask for, as far as it differs from the reference environment. */
export function clusterOptions(values: Values<typeof clusterFlags>) {
  const given = {
    nodesWarm: values.nodesWarm,
    nodesMax: values.nodesMax,
    nodeMemoryBytes: values.nodeMemory,
    refillMs: values.refill,
    startDelayMs: values.startDelay,
    startCpuMs: values.startCpu,
    idleBytes: values.containerMemory,
    overcommitMax: values.overcommit,
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as {
    -readonly [K in keyof typeof given]?: number;
  };
}
