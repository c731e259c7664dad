/** What must add up when nobody is in the middle of an operation: the tables in themselves, and with the canaries. */
import { LeaseState } from "../../core/mod.ts";
import type { Keeper } from "./keeper.ts";
import type { Stage } from "./scene.ts";
import { RESERVATIONS, TicketShadow } from "./shadow.ts";

/** Throws where something does not add up. */
export function checkAll({ tables, shadow, order }: Stage, keeper: Keeper): void {
  const pending = new Float64Array(tables.capacity.nodes);
  for (let worker = 1; worker < tables.capacity.workers!; worker++) {
    for (let index = 0; index < RESERVATIONS; index++) {
      const reservation = shadow.reservation(worker, index);
      if (reservation) pending[reservation.node] += reservation.kib;
    }
  }
  tables.checkInvariants((node) => pending[node]);
  for (let node = 0; node < tables.capacity.nodes; node++) {
    const used = shadow.usedKiB(node), wanted = pending[node] + keeper.takenKiB(node);
    shadow.expect(used === wanted, () => `node slot ${node}: ${used} KiB were given, ${wanted} are in use`);
  }
  const live = new Int32Array(tables.capacity.containers);
  for (let lease = 0; lease < tables.leases.size; lease++) {
    if (tables.leases.state(lease) === LeaseState.live) live[tables.leases.containerSlot(lease)]++;
  }
  for (const [slot, leases] of live.entries()) {
    const inside = shadow.inFlight(slot);
    shadow.expect(
      inside === leases,
      () => `container slot ${slot}: ${inside} have entered, ${leases} leases are live`,
    );
  }
  const waiting: { functionSlot: number; ticket: number }[] = [];
  for (let ticket = 0; ticket < tables.capacity.tickets; ticket++) {
    if (shadow.ticketState(ticket) !== TicketShadow.waiting) continue;
    waiting.push({ functionSlot: tables.tickets.functionSlot(ticket), ticket });
  }
  order.check(shadow, waiting);
}
