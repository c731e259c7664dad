import { assert } from "../../base/mod.ts";
import type { ContainerSpan, NodeSpan } from "../score/types.ts";

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** Which nodes and containers there were, and from when to when. */
export class Timeline {
  readonly #nodes: Writable<NodeSpan>[] = [];
  readonly #containers: Writable<ContainerSpan>[] = [];

  /** A node is reserved now; answers its index. */
  reserved(memoryBytes: number, nowMs: number): number {
    return this.#nodes.push({ memoryBytes, reservedMs: nowMs, releasedMs: Infinity }) - 1;
  }

  /** A node is released, or lost, now. */
  released(node: number, nowMs: number): void {
    assert(this.#nodes[node].releasedMs === Infinity, `node ${node} ends twice`);
    this.#nodes[node].releasedMs = nowMs;
  }

  /** The creation of a container begins now; answers its index. */
  created(container: Pick<ContainerSpan, "functionIndex" | "node" | "memoryBytes">, nowMs: number): number {
    const { functionIndex, node, memoryBytes } = container;
    const life = { createdMs: nowMs, readyMs: Infinity, removedMs: Infinity, outOfMemory: false };
    return this.#containers.push({ functionIndex, node, memoryBytes, ...life }) - 1;
  }

  ready(container: number, nowMs: number): void {
    this.#containers[container].readyMs = nowMs;
  }

  outOfMemory(container: number): void {
    this.#containers[container].outOfMemory = true;
  }

  removed(container: number, nowMs: number): void {
    const span = this.#containers[container];
    if (span.removedMs === Infinity) span.removedMs = nowMs;
  }

  /** All of it, what is there still ending at `endMs`. */
  close(endMs: number): { nodes: NodeSpan[]; containers: ContainerSpan[] } {
    return {
      nodes: this.#nodes.map((span) => ({ ...span, releasedMs: Math.min(span.releasedMs, endMs) })),
      containers: this.#containers.map((span) => ({ ...span, removedMs: Math.min(span.removedMs, endMs) })),
    };
  }
}
