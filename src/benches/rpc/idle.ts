/** What connections cost that nobody uses. */
import { LoadConnection } from "./client/connection.ts";
import { residentBytes } from "./proc.ts";
import type { BenchServer } from "./servers.ts";

/** Connections opened at once: the listener's backlog holds far more. */
const AT_ONCE = 100;

/** Resident memory that `count` idle connections add, per 1,000, in bytes. Each has made two calls before. */
export async function idleBytesPer1000(server: BenchServer, count: number): Promise<number> {
  await server.ask("figures");
  const beforeBytes = residentBytes(server.pid);
  const connections: LoadConnection[] = [];
  while (connections.length < count) {
    const more = Math.min(AT_ONCE, count - connections.length);
    const opening = Array.from({ length: more }, () => LoadConnection.open(server.address, () => {}));
    connections.push(...await Promise.all(opening));
  }
  // Asking collects garbage: what is left is what the connections hold.
  await server.ask("figures");
  const afterBytes = residentBytes(server.pid);
  await Promise.all(connections.map((connection) => connection.close()));
  return (afterBytes - beforeBytes) / count * 1_000;
}
