import type { ConnectRouter } from "@connectrpc/connect";
import { ResourceManager } from "../../gen/resourcemanagerproto/resourcemanager_pb.ts";
import type { NodeLease } from "./lease.ts";
import type { NodePool } from "./pool.ts";
import { localResourceManager } from "./port.ts";

/** The handlers of `resourcemanagerproto.ResourceManager` over `pool`. */
export function resourceManagerRoutes(pool: NodePool): (router: ConnectRouter) => void {
  const manager = localResourceManager(pool);
  return (router) => {
    router.service(ResourceManager, {
      reserveNode: async (request) => ({ node: toWire(await manager.reserveNode(request)) }),
      releaseNode: async ({ requestId, id }) => {
        await manager.releaseNode({ requestId, nodeId: id });
        return {};
      },
      getNodesUsage: async (request) => ({ nodes: (await manager.getNodesUsage(request)).map(toWire) }),
    });
  };
}

function toWire(lease: NodeLease) {
  return {
    id: lease.nodeId,
    address: lease.address,
    nodeServicePort: BigInt(lease.port),
    memoryInBytes: BigInt(lease.memoryBytes),
    reservedTimeTimestampMs: BigInt(lease.reservedAtMs),
    releasedTimeTimestampMs: BigInt(lease.releasedAtMs),
  };
}
