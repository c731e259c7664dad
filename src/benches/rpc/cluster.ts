/** Nodes in this very process: real agents whose containers are simulated, and a resource manager that has them all. */
import { type CallOptions, type Clock, type FunctionSpec, type Log, PlatformError } from "../../base/mod.ts";
import { createSimulatedRuntime, NodeAgent } from "../../nodeservice/mod.ts";
import type { NodeLease, NodePort, ResourceManagerPort } from "../../scheduler/mod.ts";

/** What a container runs; a simulated one takes its code for a program, and this says nothing. */
const CODE = { code: new Uint8Array(0), hash: "" };

export interface Cluster {
  readonly resourceManager: ResourceManagerPort;
  dial(node: Pick<NodeLease, "nodeId">): NodePort;
  close(): Promise<void>;
}

/** `nodes` nodes of `memoryBytes` each, on which containers start in no time. */
export function createCluster(
  options: { nodes: number; memoryBytes: number; clock: Clock; log: Log },
): Cluster {
  const { memoryBytes, clock, log } = options;
  const agents = new Map(Array.from({ length: options.nodes }, (_, index) => {
    const runtime = createSimulatedRuntime({ clock, startDelayMs: 0, startCpuMs: 0 });
    const code = { get: () => Promise.resolve(CODE) };
    const agent = new NodeAgent({ runtime, code, memoryBytes, clock, log });
    return [`node-${index + 1}`, agent] as [string, NodeAgent];
  }));
  const held = new Map<string, NodeLease>();
  return {
    resourceManager: {
      reserveNode() {
        const nodeId = [...agents.keys()].find((one) => !held.has(one));
        if (!nodeId) return Promise.reject(new PlatformError("resource_exhausted", "every node is reserved"));
        const lease = { nodeId, address: "127.0.0.1", port: 10_300, memoryBytes, reservedAtMs: 0, releasedAtMs: 0 };
        held.set(nodeId, lease);
        return Promise.resolve(lease);
      },
      releaseNode({ nodeId }) {
        held.delete(nodeId);
        return Promise.resolve();
      },
      getNodesUsage: () => Promise.resolve([...held.values()]),
    },
    dial: ({ nodeId }) => portOf(agents.get(nodeId)!),
    async close() {
      await Promise.all([...agents.values()].map((agent) => agent.close()));
    },
  };
}

function portOf(agent: NodeAgent): NodePort {
  return {
    reserve: (request) => Promise.resolve(agent.reserve(request)),
    createContainer: (request: { requestId: string; ownerId: string; function: FunctionSpec }, options: CallOptions) =>
      agent.createContainer(request, options.signal),
    removeContainer: (request) => agent.removeContainer(request),
    async getStats() {
      const stats = await agent.stats();
      const containers = stats.containers.map((one) => ({
        ...one,
        memoryLimitBytes: one.function.memoryBytes,
      }));
      return { ...stats, containers };
    },
    close() {},
  };
}
