import { messageOf } from "../base/mod.ts";
import type { Context } from "./context.ts";
import type { NodeKeeper } from "./node_keeper.ts";
import type { NodeLease } from "./ports.ts";

/** How often the resource manager is asked which nodes are held. */
const PERIOD_MS = 10_000;
/** A held node that is unknown for so long is in no reservation of ours that is under way. */
const UNKNOWN_MS_MAX = 20_000;

/**
 * Finds nodes that are held and that nobody uses. A scheduler that ends while its ReserveNode is on the way leaves one:
 * its successor has asked what is held before the node was given out.
 */
export class Auditor {
  private auditing = false;
  private auditedMs = -Infinity;
  /** Held nodes that are not known here, and since when. */
  private readonly unknown = new Map<string, number>();

  constructor(private readonly context: Context, private readonly nodes: NodeKeeper) {}

  /** Looks, where it is time to. */
  tick(): void {
    const { clock, closing, log } = this.context;
    if (this.auditing || clock.nowMs() - this.auditedMs < PERIOD_MS) return;
    this.auditing = true;
    this.auditedMs = clock.nowMs();
    this.audit().catch((error) => {
      if (!closing.aborted) log.warn("the nodes held could not be compared", { error: messageOf(error) });
    }).finally(() => this.auditing = false);
  }

  private async audit(): Promise<void> {
    const { resourceManager, clock, closing, options, newRequestId, state, log } = this.context;
    const call = { timeoutMs: options.callTimeoutMs, signal: closing };
    const leases = await resourceManager.getNodesUsage({ requestId: newRequestId() }, call);
    const known = new Set([...state.nodes].map(({ lease }) => lease.nodeId));
    const held = new Map<string, NodeLease>();
    for (const lease of leases) {
      if (lease.releasedAtMs === 0 && !known.has(lease.nodeId)) held.set(lease.nodeId, lease);
    }
    for (const nodeId of [...this.unknown.keys()]) if (!held.has(nodeId)) this.unknown.delete(nodeId);
    for (const [nodeId, lease] of held) {
      const sinceMs = this.unknown.get(nodeId);
      if (sinceMs === undefined) this.unknown.set(nodeId, clock.nowMs());
      else if (clock.nowMs() - sinceMs >= UNKNOWN_MS_MAX && await this.isNobodys(lease)) {
        this.unknown.delete(nodeId);
        log.warn("a node that nobody uses is released", { node: nodeId });
        this.nodes.release(lease);
      }
    }
  }

  /** Whether no scheduler that lives, but this one, has claimed the node from its agent. */
  private async isNobodys(lease: NodeLease): Promise<boolean> {
    const { dial, options, closing, newRequestId } = this.context;
    const port = dial(lease);
    try {
      const call = { timeoutMs: options.callTimeoutMs, signal: closing };
      return !this.nodes.isAnothers(await port.getStats({ requestId: newRequestId() }, call));
    } catch {
      // A node that is gone is the resource manager's to notice.
      return false;
    } finally {
      port.close();
    }
  }
}
