import { createClient, type Transport } from "@connectrpc/connect";
import { PlatformError } from "../base/mod.ts";
import { type NodeDesc, ResourceManager as Service } from "../../gen/resourcemanagerproto/resourcemanager_pb.ts";
import type { NodeLease } from "./lease.ts";
import type { ResourceManager } from "./port.ts";

/** A typed client of a resource manager, which may be anyone's: what it answers is checked. */
export function createResourceManagerClient(transport: Transport): ResourceManager {
  const client = createClient(Service, transport);
  return {
    async reserveNode({ requestId, accountId }, options) {
      const { node } = await client.reserveNode({ requestId, accountId }, options);
      if (!node) throw new PlatformError("internal", "the resource manager answered without a node");
      return fromWire(node);
    },
    async releaseNode({ requestId, nodeId }, options) {
      await client.releaseNode({ requestId, id: nodeId }, options);
    },
    async getNodesUsage({ requestId }, options) {
      const { nodes } = await client.getNodesUsage({ requestId }, options);
      return nodes.map(fromWire);
    },
  };
}

function fromWire(node: NodeDesc): NodeLease {
  const port = Number(node.nodeServicePort);
  const memoryBytes = Number(node.memoryInBytes);
  if (node.id === "" || node.address === "" || !(port > 0 && port <= 65_535) || !(memoryBytes > 0)) {
    const found = `id "${node.id}", address "${node.address}", port ${port}, memory ${memoryBytes}`;
    throw new PlatformError("internal", `the resource manager answered with a node that nobody can use: ${found}`);
  }
  return {
    nodeId: node.id,
    address: node.address,
    port,
    memoryBytes,
    reservedAtMs: Number(node.reservedTimeTimestampMs),
    releasedAtMs: Number(node.releasedTimeTimestampMs),
  };
}
