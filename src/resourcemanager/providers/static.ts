import { type Clock, type Log, messageOf } from "../../base/mod.ts";
import type { NodeProvider, OnDead, ProvidedNode } from "../provider.ts";

/** One call to an agent. */
const CALL_TIMEOUT_MS = 5_000;
/** An agent in use is asked so often whether it is there. */
const CHECK_EVERY_MS = 5_000;
/** After so many checks without an answer it is taken for dead. */
const CHECKS_MISSED_MAX = 3;
/** An agent that did not answer is left alone for this long, twice as long each further time. */
const PAUSE_MS = 1_000;
const PAUSE_MS_MAX = 60_000;

/** What an agent says of itself. */
export interface StaticAgentReport {
  readonly liveId: string;
  /** Empty where no scheduler holds it. */
  readonly ownerId: string;
  readonly totalMemoryBytes: number;
}

/** An agent that runs elsewhere already, and a client of it. */
export interface StaticAgent {
  readonly address: string;
  readonly port: number;
  getStats(options: { timeoutMs: number }): Promise<StaticAgentReport>;
  /** Removes its containers, forgets its owner and changes its `live_id`. */
  reset(options: { timeoutMs: number }): Promise<void>;
}

export interface StaticProviderOptions {
  readonly agents: readonly StaticAgent[];
  readonly clock: Clock;
  readonly log: Log;
}

interface Slot {
  readonly agent: StaticAgent;
  /** Asked at least once since this process began. */
  seen: boolean;
  busy: boolean;
  failures: number;
  retryAtMs: number;
  life?: { readonly nodeId: string; readonly liveId: string; missed: number; onDead: OnDead; cancel: () => void };
}

/**
 * Nodes that run elsewhere already, each at a known address. An agent that has an owner when it is asked for the first
 * time is handed over as in use: then it was this resource manager that started again, not the scheduler.
 */
export function createStaticProvider({ agents, clock, log }: StaticProviderOptions): NodeProvider {
  const slots = agents.map((agent): Slot => ({ agent, seen: false, busy: false, failures: 0, retryAtMs: 0 }));
  let closed = false;

  /** Looks at the agent, cleans it where somebody had it, and watches it from then on. */
  async function take(slot: Slot, onDead: OnDead, clean: boolean): Promise<ProvidedNode> {
    const { agent } = slot;
    slot.busy = true;
    try {
      let report = await agent.getStats({ timeoutMs: CALL_TIMEOUT_MS });
      const inUse = !slot.seen && report.ownerId !== "";
      if (!inUse && (clean || report.ownerId !== "")) {
        await agent.reset({ timeoutMs: CALL_TIMEOUT_MS });
        report = await agent.getStats({ timeoutMs: CALL_TIMEOUT_MS });
      }
      if (!(report.totalMemoryBytes > 0)) throw new Error("it does not tell how much memory it has");
      if (closed) throw new Error("the pool is closed");
      slot.seen = true;
      slot.failures = 0;
      const nodeId = `${nameOf(agent)}#${report.liveId.slice(0, 8)}`;
      slot.life = { nodeId, liveId: report.liveId, missed: 0, onDead, cancel: () => {} };
      watch(slot);
      const { address, port } = agent;
      return { nodeId, address, port, memoryBytes: report.totalMemoryBytes, inUse };
    } catch (error) {
      putAside(slot);
      throw new Error(`node agent ${nameOf(agent)}: ${messageOf(error)}`);
    }
  }

  function watch(slot: Slot): void {
    const life = slot.life!;
    life.cancel = clock.after(CHECK_EVERY_MS, async () => {
      let fault = "";
      try {
        const { liveId } = await slot.agent.getStats({ timeoutMs: CALL_TIMEOUT_MS });
        life.missed = 0;
        if (liveId !== life.liveId) fault = "its agent started again";
      } catch (error) {
        if (++life.missed >= CHECKS_MISSED_MAX) fault = `its agent does not answer: ${messageOf(error)}`;
      }
      if (closed || slot.life !== life) return;
      if (!fault) return watch(slot);
      putAside(slot);
      life.onDead(fault);
    });
  }

  function putAside(slot: Slot): void {
    slot.life?.cancel();
    slot.life = undefined;
    slot.busy = false;
    slot.retryAtMs = clock.nowMs() + Math.min(PAUSE_MS_MAX, PAUSE_MS * 2 ** slot.failures++);
  }

  /** Ends the life that `node` is; the slot stays busy. */
  function end(node: ProvidedNode): Slot | undefined {
    const slot = slots.find((one) => one.life?.nodeId === node.nodeId);
    slot?.life?.cancel();
    if (slot) slot.life = undefined;
    return slot;
  }

  return {
    async start(onDead) {
      const now = clock.nowMs();
      const slot = slots.find((one) => !one.busy && one.retryAtMs <= now);
      if (!slot) throw new Error(`none of ${slots.length} node agents is free and answers`);
      return await take(slot, onDead, false);
    },
    async recycle(node, onDead) {
      const slot = end(node);
      if (!slot) throw new Error("it died before it could be cleaned");
      return await take(slot, onDead, true);
    },
    async stop(node) {
      const slot = end(node);
      if (!slot) return;
      try {
        await slot.agent.reset({ timeoutMs: CALL_TIMEOUT_MS });
        slot.busy = false;
      } catch (error) {
        log.warn("node agent could not be cleaned", { agent: nameOf(slot.agent), reason: messageOf(error) });
        putAside(slot);
      }
    },
    // The agents are not ours: they stay as they are, and a scheduler may go on with those it holds.
    close() {
      closed = true;
      for (const { life } of slots) life?.cancel();
      return Promise.resolve();
    },
  };
}

function nameOf({ address, port }: StaticAgent): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}
