import { type Log, PlatformError, type Random, silentLog } from "../../base/mod.ts";
import { NodePool } from "../../resourcemanager/pool.ts";
import type { NodeProvider, OnDead, ProvidedNode } from "../../resourcemanager/provider.ts";
import type { NodeLease, NodePort, ResourceManagerPort } from "../../scheduler/ports.ts";
import type { VirtualClock } from "../engine/virtual_clock.ts";
import { Network } from "./network.ts";
import { nodePort } from "./node_port.ts";
import { SimNode } from "./node.ts";
import type { ClusterOptions } from "./options.ts";
import { Timeline } from "./timeline.ts";

export interface ClusterParts {
  readonly clock: VirtualClock;
  readonly random: Random;
  readonly options: ClusterOptions;
  readonly functionIndex: (functionName: string) => number;
  readonly log?: Log;
  /** What remembers nodes and containers; by default one that remembers all of them. */
  readonly timeline?: Timeline;
}

/** Simulated nodes behind the real node pool, as a scheduler sees them. */
export class Cluster {
  readonly network: Network;
  readonly timeline: Timeline;
  /** Nodes that are there now, reserved or not, by their id. */
  readonly nodes = new Map<string, SimNode>();
  /** Whether the resource manager can be reached. */
  isManagerUp = true;
  /** So many reservations to come are refused, as by an empty pool. */
  refusals = 0;
  readonly #parts: ClusterParts;
  readonly #pool: NodePool;
  /** Requests that a node was given for. */
  readonly #reservedBy = new Set<string>();
  readonly #onDead = new Map<SimNode, OnDead>();
  #made = 0;

  constructor(parts: ClusterParts) {
    this.#parts = parts;
    this.timeline = parts.timeline ?? new Timeline();
    const { clock, random, options } = parts;
    this.network = new Network(clock, random, options.network);
    this.#pool = new NodePool({
      provider: this.#provider(),
      clock,
      log: parts.log ?? silentLog(clock),
      warm: options.nodesWarm,
      max: options.nodesMax,
      refillDelayMs: options.refillMs,
    });
  }

  readonly resourceManager: ResourceManagerPort = {
    reserveNode: ({ requestId, accountId }, options) =>
      this.#manage(options, () => this.#reserve(requestId, accountId)),
    releaseNode: ({ nodeId }, options) => this.#manage(options, () => this.#release(nodeId)),
    getNodesUsage: (_, options) => this.#manage(options, () => this.#pool.usage()),
  };

  /** A connection to a node's agent. */
  dial({ nodeId }: Pick<NodeLease, "nodeId">): NodePort {
    const { clock, options } = this.#parts;
    // One that is gone is down for ever.
    const node = this.nodes.get(nodeId) ?? this.#gone(nodeId);
    return nodePort(node, { clock, network: this.network, removeMs: options.removeMs });
  }

  /** A node dies; the resource manager hears of it. */
  crash(node: SimNode): void {
    if (!node.isUp) return;
    node.crash();
    this.#leave(node);
    this.#onDead.get(node)?.("it crashed");
    this.#onDead.delete(node);
  }

  /** Ids of the nodes that are leased now. */
  held(): string[] {
    return this.#pool.usage().filter(({ releasedAtMs }) => releasedAtMs === 0).map(({ nodeId }) => nodeId);
  }

  #manage<Reply>(options: Parameters<Network["call"]>[0], run: () => Reply): Promise<Reply> {
    return this.network.call<Reply>(options, (answer, fail) => {
      if (!this.isManagerUp) return fail(new PlatformError("unavailable", "the resource manager is down"));
      let reply: Reply;
      try {
        reply = run();
      } catch (error) {
        if (!(error instanceof PlatformError)) throw error;
        return fail(error);
      }
      answer(reply);
    });
  }

  #reserve(requestId: string, accountId: string): NodeLease {
    // Who holds a node for this request already gets it again, as with the pool itself.
    if (this.refusals > 0 && !this.#reservedBy.has(requestId)) {
      this.refusals--;
      throw new PlatformError("resource_exhausted", "no node is ready");
    }
    const lease = this.#pool.reserve(requestId, accountId);
    this.#reservedBy.add(requestId);
    const node = this.nodes.get(lease.nodeId)!;
    // Asked twice, it is the same node.
    if (node.index < 0) node.index = this.timeline.reserved(lease.memoryBytes, this.#parts.clock.nowMs());
    return lease;
  }

  #release(nodeId: string): void {
    const node = this.nodes.get(nodeId);
    if (node && node.index >= 0) {
      node.crash();
      this.#leave(node);
      this.#onDead.delete(node);
    }
    this.#pool.release(nodeId);
  }

  #leave(node: SimNode): void {
    if (!this.nodes.delete(node.nodeId)) return;
    if (node.index >= 0) this.timeline.released(node.index, this.#parts.clock.nowMs());
  }

  #provider(): NodeProvider {
    const { random, options: { nodeFailureRate } } = this.#parts;
    const start = (onDead: OnDead) => {
      if (nodeFailureRate > 0 && random.float() < nodeFailureRate) {
        return Promise.reject(new PlatformError("unavailable", "the node did not come up"));
      }
      const node = this.#node();
      this.#onDead.set(node, onDead);
      return Promise.resolve(this.#provided(node));
    };
    return {
      start,
      recycle: (_, onDead) => start(onDead),
      stop: () => Promise.resolve(),
      close: () => Promise.resolve(),
    };
  }

  #provided({ nodeId }: SimNode): ProvidedNode {
    const { nodeMemoryBytes: memoryBytes } = this.#parts.options;
    return { nodeId, address: "node.simulated", port: 10_300, memoryBytes };
  }

  #node(): SimNode {
    const node = new SimNode(`node-${++this.#made}`, { ...this.#parts, timeline: this.timeline });
    this.nodes.set(node.nodeId, node);
    return node;
  }

  #gone(nodeId: string): SimNode {
    const node = new SimNode(nodeId, { ...this.#parts, timeline: this.timeline });
    node.isUp = false;
    return node;
  }
}
