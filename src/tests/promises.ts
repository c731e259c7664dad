/**
 * The first three promises of ARCHITECTURE.md, asked of a running platform when a test has done with it: what the
 * scheduler tells of its nodes and containers, beside what the node agents tell themselves.
 */
import { callJson, PATIENCE_MS } from "./calls.ts";

const CALL_MS_MAX = 10_000;

/** What is asked about. */
export interface Asked {
  /** Address of the scheduler's port, with `http://`, or `https://` where the ports speak TLS. */
  readonly scheduler: string;
  readonly token?: string;
  /** What vouches for ports with TLS, as PEM. */
  readonly ca?: string;
  /** Leases whose caller was killed: they end by their deadline, which is not waited for. */
  readonly orphans?: number;
  /** How long what is wrong may take to come right. */
  readonly patienceMs?: number;
}

export interface Snapshot {
  readonly leases: number;
  readonly waiting: number;
  readonly nodes: readonly { readonly nodeId: string; readonly memoryBytes: number; readonly freeBytes: number }[];
  readonly containers: readonly {
    readonly containerId: string;
    readonly nodeId: string;
    /** Its limit, and what it takes of its node's account. */
    readonly memoryBytes: number;
    readonly chargedBytes: number;
    readonly inFlight: number;
  }[];
  /** By node, what its agent says; a text where it said nothing. */
  readonly agents: ReadonlyMap<string, AgentsWord | string>;
}

export interface AgentsWord {
  /** What the limits of its containers may come to: its memory, times what it may be overcommitted. */
  readonly admittedBytes: number;
  readonly freeBytes: number;
  readonly containers: readonly string[];
  /** Invocations that run there. */
  readonly running: number;
}

/**
 * Throws a list of what is wrong. What may be wrong for a moment, while something comes to its end or is known to one
 * side first, is asked for again; that more memory is given away than there is may not be true for any moment.
 */
export async function assertPromises(asked: Asked): Promise<void> {
  const deadline = performance.now() + (asked.patienceMs ?? PATIENCE_MS);
  for (let pauseMs = 10;; pauseMs = Math.min(500, pauseMs * 1.5)) {
    const snapshot = await take(asked);
    const broken = overcommitted(snapshot);
    const open = unsettled(snapshot, asked.orphans ?? 0);
    if (broken.length + open.length === 0) return;
    if (broken.length > 0 || performance.now() > deadline) {
      throw new Error(`promises are broken:\n${[...broken, ...open].map((line) => `  ${line}`).join("\n")}`);
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
  }
}

/** The first promise: memory is never handed out twice, but for what its node may be overcommitted. */
export function overcommitted({ nodes, containers, agents }: Snapshot): string[] {
  return nodes.flatMap(({ nodeId, memoryBytes, freeBytes }) => {
    const faults: string[] = [];
    const here = containers.filter((one) => one.nodeId === nodeId);
    const takenBytes = sum(here, (one) => one.chargedBytes);
    if (takenBytes > memoryBytes) {
      faults.push(`node ${nodeId} has ${memoryBytes} bytes, its ${here.length} containers take ${takenBytes}`);
    }
    const agent = agents.get(nodeId);
    const mayUseBytes = sum(here, (one) => one.memoryBytes);
    if (typeof agent === "object" && mayUseBytes > agent.admittedBytes) {
      faults.push(`node ${nodeId} admits ${agent.admittedBytes} bytes, its containers may use ${mayUseBytes}`);
    }
    if (freeBytes < 0) faults.push(`node ${nodeId} has ${freeBytes} bytes free`);
    return faults;
  });
}

/**
 * The second and the third one, and the accounts behind all of them, of a platform that nobody asks for anything: every
 * acquire is answered, so nobody waits; every lease has ended, so nothing is in flight, here or on a node; scheduler and
 * nodes agree on what there is.
 */
export function unsettled({ leases, waiting, nodes, containers, agents }: Snapshot, orphans: number): string[] {
  const faults: string[] = [];
  if (waiting !== 0) faults.push(`${waiting} acquires still wait`);
  if (leases > orphans) faults.push(`${leases} leases are left, ${orphans} of callers that were killed`);
  const inFlight = sum(containers, (one) => one.inFlight);
  if (inFlight !== leases) faults.push(`${inFlight} invocations are in flight, there are ${leases} leases`);
  for (const { containerId, nodeId } of containers) {
    if (!nodes.some((node) => node.nodeId === nodeId)) faults.push(`container ${containerId}: no node ${nodeId}`);
  }
  for (const { nodeId, memoryBytes, freeBytes } of nodes) {
    const here = containers.filter((one) => one.nodeId === nodeId);
    const takenBytes = sum(here, (one) => one.chargedBytes);
    if (freeBytes + takenBytes !== memoryBytes) {
      faults.push(`node ${nodeId}: ${freeBytes} bytes free + ${takenBytes} of containers are not ${memoryBytes}`);
    }
    const agent = agents.get(nodeId);
    if (agent === undefined || typeof agent === "string") {
      faults.push(`node ${nodeId} gives no stats: ${agent}`);
      continue;
    }
    const leftBytes = Math.max(0, memoryBytes - sum(here, (one) => one.memoryBytes));
    if (agent.freeBytes !== leftBytes) {
      faults.push(`node ${nodeId}: its containers leave ${leftBytes} bytes, by its own account ${agent.freeBytes}`);
    }
    const ours = here.map((one) => one.containerId).sort().join(" "), theirs = agent.containers.toSorted().join(" ");
    if (ours !== theirs) faults.push(`node ${nodeId} should run "${ours}", it runs "${theirs}"`);
    const leased = sum(here, (one) => one.inFlight);
    if (agent.running > leased) faults.push(`node ${nodeId} runs ${agent.running} invocations, ${leased} have a lease`);
  }
  return faults;
}

type Container = Snapshot["containers"][number];

function sum(containers: readonly Container[], of: (one: Container) => number): number {
  return containers.reduce((sum, one) => sum + of(one), 0);
}

async function take(asked: Asked): Promise<Snapshot> {
  const ask = (method: string) => callOk(asked, asked.scheduler, `minifaas.admin.v1.ClusterService/${method}`, {});
  const scheme = asked.ca === undefined ? "http" : "https";
  const [summary, listed, held] = await Promise.all([ask("GetSummary"), ask("ListNodes"), ask("ListContainers")]);
  const nodes: Record<string, unknown>[] = listed.nodes ?? [];
  const agents = await Promise.all(nodes.map(async ({ nodeId, address, nodeServicePort }) => {
    const word = await agentsWord(asked, `${scheme}://${address}:${nodeServicePort}`).catch((error) => String(error));
    return [String(nodeId), word] as const;
  }));
  return {
    leases: Number(summary.leases ?? 0),
    waiting: Number(summary.waiting ?? 0),
    nodes: nodes.map((node) => ({
      nodeId: String(node.nodeId),
      memoryBytes: Number(node.memoryInBytes ?? 0),
      freeBytes: Number(node.freeMemoryInBytes ?? 0),
    })),
    containers: (held.containers ?? []).map((one: Record<string, unknown>) => ({
      containerId: String(one.containerId),
      nodeId: String(one.nodeId),
      memoryBytes: Number(one.memoryInBytes ?? 0),
      chargedBytes: Number(one.chargedMemoryInBytes ?? 0),
      inFlight: Number(one.inFlight ?? 0),
    })),
    agents: new Map(agents),
  };
}

async function agentsWord(asked: Asked, base: string): Promise<AgentsWord> {
  const reply = await callOk(asked, base, "nodeservoceproto.NodeService/GetStats", { requestId: "promises" });
  const containers: { containerId: string; requestIds?: string[] }[] = reply.containerStatsList ?? [];
  return {
    admittedBytes: Number(reply.nodeStats.admittedMemoryInBytes ?? reply.nodeStats.totalMemoryInBytes),
    freeBytes: Number(reply.nodeStats.availableMemoryInBytes ?? 0),
    containers: containers.map((one) => one.containerId),
    running: containers.reduce((sum, one) => sum + (one.requestIds?.length ?? 0), 0),
  };
}

// deno-lint-ignore no-explicit-any -- what is looked at is checked by being a number
async function callOk({ token, ca }: Asked, base: string, method: string, request: unknown): Promise<any> {
  const reply = await callJson(base, method, request, CALL_MS_MAX, token, ca);
  if (typeof reply.code === "string") throw new Error(`${method}: ${reply.code}: ${reply.message}`);
  return reply;
}
