/** A simulated cluster on real sockets: a resource manager's port, and one for each node. */
import { NodePool, type NodeProvider, resourceManagerRoutes } from "../../resourcemanager/mod.ts";
import { createEdge } from "../../rpc/mod.ts";
import type { ClusterOptions } from "../../simulator/mod.ts";
import { Closers, openDoor, type Shared } from "../compose/shared.ts";
import type { Settings } from "../platform_flags.ts";
import type { Measurements } from "./measurements.ts";
import { simulatedNodes } from "./simulated_nodes.ts";

export interface MeasuredCluster {
  /** Where the resource manager listens. */
  readonly address: string;
  close(): Promise<void>;
}

/** Opens all ports and resolves when the nodes that are ready from the start listen. */
export async function openCluster(
  shared: Shared,
  settings: Pick<Settings, "host" | "http2" | "tls" | "nodePort"> & { readonly resourcemanagerPort: number },
  cluster: ClusterOptions,
  measurements: Measurements,
): Promise<MeasuredCluster> {
  const { clock, token } = shared;
  const log = shared.log("evaluation");
  const { nodePort } = settings;
  const nodes = simulatedNodes({ clock, log, token, door: settings, nodePort, cluster, measurements });
  const { provider, firstUp } = watchFirst(nodes, cluster.nodesWarm);
  const pool = new MeasuredPool({
    provider,
    clock,
    log,
    warm: cluster.nodesWarm,
    max: cluster.nodesMax,
    refillDelayMs: cluster.refillMs,
  }, measurements);
  const closers = new Closers();
  closers.add(() => pool.close());
  try {
    const routes = resourceManagerRoutes(pool);
    const edge = createEdge({ service: "resourcemanager", routes, token, ready: () => undefined, log, clock });
    const address = await openDoor(edge, settings, settings.resourcemanagerPort, closers);
    await firstUp;
    return { address, close: () => closers.close(0) };
  } catch (error) {
    await closers.close(0).catch(() => {});
    throw error;
  }
}

/** The same nodes; `firstUp` resolves when so many are up, and rejects where one of them cannot be. */
function watchFirst(nodes: NodeProvider, count: number): { provider: NodeProvider; firstUp: Promise<void> } {
  const { promise: firstUp, resolve, reject } = Promise.withResolvers<void>();
  firstUp.catch(() => {});
  let up = 0;
  if (count === 0) resolve();
  const start: NodeProvider["start"] = async (onDead) => {
    try {
      const node = await nodes.start(onDead);
      if (++up === count) resolve();
      return node;
    } catch (error) {
      reject(error);
      throw error;
    }
  };
  return { provider: { ...nodes, start }, firstUp };
}

/** The pool itself, which tells of the leases it gives and takes. */
class MeasuredPool extends NodePool {
  constructor(options: ConstructorParameters<typeof NodePool>[0], private readonly measurements: Measurements) {
    super(options);
  }

  override reserve(requestId: string, accountId: string) {
    const lease = super.reserve(requestId, accountId);
    this.measurements.reserved(lease.nodeId, lease.memoryBytes);
    return lease;
  }

  override release(nodeId: string): void {
    super.release(nodeId);
    this.measurements.released(nodeId);
  }
}
