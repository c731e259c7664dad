import { DEFAULT_CAPACITY } from "../../core/mod.ts";
import { createNodeClient } from "../../nodeservice/mod.ts";
import { createEdge, type Edge } from "../../rpc/mod.ts";
import {
  metricsRoute,
  type ResourceManagerPort,
  Scheduler,
  type SchedulerParts,
  schedulerRoutes,
} from "../../scheduler/mod.ts";
import type { Settings } from "../platform_flags.ts";
import { type PolicyKey, policyOf } from "./policy.ts";
import { openThreads } from "./scheduler_threads.ts";
import { openShadows } from "./shadows.ts";
import { addressOf, type Closers, openDoor, type Shared } from "./shared.ts";

/** Acquires and ends of runs that a thread may have between two ticks of 100 ms without a gap in the live score. */
const DECISIONS = 8_192;

/** Connections to node agents at the addresses that their leases name. */
export function dialNode({ connect }: Shared): SchedulerParts["dial"] {
  return ({ address, port }) => {
    const client = connect(addressOf({ hostname: address, port }));
    return createNodeClient(client.transport, () => client.close());
  };
}

/** The scheduler and its door. Nothing runs before `scheduler.start()`. */
export function composeScheduler(
  shared: Shared,
  settings: Pick<
    Settings,
    | PolicyKey
    | "overcommit"
    | "queueDepth"
    | "workers"
    | "shadow"
    | "shadowLag"
  >,
  resourceManager: ResourceManagerPort,
  largestNodeBytes?: number,
  /** Where it is this platform's own. */
  pool?: Pick<Settings, "nodesMax" | "nodesWarm" | "nodeRefill">,
): { scheduler: Scheduler; edge: Edge } {
  const { clock, random, token } = shared;
  const log = shared.log("scheduler");
  const policy = policyOf(settings);
  log.info("scheduling", { policy: policy.name });
  const scheduler = new Scheduler(
    {
      clock,
      random,
      log,
      policy,
      observer: settings.shadow.length === 0
        ? undefined
        : openShadows(shared, { ...settings, pool, nodeMemoryBytes: largestNodeBytes }),
      resourceManager,
      dial: dialNode(shared),
    },
    { largestNodeBytes, overcommitMax: settings.overcommit },
    {
      ...DEFAULT_CAPACITY,
      ringDepth: 2 ** Math.ceil(Math.log2(settings.queueDepth)),
      workers: settings.workers + 1,
      decisions: DECISIONS,
    },
  );
  const ready = () => scheduler.notReady();
  return {
    scheduler,
    edge: createEdge({
      service: "scheduler",
      routes: schedulerRoutes(scheduler),
      http: metricsRoute(scheduler),
      token,
      ready,
      log,
      clock,
    }),
  };
}

/** Opens the scheduler's port: on threads of its own, or with 0 of them on this one. Resolves with the address. */
export function openScheduler(
  { scheduler, edge }: { scheduler: Scheduler; edge: Edge },
  shared: Shared,
  settings: Pick<Settings, "host" | "http2" | "tls" | "workers" | "logLevel"> & { readonly port: number },
  closers: Closers,
): Promise<string> {
  if (settings.workers === 0) return openDoor(edge, settings, settings.port, closers);
  // What a hung thread holds cannot be taken over; whoever starts this process again finds the state at the nodes.
  const onHang = () => Deno.exit(1);
  return openThreads(scheduler, shared, { ...settings, onHang }, closers);
}
