/** What is measured at our own endpoints, in the workload's time: the same figures that a simulation leaves behind. */
import { Timeline } from "../../simulator/cluster/timeline.ts";
import { type ContainerSpan, type NodeSpan, START } from "../../simulator/mod.ts";
import type { WorkloadTime } from "./time_scale.ts";

/** Told how a container's life goes on. */
export interface ContainerNote {
  ready(): void;
  outOfMemory(): void;
  removed(): void;
}

interface Known {
  readonly index: number;
  readyMs: number;
  hasServed: boolean;
}

/** Nodes and containers of one run, and when they came and went. */
export class Measurements {
  readonly #timeline = new Timeline();
  readonly #time: WorkloadTime;
  readonly #functions: ReadonlyMap<string, number>;
  readonly #held = new Map<string, number>();
  readonly #containers = new Map<string, Known>();

  constructor(time: WorkloadTime, functions: readonly { readonly id: string }[]) {
    this.#time = time;
    this.#functions = new Map(functions.map(({ id }, index) => [id, index]));
  }

  /** A reservation of the node has succeeded; that it is asked for again changes nothing. */
  reserved(nodeId: string, memoryBytes: number): void {
    if (!this.#held.has(nodeId)) this.#held.set(nodeId, this.#timeline.reserved(memoryBytes, this.#time.nowMs()));
  }

  /** Its release has succeeded. */
  released(nodeId: string): void {
    const node = this.#held.get(nodeId);
    if (node === undefined) return;
    this.#held.delete(nodeId);
    this.#timeline.released(node, this.#time.nowMs());
  }

  /** A container's creation begins; undefined where the workload has no such function or nobody holds the node. */
  created(
    one: { containerId: string; functionName: string; memoryBytes: number; nodeId: string },
  ): ContainerNote | undefined {
    const functionIndex = this.#functions.get(one.functionName);
    const node = this.#held.get(one.nodeId);
    if (functionIndex === undefined || node === undefined) return undefined;
    const { memoryBytes } = one;
    const index = this.#timeline.created({ functionIndex, node, memoryBytes }, this.#time.nowMs());
    const known: Known = { index, readyMs: Infinity, hasServed: false };
    this.#containers.set(one.containerId, known);
    return {
      ready: () => this.#timeline.ready(index, known.readyMs = this.#time.nowMs()),
      outOfMemory: () => this.#timeline.outOfMemory(index),
      removed: () => this.#timeline.removed(index, this.#time.nowMs()),
    };
  }

  /**
   * A call that was sent at `sentMs` is granted a container: which, and how it came to it. Every scheduler is judged
   * alike, whatever it tells of cold starts: the first call in a container that was not up when it was sent.
   */
  granted(containerId: string, sentMs: number, hasWaited: boolean): { container: number; start: number } {
    const known = this.#containers.get(containerId);
    const isCold = known !== undefined && !known.hasServed && known.readyMs > sentMs;
    if (known) known.hasServed = true;
    return { container: known?.index ?? -1, start: isCold ? START.cold : hasWaited ? START.waited : START.warm };
  }

  close(endMs: number): { nodes: NodeSpan[]; containers: ContainerSpan[] } {
    return this.#timeline.close(endMs);
  }
}
