import type { Tables } from "../core/mod.ts";
import type { ContainerFacts, Directory, Served } from "./dispatcher.ts";
import type { ColdStart } from "./ports.ts";

/** What every thread can read of the tables; `describe` is its own. */
export class TablesDirectory implements Directory {
  private readonly known: (ContainerFacts | undefined)[] = [];

  constructor(private readonly tables: Tables, readonly describe: (fn: Served) => string) {}

  container(slot: number): ContainerFacts | undefined {
    const { containers, names, facts } = this.tables;
    const generation = containers.generation(slot);
    const known = this.known[slot];
    if (known?.generation === generation) return known;
    const node = JSON.parse(facts.get(containers.nodeSlot(slot)));
    const found = { containerId: names.get(slot), generation, ...node };
    // Read while it was given to another container: then whoever asked came too late.
    if (containers.generation(slot) !== generation) return undefined;
    return this.known[slot] = found;
  }

  coldStart(slot: number, sinceMs: number): ColdStart {
    const { containers, nodes } = this.tables;
    return { reserveNodeMs: nodes.reservedWithin(containers.nodeSlot(slot), sinceMs), ...containers.start(slot) };
  }
}
