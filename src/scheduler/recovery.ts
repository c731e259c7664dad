import {
  checkFunctionSpec,
  CONCURRENCY_MAX,
  functionKey,
  type FunctionSpec,
  LEASE_GRACE_MS,
  messageOf,
  PlatformError,
  sleep,
} from "../base/mod.ts";
import { type Hash64, hashText } from "../core/mod.ts";
import { chargeMinKiB } from "./charge.ts";
import type { Context } from "./context.ts";
import { sameFunction } from "./functions.ts";
import type { NodeKeeper } from "./node_keeper.ts";
import type { ContainerReport, NodeLease } from "./ports.ts";
import type { Remover } from "./remover.ts";
import type { Shaper } from "./shaper.ts";
import type { StatsKeeper } from "./stats.ts";
import { kibOf, type NodeRecord } from "./state.ts";

/** Pause between two questions to a resource manager that does not answer. */
const ASK_AGAIN_MS = 500;

/**
 * Rebuilds nodes, containers and running leases from what the resource manager and the nodes report, before the first
 * acquire is served. What cannot be identified is removed.
 */
export class Recovery {
  /** What it waits for, in a person's words. */
  trouble?: string;

  constructor(
    private readonly context: Context,
    private readonly nodes: NodeKeeper,
    private readonly stats: StatsKeeper,
    private readonly remover: Remover,
    private readonly shaper: Shaper,
    private readonly define: (spec: FunctionSpec) => void,
    private readonly onTrouble: () => void = () => {},
  ) {}

  /** Resolves when the state stands; waits for the resource manager as long as it takes. */
  async run(): Promise<void> {
    const { log, state } = this.context;
    const leases = (await this.askResourceManager()).filter((lease) => lease.releasedAtMs === 0);
    await Promise.all(leases.map((lease) => this.recoverNode(lease)));
    if (leases.length > 0) {
      log.info("the state was rebuilt", {
        nodes: state.nodes.size,
        containers: state.containerBySlot.filter((c) => c).length,
        leases: state.tables.leases.countLive(),
      });
    }
  }

  private async askResourceManager(): Promise<NodeLease[]> {
    const { resourceManager, newRequestId, options, closing, clock, log } = this.context;
    for (;;) {
      try {
        const call = { timeoutMs: options.callTimeoutMs, signal: closing };
        const leases = await resourceManager.getNodesUsage({ requestId: newRequestId() }, call);
        this.trouble = undefined;
        return leases;
      } catch (error) {
        closing.throwIfAborted();
        this.trouble = `the resource manager does not answer: ${messageOf(error)}`;
        this.onTrouble();
        log.warn("the resource manager does not answer", { error: messageOf(error) });
        await sleep(clock, ASK_AGAIN_MS, closing);
      }
    }
  }

  private async recoverNode(lease: NodeLease): Promise<void> {
    const { state, clock, options, closing, log } = this.context;
    let node: NodeRecord | undefined;
    try {
      const { port, report } = await this.nodes.greet(lease, clock.nowMs() + options.nodeLostAfterMs);
      const joined = node = this.nodes.join(lease, port, report, 0);
      const orphans = report.containers.filter((container) => !this.adopt(joined, container));
      for (const orphan of orphans) await this.remover.removeOrphan(node, orphan.containerId);
      state.tables.nodes.open(node.slot);
    } catch (error) {
      closing.throwIfAborted();
      log.warn("a node held before does not answer and is released", {
        node: lease.nodeId,
        error: messageOf(error),
      });
      if (node) this.nodes.lose(node, "it could not be taken over", "release");
      else this.nodes.release(lease);
    }
  }

  /** Takes a container over with what runs in it; false where it must go. */
  private adopt(node: NodeRecord, report: ContainerReport): boolean {
    const { state, clock } = this.context;
    const { containers, functions, nodes, leases } = state.tables;
    const spec = report.function;
    if (!spec || !report.usable || spec.functionName === "" || spec.accountId === "") return false;
    // As little as it may have been charged before. What it is charged from now on is looked at when all are known.
    const kib = chargeMinKiB(kibOf(spec.memoryBytes), node.admitted);
    if (nodes.freeKiB(node.slot) < kib) return false;
    if (!this.defineQuietly(spec)) return false;
    const fn = state.functions.get(functionKey(spec));
    if (!fn) return false;
    nodes.adopt(node.slot, kib);
    // The same object where it is the same configuration: only then does what the policy sets hold for it.
    const own = sameFunction(fn.spec, spec) ? fn.spec : spec;
    const record = state.addContainer(fn, own, node, kib, clock.nowMs());
    if (!record) {
      nodes.release(node.slot, kib);
      return false;
    }
    this.shaper.adopted(record);
    record.containerId = report.containerId;
    state.tables.names.set(record.slot, report.containerId);
    record.memoryUsageBytes = report.memoryUsageBytes;
    record.measuredCpuMs = report.cpuMs ?? 0;
    const rank = functions.addRank(fn.slot, record.slot);
    const running = report.requestIds.slice(0, CONCURRENCY_MAX);
    containers.publish(record.slot, rank, spec.concurrency, clock.nowMs(), { fresh: false, inFlight: running.length });
    const hash: Hash64 = { lo: 0, hi: 0 };
    for (const requestId of running) {
      if (leases.insert(hashText(requestId, hash)) !== "inserted") {
        containers.unclaim(record.slot, clock.nowMs());
        continue;
      }
      leases.publish(leases.found, record.slot, record.generation, clock.nowMs() + spec.timeoutMs + LEASE_GRACE_MS);
      this.stats.watch(leases.found, hash, record);
    }
    if (rank < 0 || !sameCode(spec, fn.spec)) this.context.stopGrants(record.slot);
    else if (containers.inFlight(record.slot) < spec.concurrency) functions.offer(fn.slot, rank);
    return true;
  }

  private defineQuietly(spec: FunctionSpec): boolean {
    try {
      checkFunctionSpec(spec);
      this.define(spec);
      return true;
    } catch (error) {
      if (!(error instanceof PlatformError)) throw error;
      this.context.log.warn("a running function is not taken over", {
        function: functionKey(spec),
        error: error.message,
      });
      return false;
    }
  }
}

function sameCode(a: FunctionSpec, b: FunctionSpec): boolean {
  return a.version === b.version && a.codeHash === b.codeHash && a.handler === b.handler &&
    a.memoryBytes === b.memoryBytes && a.timeoutMs === b.timeoutMs;
}
