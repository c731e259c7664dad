/** The node agent: creates, removes, invokes and measures the containers of one node. */
export { NodeAgent, type NodeAgentOptions } from "./agent.ts";
export { createNodeClient, type NodeClient } from "./client.ts";
export { CodeCache, type CodeSource } from "./code_cache.ts";
export type { LogQuery } from "./container_logs.ts";
export type { Container, ContainerRuntime, CreateRequest } from "./runtime.ts";
export {
  type CleanReport,
  cleanRunFolder,
  createProcessRuntime,
  type ProcessRuntimeOptions,
} from "./runtimes/process/mod.ts";
export { createSimulatedRuntime, type SimulatedRuntimeOptions } from "./runtimes/simulated/mod.ts";
export { nodeRoutes } from "./service.ts";
export type { AgentStats, ContainerStats, DiskStats } from "./stats.ts";
