/** What a worker leaves that is gone, and that somebody late never touches what a slot is used for next. */
import { assert, assertEquals } from "@std/assert";
import { hashText } from "./hash.ts";
import { LeaseState } from "./leases.ts";
import { Tables } from "./tables.ts";
import { dropContainer, SMALL_CAPACITY, smallTables, warmContainer } from "./testing.ts";

const idle = { lo: 0, hi: 0 };

Deno.test("a lost worker's waiters fail, its grants go on to others, its half-made leases are freed; a new one takes over", () => {
  const capacity = { ...SMALL_CAPACITY, workers: 2 };
  const controller = smallTables(capacity);
  const attach = () => new Tables(capacity, { buffer: controller.buffer, worker: 1 });
  const worker = attach();
  const send = (ticket: number) => controller.mailboxes.send(controller.workerOf(ticket), ticket);
  warmContainer(controller, 0, 0);

  const leases = ["granted", "waiting", "live"].map((id) => {
    assertEquals(worker.leases.insert(hashText(id, idle)), "inserted");
    return worker.leases.found;
  });
  const tickets = [worker.tickets.take(0), worker.tickets.take(0)];
  for (const ticket of tickets) assert(worker.queue.push(0, ticket));
  const held = worker.tickets.take(1);
  assert(worker.queue.push(1, held));
  worker.queue.match(0, 0, send);
  const own = controller.tickets.take(0);
  assert(controller.queue.push(0, own));
  warmContainer(controller, 1, 0);
  assert(controller.containers.claim(1, 0) >= 0);
  worker.leases.publish(leases[2], 1, worker.containers.generation(1), 1_000);

  assert(controller.sweep(1, 0, send));
  assertEquals(leases.map((lease) => controller.leases.state(lease)), [
    LeaseState.empty,
    LeaseState.empty,
    LeaseState.live,
  ]);
  assertEquals([controller.functions.waiting(0), controller.functions.waiting(1)], [0, 0]);
  assertEquals(controller.mailboxes.take(0), own, "the permit went on to the next waiter");
  controller.checkInvariants();

  const next = attach();
  assertEquals(next.mailboxes.take(1), -1);
  assertEquals([0, 1, 2, 3].map(() => next.tickets.take(0)).toSorted(), [4, 5, 6, 7], "all tickets are free again");
});

Deno.test("a sweep waits for a grant that is decided and not sent yet", () => {
  const capacity = { ...SMALL_CAPACITY, workers: 2 };
  const controller = smallTables(capacity);
  const worker = new Tables(capacity, { buffer: controller.buffer, worker: 1 });
  warmContainer(controller, 0, 0);
  const ticket = worker.tickets.take(0);
  worker.queue.push(0, ticket);
  const late: number[] = [];
  controller.queue.match(0, 0, (ticket) => late.push(ticket));
  const ignore = () => {};
  assert(!controller.sweep(1, 0, ignore));
  controller.mailboxes.send(1, late[0]);
  assert(controller.sweep(1, 0, ignore));
  assertEquals(controller.containers.inFlight(0), 0);
});

Deno.test("a function with waiting acquires is not forgotten; one that is forgotten is not still the same", () => {
  const { functions, tickets, queue } = smallTables();
  const generation = functions.generation(0);
  const ticket = tickets.take(0);
  queue.push(0, ticket);
  assert(!functions.forget(0));
  assert(functions.isStill(0, generation));
  tickets.cancel(ticket);
  functions.addWaiting(0, -1);
  assert(functions.forget(0));
  assert(!functions.isStill(0, generation));
  functions.define(0);
  assert(!functions.isStill(0, generation));
});

Deno.test("a ring goes on where it was when its slot is defined again: the cells of late acquires are passed", () => {
  const tables = smallTables();
  const { functions, tickets, queue } = tables;
  for (let life = 0; life < 10; life++) {
    const late = tickets.take(0);
    assert(queue.push(0, late));
    tickets.cancel(late);
    tickets.give(late);
    functions.addWaiting(0, -1);
    assert(functions.forget(0));
    functions.define(0);
    queue.reset(0);
    const ticket = tickets.take(0);
    assert(queue.push(0, ticket));
    warmContainer(tables, 0, 0);
    const granted: number[] = [];
    queue.match(0, 0, (ticket) => granted.push(ticket));
    assertEquals(granted, [ticket]);
    tickets.give(ticket);
    queue.putBack(0, 0, 0);
    assert(tables.containers.retire(0));
    dropContainer(tables, 0);
    tables.checkInvariants();
  }
});
