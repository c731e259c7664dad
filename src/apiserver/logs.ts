import { type Clock, type Log, messageOf, PlatformError, sleep } from "../base/mod.ts";
import type { NodeView, SchedulerPort } from "../scheduler/ports.ts";
import { Channel } from "./channel.ts";
import type { LogRequest, NodeLogLine, NodeLogSources } from "./ports.ts";

/** How often a follower looks for nodes that are new. */
const LOOK_MS = 1_000;
/** Lines read ahead of a slow reader, over all nodes. */
const LINES_AHEAD_MAX = 256;

export interface LogParts {
  readonly scheduler: Pick<SchedulerPort, "listNodes">;
  readonly nodes: NodeLogSources;
  readonly clock: Clock;
  readonly log: Log;
}

/**
 * What a function's containers printed, on all nodes: each node's lines in their order, the nodes' as they come. With
 * `follow` it goes on, new nodes included, until `signal` is aborted. A node that goes away just ends. Errors: as
 * SchedulerPort.listNodes at the beginning; later ones are tried again.
 */
export async function* streamLogs(
  parts: LogParts,
  request: LogRequest,
  signal?: AbortSignal,
): AsyncGenerator<NodeLogLine> {
  const stop = new AbortController();
  const leave = () => stop.abort(new PlatformError("cancelled", "The caller left"));
  signal?.addEventListener("abort", leave, { once: true });
  if (signal?.aborted) leave();
  const channel = new Channel<NodeLogLine>(LINES_AHEAD_MAX, stop.signal);
  const readers = new Readers(parts, request, channel, stop.signal);
  try {
    await readers.look();
    const ended = request.follow ? readers.follow() : readers.all();
    void ended.finally(() => channel.close()).catch(() => {});
    for (let line = await channel.take(); line !== undefined; line = await channel.take()) yield line;
  } finally {
    leave();
    signal?.removeEventListener("abort", leave);
    await readers.all();
  }
}

/** One reader for every node. */
class Readers {
  readonly #running = new Map<string, Promise<void>>();
  /** Per node life, the time of its last line, so that a node read anew is not told twice. */
  readonly #lastMs = new Map<string, number>();

  constructor(
    readonly parts: LogParts,
    readonly request: LogRequest,
    readonly channel: Channel<NodeLogLine>,
    readonly signal: AbortSignal,
  ) {}

  /** Begins to read from every node that is not being read. */
  async look(): Promise<void> {
    const nodes = await this.parts.scheduler.listNodes({ signal: this.signal });
    const present = new Set(nodes.map(keyOf));
    for (const key of this.#lastMs.keys()) if (!present.has(key)) this.#lastMs.delete(key);
    for (const node of nodes) {
      const key = keyOf(node);
      if (node.phase === "lost" || this.#running.has(key)) continue;
      this.#running.set(key, this.#read(node, key).finally(() => this.#running.delete(key)));
    }
  }

  /** Looks again and again, until the caller leaves. */
  async follow(): Promise<void> {
    const { clock, log } = this.parts;
    while (!this.signal.aborted) {
      await sleep(clock, LOOK_MS, this.signal).catch(() => {});
      if (this.signal.aborted) return;
      await this.look().catch((error) => log.debug("cannot list nodes for logs", { message: messageOf(error) }));
    }
  }

  /** Resolves when every reader has ended. */
  async all(): Promise<void> {
    await Promise.all(this.#running.values());
  }

  /** Reads one node to its end. Never rejects. */
  async #read(node: NodeView, key: string): Promise<void> {
    const { nodeId, address, port } = node;
    const seenMs = this.#lastMs.get(key) ?? -Infinity;
    try {
      const source = this.parts.nodes.get({ nodeId, address, port });
      for await (const line of source.streamLogs(this.request, { signal: this.signal })) {
        if (line.timestampMs <= seenMs) continue;
        this.#lastMs.set(key, line.timestampMs);
        await this.channel.put({ nodeId, ...line });
      }
    } catch (error) {
      this.parts.log.debug("logs of a node ended", { nodeId, message: messageOf(error) });
    }
  }
}

function keyOf(node: NodeView): string {
  return `${node.nodeId} ${node.liveId}`;
}
