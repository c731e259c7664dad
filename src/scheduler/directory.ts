import type { Tables } from "../core/mod.ts";
import type { ContainerFacts, Directory, Served } from "./dispatcher.ts";
import type { ColdStart } from "./ports.ts";

type NodeTold = Pick<ContainerFacts, "nodeId" | "nodeAddress" | "nodePort">;

/** What every thread can read of the tables; `describe` is its own. */
export class TablesDirectory implements Directory {
  private readonly known: (ContainerFacts | undefined)[] = [];
  private readonly nodes: ({ readonly generation: number; readonly facts: NodeTold } | undefined)[] = [];

  constructor(private readonly tables: Tables, readonly describe: (fn: Served) => string) {}

  container(slot: number): ContainerFacts | undefined {
    const { containers, names } = this.tables;
    const generation = containers.generation(slot);
    const known = this.known[slot];
    if (known?.generation === generation) return known;
    const found = { containerId: names.get(slot), generation, ...this.node(containers.nodeSlot(slot)) };
    // Read while it was given to another container: then whoever asked came too late.
    if (containers.generation(slot) !== generation) return undefined;
    return this.known[slot] = found;
  }

  private node(slot: number): NodeTold {
    const generation = this.tables.nodes.generation(slot);
    const known = this.nodes[slot];
    if (known?.generation === generation) return known.facts;
    const facts = JSON.parse(this.tables.facts.get(slot));
    this.nodes[slot] = { generation, facts };
    return facts;
  }

  coldStart(slot: number, sinceMs: number): ColdStart {
    const { containers, nodes } = this.tables;
    return { reserveNodeMs: nodes.reservedWithin(containers.nodeSlot(slot), sinceMs), ...containers.start(slot) };
  }
}
