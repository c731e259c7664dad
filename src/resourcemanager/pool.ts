import { assert, assertInteger, type Clock, type Log, messageOf, PlatformError } from "../base/mod.ts";
import type { NodeProvider, ProvidedNode } from "./provider.ts";
import { LeaseHistory, type NodeLease } from "./lease.ts";
import { Refills } from "./refills.ts";

/** More nodes than one pool is meant for; keeps every list in it short. */
export const NODES_MAX = 10_000;
/** What a caller is told to wait while a node is being started: most are there by then. */
const STARTING_RETRY_MS = 200;
/** First pause after a node died or did not start; each further one is twice as long, up to the last. */
const TROUBLE_PAUSE_MS = 200;
const TROUBLE_PAUSE_MS_MAX = 30_000;

export interface NodePoolOptions {
  readonly provider: NodeProvider;
  readonly clock: Clock;
  readonly log: Log;
  /** Nodes kept ready for the next reservation. */
  readonly warm: number;
  /** Nodes in all: starting, ready, held, being cleaned or stopped. */
  readonly max: number;
  /** How much later a reservation's replacement is started, and a released node is ready again. */
  readonly refillDelayMs: number;
}

/** Nodes of this moment. */
export interface PoolCounts {
  readonly ready: number;
  readonly held: number;
  /** Starting, or being cleaned after their release. */
  readonly coming: number;
  readonly total: number;
}

type Phase = "starting" | "ready" | "held" | "returning" | "leaving";

/** One life of a node. A recycled node gets a new entry, so that news of its old life find nothing. */
interface Entry {
  phase: Phase;
  node?: ProvidedNode;
  lease?: NodeLease & { readonly requestId: string };
  /** Not ready earlier than this on the clock. */
  readyAtMs: number;
}

/** Leases nodes: keeps some ready, hands each to one holder at a time, and takes them back clean. */
export class NodePool {
  readonly #options: NodePoolOptions;
  readonly #entries = new Set<Entry>();
  readonly #history = new LeaseHistory();
  readonly #refills: Refills;
  /** Nodes that died or did not start since the last good reservation. */
  #troubles = 0;
  /** Somebody asked and got nothing. */
  #demand = false;
  #closed = false;

  constructor(options: NodePoolOptions) {
    assertInteger(options.max, 1, NODES_MAX, "max");
    assertInteger(options.warm, 0, options.max, "warm");
    assert(options.refillDelayMs >= 0, `refillDelayMs is ${options.refillDelayMs}, must not be negative`);
    this.#options = options;
    this.#refills = new Refills(options.clock, () => this.#fill());
    this.#fill();
  }

  /**
   * A ready node, held until its release. The same request id again gives the same node while it is held.
   * Errors: `resource_exhausted` at once with nothing ready, with a retry delay where a node is on its way.
   */
  reserve(requestId: string, accountId: string): NodeLease {
    if (this.#closed) throw new PlatformError("unavailable", "the resource manager is shutting down");
    let entry: Entry | undefined;
    for (const one of this.#entries) {
      if (one.phase === "held" && one.lease?.requestId === requestId) return lease(one);
      if (one.phase === "ready") entry ??= one;
    }
    if (!entry) throw this.#exhausted();
    this.#hold(entry, requestId);
    this.#demand = false;
    this.#troubles = 0;
    this.#refills.schedule(this.#options.refillDelayMs);
    this.#options.log.info("node reserved", { nodeId: entry.node!.nodeId, requestId, accountId });
    return lease(entry);
  }

  /** Ends the lease of a node; it comes back clean. An unknown or free node is no error. */
  release(nodeId: string): void {
    const entry = [...this.#entries].find((one) => one.phase === "held" && one.node!.nodeId === nodeId);
    if (!entry || this.#closed) return;
    const { clock, log, provider, refillDelayMs } = this.#options;
    this.#endLease(entry);
    log.info("node released", { nodeId });
    if (this.#ahead() < this.#wanted()) {
      this.#entries.delete(entry);
      const fresh = this.#add("returning", clock.nowMs() + refillDelayMs);
      this.#prepare(fresh, provider.recycle(entry.node!, (reason) => this.#dead(fresh, reason)));
    } else {
      entry.phase = "leaving";
      provider.stop(entry.node!).finally(() => {
        this.#entries.delete(entry);
        this.#fill();
      });
    }
  }

  /** Nodes held now, then those released before, the latest last; at most 1,000 of these. */
  usage(): NodeLease[] {
    return [...[...this.#entries].filter((entry) => entry.phase === "held").map(lease), ...this.#history.list()];
  }

  counts(): PoolCounts {
    const coming = this.#count("starting") + this.#count("returning");
    return { ready: this.#count("ready"), held: this.#count("held"), coming, total: this.#entries.size };
  }

  /** Stops every node, held ones too. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#refills.close();
    await this.#options.provider.close();
    this.#entries.clear();
  }

  #fill(): void {
    while (!this.#closed && this.#ahead() < this.#wanted() && this.#entries.size < this.#options.max) {
      const entry = this.#add("starting", 0);
      this.#prepare(entry, this.#options.provider.start((reason) => this.#dead(entry, reason)));
    }
  }

  async #prepare(entry: Entry, coming: Promise<ProvidedNode>): Promise<void> {
    const { clock, log } = this.#options;
    try {
      entry.node = await coming;
    } catch (error) {
      return this.#dead(entry, messageOf(error));
    }
    // Died before its start was answered, or the pool was closed meanwhile: the provider has it off already.
    if (this.#closed || !this.#entries.has(entry)) return;
    const { nodeId, address, port, memoryBytes, inUse } = entry.node;
    assert(memoryBytes > 0, `node ${nodeId} has no memory`);
    log.info(inUse ? "node taken over, in use already" : "node ready", { nodeId, address, port, memoryBytes });
    if (inUse) return this.#hold(entry, "");
    const waitMs = entry.readyAtMs - clock.nowMs();
    if (waitMs <= 0) entry.phase = "ready";
    else this.#refills.schedule(waitMs, () => entry.phase = "ready");
  }

  #dead(entry: Entry, reason: string): void {
    if (this.#closed || !this.#entries.delete(entry)) return;
    if (entry.phase === "held") this.#endLease(entry);
    if (entry.phase === "leaving") return;
    this.#options.log.warn("node lost", { nodeId: entry.node?.nodeId ?? "", phase: entry.phase, reason });
    this.#refills.schedule(Math.min(TROUBLE_PAUSE_MS_MAX, TROUBLE_PAUSE_MS * 2 ** this.#troubles++));
  }

  #hold(entry: Entry, requestId: string): void {
    assert(entry.phase !== "held" && !entry.lease, "a node is leased to one holder at a time");
    const { nodeId, address, port, memoryBytes } = entry.node!;
    const reservedAtMs = this.#options.clock.wallMs();
    entry.phase = "held";
    entry.lease = { requestId, nodeId, address, port, memoryBytes, reservedAtMs, releasedAtMs: 0 };
  }

  #endLease(entry: Entry): void {
    this.#history.add({ ...lease(entry), releasedAtMs: this.#options.clock.wallMs() });
    entry.lease = undefined;
  }

  #exhausted(): PlatformError {
    const { max, clock, refillDelayMs } = this.#options;
    this.#demand = true;
    const mayStart = this.#entries.size < max;
    if (mayStart && this.#ahead() === 0 && this.#refills.dueMs() === undefined) this.#refills.schedule(refillDelayMs);
    let waitMs = mayStart ? this.#refills.dueMs() : undefined;
    for (const { phase, readyAtMs } of this.#entries) {
      if (phase !== "starting" && phase !== "returning") continue;
      waitMs = Math.min(waitMs ?? Infinity, Math.max(STARTING_RETRY_MS, readyAtMs - clock.nowMs()));
    }
    const { held, coming } = this.counts();
    const message = `no node is ready: ${held} of ${max} held, ${coming} on their way`;
    return new PlatformError("resource_exhausted", message, { retryAfterMs: waitMs && Math.ceil(waitMs) });
  }

  #add(phase: Phase, readyAtMs: number): Entry {
    const entry: Entry = { phase, readyAtMs };
    this.#entries.add(entry);
    assert(this.#entries.size <= this.#options.max, "the pool has more nodes than allowed");
    return entry;
  }

  /** Nodes that are ready or will be. */
  #ahead(): number {
    return this.#count("ready") + this.#count("starting") + this.#count("returning");
  }

  #wanted(): number {
    return Math.max(this.#options.warm, this.#demand ? 1 : 0);
  }

  #count(phase: Phase): number {
    let count = 0;
    for (const entry of this.#entries) if (entry.phase === phase) count++;
    return count;
  }
}

function lease(entry: Entry): NodeLease {
  assert(entry.lease, "a held node has a lease");
  const { requestId: _, ...rest } = entry.lease;
  return rest;
}
