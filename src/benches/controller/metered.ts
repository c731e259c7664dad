/** Puts a meter around what a scheduler is handed: production code knows nothing of it. */
import type { Clock } from "../../base/mod.ts";
import type { Policy } from "../../policy/mod.ts";
import type { SchedulerParts } from "../../scheduler/context.ts";
import type { NodePort, ResourceManagerPort } from "../../scheduler/ports.ts";
import type { Meter, Part } from "./meter.ts";

/** The same parts; what the controller does when they call it or answer is told to the meter. */
export function metered(parts: SchedulerParts, meter: Meter): SchedulerParts {
  const { clock, resourceManager, dial } = parts;
  return {
    ...parts,
    clock: meteredClock(clock, meter),
    resourceManager: meteredManager(resourceManager, meter),
    dial: (node) => meteredPort(dial(node), meter),
  };
}

function meteredClock(clock: Clock, meter: Meter): Clock {
  return {
    wallMs: () => clock.wallMs(),
    nowMs: () => clock.nowMs(),
    after: (delayMs, run) => clock.after(delayMs, () => meter.run("ticks", run)),
    soon: (run) => clock.soon(() => meter.run("rounds", run)),
  };
}

/** What sends and carries out a call is the simulator's; what follows upon its answer is the controller's. */
function asked<Reply>(meter: Meter, part: Part, call: () => Promise<Reply>): Promise<Reply> {
  return meter.answer(part, meter.run("outside", call));
}

function meteredPort(port: NodePort, meter: Meter): NodePort {
  return {
    reserve: (request, options) => asked(meter, "nodes", () => port.reserve(request, options)),
    createContainer: (request, options) => asked(meter, "starts", () => port.createContainer(request, options)),
    removeContainer: (request, options) => asked(meter, "removals", () => port.removeContainer(request, options)),
    getStats: (request, options) => asked(meter, "stats", () => port.getStats(request, options)),
    close: () => port.close(),
  };
}

function meteredManager(manager: ResourceManagerPort, meter: Meter): ResourceManagerPort {
  return {
    reserveNode: (request, options) => asked(meter, "nodes", () => manager.reserveNode(request, options)),
    releaseNode: (request, options) => asked(meter, "nodes", () => manager.releaseNode(request, options)),
    getNodesUsage: (request, options) => asked(meter, "nodes", () => manager.getNodesUsage(request, options)),
  };
}

/** How often a method of a policy was called, and how long all of that took, in milliseconds. */
export interface MethodTime {
  calls: number;
  ms: number;
}

/**
 * The same policy, its methods timed one by one. What timing itself takes is in the times, what is answered only later is
 * not.
 */
export function timedPolicy(policy: Policy, times: Map<string, MethodTime>): Policy {
  const timed: Record<string, unknown> = { ...policy };
  for (const [name, method] of Object.entries(policy)) {
    if (typeof method !== "function") continue;
    const time: MethodTime = { calls: 0, ms: 0 };
    times.set(name, time);
    timed[name] = (...args: unknown[]) => {
      const beganMs = performance.now();
      try {
        return method.apply(policy, args);
      } finally {
        time.ms += performance.now() - beganMs;
        time.calls++;
      }
    };
  }
  return timed as unknown as Policy;
}
