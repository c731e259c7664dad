import { ContainerPhase } from "../../core/mod.ts";
import type { ContainerRecord, NodeRecord, State } from "../state.ts";
import type { LiveScore } from "./live_score.ts";
import type { ContainerState } from "./view.ts";

/** Nodes read off on a tick at least, and of many that share: each has its turn in one of the next. */
const NODES_PER_TICK_MIN = 32;
const NODES_PER_TICK_SHARE = 0.1;

/**
 * Reads off what nodes and containers have cost since they were read last: on ticks, and when one goes. How long is
 * exact; whether a container was busy is as it is found at that moment.
 */
export class Meter {
  /** The nodes that the ticks have not come to yet. */
  private rest: Iterator<NodeRecord> | undefined;

  constructor(private readonly state: State, private readonly score: LiveScore) {}

  read(nowMs: number): void {
    for (const node of this.state.nodes) this.readOff(node, nowMs);
  }

  /** Reads off as many nodes as a tick has time for. */
  readSome(nowMs: number): void {
    const { nodes } = this.state;
    const most = Math.max(NODES_PER_TICK_MIN, Math.ceil(nodes.size * NODES_PER_TICK_SHARE));
    if (nodes.size <= most) return this.read(nowMs);
    for (let n = 0; n < most; n++) {
      const next = (this.rest ??= nodes.values()).next();
      if (next.done) this.rest = undefined;
      else this.readOff(next.value, nowMs);
    }
  }

  /** The last reading of a node that is given up, with what is on it. */
  readOff(node: NodeRecord, nowMs: number): void {
    this.readNode(node, nowMs);
    for (const container of node.containers) this.readContainer(container, nowMs);
  }

  private readNode(node: NodeRecord, nowMs: number): void {
    this.score.nodeHeld(nowMs - node.meteredMs);
    node.meteredMs = nowMs;
  }

  /** The last reading of a container that goes; what is on a node that is gone costs nothing any more. */
  readContainer(record: ContainerRecord, nowMs: number): void {
    const { node, kib, function: fn } = record;
    if (node.gone) return;
    const capacityKiB = this.state.tables.nodes.capacityKiB(node.slot);
    // A node that turned out smaller than what runs on it.
    const share = Math.min(1, kib / Math.max(1, capacityKiB));
    this.score.held(fn, this.stateOf(record), nowMs - record.meteredMs, kib, share);
    record.meteredMs = nowMs;
  }

  private stateOf({ slot, containerId }: ContainerRecord): ContainerState {
    const { containers } = this.state.tables;
    if (containerId === "" || containers.phase(slot) === ContainerPhase.starting) return "starting";
    return containers.inFlight(slot) > 0 ? "busy" : "idle";
  }
}
