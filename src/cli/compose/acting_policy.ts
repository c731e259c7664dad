import { onDemand, type Policy } from "../../policy/mod.ts";
import type { Settings } from "../platform_flags.ts";

/** The policy that acts, as it was set: a fresh one each time. */
export function actingPolicy(settings: Pick<Settings, "containerIdle" | "containerMin" | "nodeIdle">): Policy {
  return onDemand({
    containerIdleMs: settings.containerIdle,
    nodeIdleMs: settings.nodeIdle,
    containersMin: settings.containerMin,
    nodesMin: 0,
  });
}
