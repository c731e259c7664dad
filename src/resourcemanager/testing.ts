/** A provider for tests: nodes that exist in name only, and do what the test says. */
import type { NodeProvider, OnDead, ProvidedNode } from "./provider.ts";

export class FakeProvider implements NodeProvider {
  /** Lives that were begun and did not end. */
  readonly alive = new Map<string, { node: ProvidedNode; onDead: OnDead }>();
  /** Starts and recycles wait here while `hold` is set. */
  readonly waiting: (() => void)[] = [];
  hold = false;
  failStarts = 0;
  inUse = false;
  starts = 0;
  stopped: string[] = [];
  recycled: string[] = [];
  closed = false;

  async start(onDead: OnDead): Promise<ProvidedNode> {
    const nodeId = `n${++this.starts}`;
    if (this.hold) await new Promise<void>((resolve) => this.waiting.push(resolve));
    if (this.failStarts > 0) {
      this.failStarts--;
      throw new Error("no machine to be had");
    }
    const node = { nodeId, address: "127.0.0.1", port: 10_300, memoryBytes: 2 ** 30, inUse: this.inUse };
    this.alive.set(nodeId, { node, onDead });
    return node;
  }

  async recycle(node: ProvidedNode, onDead: OnDead): Promise<ProvidedNode> {
    this.alive.delete(node.nodeId);
    this.recycled.push(node.nodeId);
    return await this.start(onDead);
  }

  stop(node: ProvidedNode): Promise<void> {
    this.alive.delete(node.nodeId);
    this.stopped.push(node.nodeId);
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.closed = true;
    this.alive.clear();
    return Promise.resolve();
  }

  /** Ends a node as if its machine had died. */
  kill(nodeId: string): void {
    const life = this.alive.get(nodeId);
    this.alive.delete(nodeId);
    life?.onDead("power cut");
  }
}
