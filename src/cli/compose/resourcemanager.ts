import { createNodeClient } from "../../nodeservice/mod.ts";
import {
  createStaticProvider,
  localResourceManager,
  NodePool,
  type NodeProvider,
  type ResourceManager,
  resourceManagerRoutes,
} from "../../resourcemanager/mod.ts";
import { createEdge, type Edge } from "../../rpc/mod.ts";
import type { Settings } from "../platform_flags.ts";
import type { Shared } from "./shared.ts";

/** The resource manager and its door, over nodes of `provider`. */
export function composeResourceManager(
  shared: Shared,
  settings: Pick<Settings, "nodesWarm" | "nodesMax" | "nodeRefill">,
  provider: NodeProvider,
): { resourceManager: ResourceManager; edge: Edge; close: () => Promise<void> } {
  const { clock, token } = shared;
  const log = shared.log("resourcemanager");
  const pool = new NodePool({
    provider,
    clock,
    log,
    warm: settings.nodesWarm,
    max: settings.nodesMax,
    refillDelayMs: settings.nodeRefill,
  });
  const resourceManager = localResourceManager(pool);
  const edge = createEdge({
    service: "resourcemanager",
    routes: resourceManagerRoutes(pool),
    token,
    ready: () => undefined,
    log,
    clock,
  });
  return { resourceManager, edge, close: () => pool.close() };
}

/** Agents that run elsewhere already, each `host:port`. */
export function staticAgents(shared: Shared, addresses: readonly string[]): { provider: NodeProvider; close(): void } {
  const clients = addresses.map((address) => {
    const client = shared.connect(address);
    return { address, client, node: createNodeClient(client.transport) };
  });
  const agents = clients.map(({ address, node }) => {
    const colon = address.lastIndexOf(":");
    return {
      address: address.slice(0, colon).replace(/^\[|\]$/g, ""),
      port: Number(address.slice(colon + 1)),
      getStats: (options: { timeoutMs: number }) => node.getStats({ requestId: crypto.randomUUID() }, options),
      reset: async (options: { timeoutMs: number }) => void await node.reset(options),
    };
  });
  const provider = createStaticProvider({ agents, clock: shared.clock, log: shared.log("resourcemanager") });
  return { provider, close: () => clients.forEach(({ client }) => client.close()) };
}
