/** Flags about scheduling policies, of commands that schedule and of those that simulate it. */
import { POLICIES, type PolicySettings } from "../policy/mod.ts";
import type { Kind } from "./kinds.ts";
import { nearest } from "./suggest.ts";
import { UsageError } from "./usage_error.ts";

/** How much response time and node time count for. */
export const weights: Kind<NonNullable<PolicySettings["weights"]>> = {
  placeholder: "RT,ND",
  allowed: "two numbers from 0 that add up to 1, like 0.75,0.25",
  parse(value) {
    const parts = value.split(",").map((part) => part.trim() === "" ? NaN : Number(part));
    const isGood = parts.length === 2 && parts.every((part) => part >= 0) && Math.abs(parts[0] + parts[1] - 1) < 1e-9;
    return isGood ? { responseTime: parts[0], nodeTime: parts[1] } : undefined;
  },
  format: ({ responseTime, nodeTime }) => `${responseTime},${nodeTime}`,
};

/** Throws {@linkcode UsageError} where no policy has this name. */
export function checkPolicyName(name: string): void {
  const known = Object.keys(POLICIES);
  if (known.includes(name)) return;
  const meant = nearest(name, known);
  const hint = meant ? `; did you mean ${meant}?` : "";
  throw new UsageError(`--policy is "${name}", must be one of ${known.join(", ")}${hint}`);
}

/** Which policy goes by which flag, for the help of commands that schedule. */
export const policyHelp = `Policies: ${Object.keys(POLICIES).join(", ")}.\n` +
  "  --weights         adaptive only\n" +
  "  --container-idle  on-demand only; the others decide by themselves how long a container is worth keeping\n" +
  "  --container-min, --node-idle  any policy\n" +
  "  --overcommit      policies that charge what was measured: adaptive";
