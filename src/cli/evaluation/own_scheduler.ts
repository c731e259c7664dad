import { POLICIES } from "../../policy/mod.ts";
import { createResourceManagerClient } from "../../resourcemanager/mod.ts";
import { createEdge } from "../../rpc/mod.ts";
import { Scheduler, schedulerRoutes } from "../../scheduler/mod.ts";
import { capacityFor } from "../../simulator/engine/capacity.ts";
import type { ClusterOptions } from "../../simulator/mod.ts";
import type { Workload } from "../../simulator/workloads/mod.ts";
import { dialNode } from "../compose/scheduler.ts";
import { Closers, openDoor, type Shared } from "../compose/shared.ts";
import type { Settings } from "../platform_flags.ts";

/** Our scheduler with this policy on a port of its own, as others see it: over sockets, here as there. */
export async function startOwnScheduler(
  shared: Shared,
  options: {
    readonly policy: string;
    readonly weights: Settings["weights"];
    readonly resourceManager: string;
    readonly door: Pick<Settings, "host" | "http2" | "tls">;
    readonly workload: Workload;
    readonly cluster: ClusterOptions;
  },
): Promise<{ address: string; close(): Promise<void> }> {
  const { clock, random, token } = shared;
  const { workload, cluster } = options;
  const log = shared.log("scheduler");
  const closers = new Closers();
  try {
    const resources = shared.connect(options.resourceManager);
    closers.add(() => resources.close());
    const scheduler = new Scheduler(
      {
        ...{ clock, random, log },
        policy: POLICIES[options.policy]({ weights: options.weights }),
        resourceManager: createResourceManagerClient(resources.transport),
        dial: dialNode(shared),
      },
      {
        nodesMax: cluster.nodesMax,
        largestNodeBytes: cluster.nodeMemoryBytes,
        overcommitMax: cluster.overcommitMax,
      },
      capacityFor(workload, cluster),
    );
    closers.add(() => scheduler.close());
    const ready = () => scheduler.notReady();
    const edge = createEdge({ service: "scheduler", routes: schedulerRoutes(scheduler), token, ready, log, clock });
    const address = await openDoor(edge, options.door, 0, closers);
    await scheduler.start();
    return { address, close: () => closers.close(0) };
  } catch (error) {
    await closers.close(0).catch(() => {});
    throw error;
  }
}
