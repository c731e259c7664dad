/** Leases nodes from a pool that a provider fills. */
export { createResourceManagerClient } from "./client.ts";
export type { NodeLease } from "./lease.ts";
export { NodePool, type NodePoolOptions, NODES_MAX, type PoolCounts } from "./pool.ts";
export { localResourceManager, type ResourceManager } from "./port.ts";
export type { NodeProvider, OnDead, ProvidedNode } from "./provider.ts";
export { createLocalProvider, type LocalProviderOptions, type NodeCommand } from "./providers/local.ts";
export {
  createStaticProvider,
  type StaticAgent,
  type StaticAgentReport,
  type StaticProviderOptions,
} from "./providers/static.ts";
export { resourceManagerRoutes } from "./service.ts";
