/** The production scheduler on a simulated cluster in virtual time. */
export { type ClusterOptions, DEFAULT_CLUSTER, DEFAULT_OVERCOMMIT, SLOW_START } from "./cluster/options.ts";
export { DEFAULT_NETWORK, type NetworkOptions } from "./cluster/network.ts";
export { simulate, type Simulated, type SimulateOptions } from "./engine/simulate.ts";
export * from "./score/mod.ts";
export * from "./workloads/mod.ts";
