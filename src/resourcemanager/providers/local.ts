import { type Clock, type Log, newId } from "../../base/mod.ts";
import type { NodeProvider, OnDead, ProvidedNode } from "../provider.ts";
import { type NodeCommand, NodeProcess } from "./process.ts";

export type { NodeCommand };

export interface LocalProviderOptions {
  /**
   * The command of the agent with this index: 0, 1, … An index is used again only after its last process ended, so
   * a port or a folder may be derived from it. The agent prints `{"ready":{"address","port","memoryBytes"}}` as one
   * line on stdout when it listens, and must end by itself when its stdin closes.
   */
  readonly command: (index: number) => NodeCommand;
  readonly clock: Clock;
  readonly log: Log;
  /** Takes what agents print besides: whole lines with their line end. */
  readonly write: (line: string) => void;
  /** An agent that is not ready by then is killed. */
  readonly startTimeoutMs?: number;
  /** From SIGTERM to SIGKILL. */
  readonly stopGraceMs?: number;
}

/** Node agents as child processes on this machine. A recycled node is a fresh process. */
export function createLocalProvider(options: LocalProviderOptions): NodeProvider {
  const { clock, startTimeoutMs = 30_000, stopGraceMs = 5_000 } = options;
  const processes = new Map<number, NodeProcess>();
  const nodes = new Map<string, NodeProcess>();
  let closed = false;

  async function start(onDead: OnDead): Promise<ProvidedNode> {
    if (closed) throw new Error("the pool is closed");
    let index = 0;
    while (processes.has(index)) index++;
    const child = new NodeProcess({ command: options.command(index), clock, write: options.write });
    processes.set(index, child);
    // Runs however the process ends, so an index is never taken twice at once.
    child.ended.then(() => processes.delete(index));
    try {
      const ready = await child.ready(startTimeoutMs);
      const nodeId = `node-${index}-${newId().slice(0, 8)}`;
      nodes.set(nodeId, child);
      child.ended.then((how) => {
        nodes.delete(nodeId);
        if (!child.stopping) onDead(`its process ${how}`);
      });
      return { nodeId, ...ready };
    } catch (error) {
      await child.stop(stopGraceMs);
      throw error;
    }
  }

  async function stop(node: ProvidedNode): Promise<void> {
    const child = nodes.get(node.nodeId);
    if (!child) return;
    const killed = await child.stop(stopGraceMs);
    if (killed) options.log.warn("node agent had to be killed", { nodeId: node.nodeId });
  }

  return {
    start,
    stop,
    async recycle(node, onDead) {
      await stop(node);
      return await start(onDead);
    },
    async close() {
      closed = true;
      await Promise.all([...processes.values()].map((child) => child.stop(stopGraceMs)));
    },
  };
}
