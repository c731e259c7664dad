import { onDemand, override, POLICIES, type Policy } from "../../policy/mod.ts";
import type { Settings } from "../platform_flags.ts";

/** How long `on-demand` keeps what idles where nobody says otherwise, in milliseconds. */
const CONTAINER_IDLE_MS = 60_000;
const NODE_IDLE_MS = 120_000;

/** The settings that a policy is made from. */
export type PolicyKey = "policy" | "weights" | "containerIdle" | "containerMin" | "nodeIdle";
export type PolicyChoice = Pick<Settings, PolicyKey>;

/** The policy that the settings ask for: a fresh one each time. */
export function policyOf({ policy, weights, containerIdle, containerMin, nodeIdle }: PolicyChoice): Policy {
  // As in the catalogue, but that containers take as many invocations as their function's owner allows.
  const chosen = policy === "on-demand"
    ? onDemand({
      containerIdleMs: containerIdle ?? CONTAINER_IDLE_MS,
      nodeIdleMs: NODE_IDLE_MS,
      containersMin: 0,
      nodesMin: 0,
    })
    : POLICIES[policy]({ weights });
  return override(chosen, { containersMin: containerMin, nodeIdleMs: nodeIdle });
}
