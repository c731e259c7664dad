import { type Clock, type Log, newId, PlatformError } from "../../base/mod.ts";
import { createSimulatedRuntime, NodeAgent, nodeRoutes } from "../../nodeservice/mod.ts";
import type { NodeProvider, ProvidedNode } from "../../resourcemanager/mod.ts";
import { createEdge, type Http2Choice, type TlsIdentity } from "../../rpc/mod.ts";
import type { ClusterOptions } from "../../simulator/mod.ts";
import type { Measurements } from "./measurements.ts";
import { measuredRuntime } from "./measured_runtime.ts";

export interface SimulatedNodesParts {
  readonly clock: Clock;
  readonly log: Log;
  readonly token?: string;
  readonly door: { readonly host: string; readonly http2: Http2Choice; readonly tls?: TlsIdentity };
  /** Of the first node, the next ones follow it; 0: any free ones. */
  readonly nodePort: number;
  readonly cluster: ClusterOptions;
  readonly measurements: Measurements;
}

interface SimulatedNode {
  readonly slot: number;
  readonly agent: NodeAgent;
  readonly close: () => Promise<void>;
  nodeId: string;
}

/** Code is not asked for: every event is a program. */
const NO_CODE = { get: () => Promise.resolve({ code: new Uint8Array(), hash: "" }) };

/** Nodes that keep time and memory only, each the production agent with a port of its own. */
export function simulatedNodes(parts: SimulatedNodesParts): NodeProvider {
  const { clock, log, token, door, nodePort, cluster, measurements } = parts;
  const nodes = new Map<string, SimulatedNode>();
  const slots = new Set<number>();
  let closed = false;

  function freeSlot(): number {
    let slot = 0;
    while (slots.has(slot)) slot++;
    slots.add(slot);
    return slot;
  }

  async function open(): Promise<{ node: SimulatedNode; provided: ProvidedNode }> {
    const slot = freeSlot();
    const { cores, startDelayMs, startCpuMs, nodeMemoryBytes: memoryBytes, overcommitMax: overcommit } = cluster;
    const runtime = createSimulatedRuntime({ clock, cores, startDelayMs, startCpuMs });
    const agent: NodeAgent = new NodeAgent({
      runtime: measuredRuntime(runtime, measurements, () => node.nodeId),
      code: NO_CODE,
      ...{ memoryBytes, overcommit },
      clock,
      log,
    });
    const edge = createEdge({ service: "node", routes: nodeRoutes(agent), token, ready: () => undefined, log, clock });
    const node: SimulatedNode = { slot, agent, nodeId: newNodeId(), close };
    let listener: Awaited<ReturnType<typeof edge.listen>> | undefined;
    async function close() {
      await agent.close();
      await listener?.close({ graceMs: 0 });
      slots.delete(slot);
    }
    try {
      const { host: hostname, http2, tls } = door;
      listener = await edge.listen({ hostname, port: nodePort === 0 ? 0 : nodePort + slot, http2, tls });
      if (closed) throw new PlatformError("cancelled", "the cluster is closing");
    } catch (error) {
      await close();
      throw error;
    }
    nodes.set(node.nodeId, node);
    return { node, provided: { nodeId: node.nodeId, address: door.host, port: listener.port, memoryBytes } };
  }

  async function give(node: SimulatedNode | undefined): Promise<void> {
    if (!node || !nodes.delete(node.nodeId)) return;
    await node.close();
  }

  return {
    start: async () => (await open()).provided,
    async recycle({ nodeId, address, port, memoryBytes }) {
      const node = nodes.get(nodeId);
      if (!node) throw new PlatformError("not_found", `there is no node ${nodeId}`);
      await node.agent.reset();
      nodes.delete(nodeId);
      node.nodeId = newNodeId();
      nodes.set(node.nodeId, node);
      return { nodeId: node.nodeId, address, port, memoryBytes };
    },
    stop: ({ nodeId }) => give(nodes.get(nodeId)),
    async close() {
      closed = true;
      await Promise.all([...nodes.values()].map(give));
    },
  };
}

function newNodeId(): string {
  return `node-${newId().slice(0, 12)}`;
}
