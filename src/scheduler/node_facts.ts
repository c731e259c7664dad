import type { Clock } from "../base/mod.ts";
import type { Tables } from "../core/mod.ts";
import type { NodeFacts } from "../policy/mod.ts";

/**
 * A node as policies see it, always as it is now: nothing is copied, since they look at every node on every tick, and at
 * many of them for each start. What they ask of many is here or in the node's words of the table, so that no more than
 * that is fetched of each.
 */
export class LiveNodeFacts implements NodeFacts {
  ofFunction = 0;
  starting = 0;

  /** `overcommit` is how far the node's memory may be, as a factor; `there` are the containers on it. */
  constructor(
    readonly slot: number,
    readonly overcommit: number,
    private readonly tables: Tables,
    private readonly clock: Clock,
    private readonly there: ReadonlySet<{ readonly slot: number }>,
  ) {}

  get capacityKiB(): number {
    return this.tables.nodes.capacityKiB(this.slot);
  }

  get freeKiB(): number {
    return this.tables.nodes.freeKiB(this.slot);
  }

  get cpuPct(): number {
    return this.tables.nodes.cpuPct(this.slot);
  }

  get heldMs(): number {
    return this.tables.nodes.heldMs(this.slot, this.clock.nowMs());
  }

  get containers(): number {
    return this.there.size;
  }

  get inFlight(): number {
    let inFlight = 0;
    for (const { slot } of this.there) inFlight += this.tables.containers.inFlight(slot);
    return inFlight;
  }
}
