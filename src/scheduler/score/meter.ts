import { ContainerPhase } from "../../core/mod.ts";
import type { ContainerRecord, NodeRecord, State } from "../state.ts";
import type { LiveScore } from "./live_score.ts";
import type { ContainerState } from "./view.ts";

/** Up to so many nodes all are read off on every tick. With more, each is when its stats came, but no more often than this. */
const NODES_PER_TICK_MAX = 32;
const PERIOD_MS = 10_000;

/**
 * Reads off what nodes and containers have cost since they were read last: now and then, and when one goes. How long is
 * exact; whether a container was busy is as it is found at that moment.
 */
export class Meter {
  constructor(private readonly state: State, private readonly score: LiveScore) {}

  read(nowMs: number): void {
    for (const node of this.state.nodes) this.readOff(node, nowMs);
  }

  /** On a tick. */
  readFew(nowMs: number): void {
    if (this.state.nodes.size <= NODES_PER_TICK_MAX) this.read(nowMs);
  }

  /** When the stats of one of many came: what is on it has just been looked at. */
  readOneOfMany(node: NodeRecord, nowMs: number): void {
    if (this.state.nodes.size <= NODES_PER_TICK_MAX || nowMs - node.meteredMs < PERIOD_MS) return;
    this.readOff(node, nowMs);
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
