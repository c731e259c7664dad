import type { Container, GetSummaryResponse, Node } from "../../../gen/minifaas/admin/v1/cluster_pb.ts";
import { command, EXIT, outJson } from "../command.ts";
import { CALL_TIMEOUT_MS, connectionFlags, withPlatform } from "../connection.ts";
import { table } from "../table.ts";
import { formatAge, formatSize } from "../units.ts";

export const ps = command({
  name: "ps",
  summary: "Show nodes, containers, leases and what waits",
  takes: [],
  flags: connectionFlags,
  examples: ["ps", "ps --json"],
  run({ values, io }) {
    return withPlatform(values, io, async ({ cluster }) => {
      const options = { timeoutMs: CALL_TIMEOUT_MS };
      const [{ nodes }, { containers }, summary] = await Promise.all([
        cluster.listNodes({}, options),
        cluster.listContainers({}, options),
        cluster.getSummary({}, options),
      ]);
      if (values.json) {
        outJson(io, { ...plain(summary), nodes: nodes.map(plain), containers: containers.map(plain) });
      } else io.out(`${nodeTable(nodes)}\n${containerTable(containers)}\n${summaryLine(summary)}`);
      return EXIT.ok;
    });
  },
});

/** A message without its type's name. */
function plain<T extends { $typeName: string }>({ $typeName: _, $unknown: __, ...rest }: T & { $unknown?: unknown }) {
  return rest;
}

function nodeTable(nodes: readonly Node[]): string {
  if (nodes.length === 0) return "no nodes held\n";
  const rows = nodes.map((node) => [
    node.nodeId,
    `${node.address}:${node.nodeServicePort}`,
    node.phase,
    String(node.containers),
    formatSize(Number(node.freeMemoryInBytes)),
    formatSize(Number(node.memoryInBytes)),
    formatAge(Date.now() - Number(node.reservedAtMs)),
  ]);
  const headings = ["NODE", "ADDRESS", "PHASE", "CONTAINERS", "FREE", "MEMORY", "AGE"];
  return table(headings, rows, ["CONTAINERS", "FREE", "MEMORY", "AGE"]);
}

function containerTable(containers: readonly Container[]): string {
  if (containers.length === 0) return "no containers\n";
  const rows = containers.map((one) => [
    one.containerId.slice(-12),
    one.functionName,
    String(one.version),
    one.phase,
    `${one.inFlight}/${one.concurrency}`,
    `${formatSize(Number(one.memoryUsageInBytes))}/${formatSize(Number(one.memoryInBytes))}`,
    one.idleSinceMs > 0n ? formatAge(Date.now() - Number(one.idleSinceMs)) : "-",
    formatAge(Date.now() - Number(one.createdAtMs)),
    one.nodeId,
  ]);
  const headings = ["CONTAINER", "FUNCTION", "VERSION", "PHASE", "IN-FLIGHT", "MEMORY", "IDLE", "AGE", "NODE"];
  return table(headings, rows, ["VERSION", "IN-FLIGHT", "MEMORY", "IDLE", "AGE"]);
}

function summaryLine(summary: GetSummaryResponse): string {
  const count = (number: bigint, one: string) => `${number} ${one}${number === 1n ? "" : "s"}`;
  const parts = [
    count(summary.nodes, "node"),
    count(summary.containers, "container"),
    count(summary.leases, "lease"),
    `${summary.waiting} waiting`,
    count(summary.coldStarts, "cold start"),
    `${summary.acquires} acquired`,
    `${summary.releases} released`,
    `policy ${summary.policy}`,
  ];
  return parts.join(", ") + "\n";
}
