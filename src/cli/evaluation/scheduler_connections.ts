import { createSchedulerClient, type SchedulerPort } from "../../scheduler/mod.ts";
import type { Shared } from "../compose/shared.ts";

/**
 * Connections by which containers are acquired. Some servers take 100 calls at once on each; acquires that wait there
 * must not keep returns back, which have a connection of their own.
 */
const ACQUIRE_CONNECTIONS = 4;

/** A scheduler over a few connections. */
export function connectScheduler(connect: Shared["connect"], address: string): SchedulerPort & { close(): void } {
  const clients = Array.from({ length: ACQUIRE_CONNECTIONS + 1 }, () => connect(address));
  const [returns, ...acquires] = clients.map(({ transport }) => createSchedulerClient(transport));
  let next = 0;
  return {
    ...returns,
    acquire: (request, options) => acquires[next++ % acquires.length].acquire(request, options),
    close: () => clients.forEach((client) => client.close()),
  };
}
