import type { Clock } from "../base/mod.ts";
import type { NodeFacts } from "../policy/mod.ts";
import type { NodeRecord, State } from "./state.ts";

/** A node as policies see it, always as it is now: nothing is copied, since they look at every node on every tick. */
export class LiveNodeFacts implements NodeFacts {
  ofFunction = 0;

  constructor(private readonly node: NodeRecord, private readonly state: State, private readonly clock: Clock) {}

  get capacityKiB(): number {
    return this.state.tables.nodes.capacityKiB(this.node.slot);
  }

  get freeKiB(): number {
    return this.state.tables.nodes.freeKiB(this.node.slot);
  }

  get containers(): number {
    return this.node.containers.size;
  }

  get starting(): number {
    return this.node.starting;
  }

  get inFlight(): number {
    let inFlight = 0;
    for (const { slot } of this.node.containers) inFlight += this.state.tables.containers.inFlight(slot);
    return inFlight;
  }

  get cpuPct(): number {
    return this.state.tables.nodes.cpuPct(this.node.slot);
  }

  get heldMs(): number {
    return this.clock.nowMs() - this.node.joinedMs;
  }
}
