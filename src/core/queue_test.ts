import { assert, assertEquals } from "@std/assert";
import { smallTables, warmContainer, windRing } from "./testing.ts";
import { ticketOfCell } from "./tickets.ts";

function waitingTables(ringDepth = 4) {
  const tables = smallTables({ ringDepth });
  const granted: number[] = [];
  const match = (fn = 0) => tables.queue.match(fn, 0, (ticket) => granted.push(ticket));
  const wait = (fn = 0) => {
    const ticket = tables.tickets.take(fn);
    assert(ticket >= 0);
    if (tables.queue.push(fn, ticket)) return ticket;
    tables.tickets.cancel(ticket);
    tables.tickets.give(ticket);
    return -1;
  };
  const cancel = (ticket: number, fn = 0) => {
    if (!tables.tickets.cancel(ticket)) return false;
    tables.tickets.give(ticket);
    tables.functions.addWaiting(fn, -1);
    return true;
  };
  return { tables, granted, match, wait, cancel };
}

Deno.test("waiters are granted in the order they came", () => {
  const { tables, granted, match, wait } = waitingTables();
  const waiters = [wait(), wait(), wait()];
  warmContainer(tables, 0, 0, 2);
  match();
  assertEquals(granted, waiters.slice(0, 2));
  tables.queue.putBack(0, 0, 0);
  match();
  assertEquals(granted, waiters);
  assertEquals(tables.functions.waiting(0), 0);
});

Deno.test("a ticket ends once: granted or cancelled, never both", () => {
  const { tables, granted, match, wait, cancel } = waitingTables();
  const [first, second] = [wait(), wait()];
  assert(cancel(first));
  warmContainer(tables, 0, 0, 2);
  match();
  assertEquals(granted, [second]);
  assert(!cancel(second), "granted already");
  assertEquals(tables.containers.inFlight(0), 1);
});

Deno.test("a full queue says so; cancelled waiters at its head make place", () => {
  const { tables, wait, cancel } = waitingTables();
  const waiters = [wait(), wait(), wait(), wait()];
  assertEquals(wait(), -1);
  assertEquals(tables.functions.waiting(0), 4);
  cancel(waiters[1]);
  assertEquals(wait(), -1, "the place behind a waiter comes free when that one goes");
  cancel(waiters[0]);
  assert(wait() >= 0 && wait() >= 0);
  assertEquals(wait(), -1);
});

Deno.test("a ring turns over 2^31 and 2^32 without losing anybody or the order", () => {
  for (const depth of [2, 4, 16]) {
    for (const start of [2 ** 31 - 3, 2 ** 32 - 3, 2 ** 32 - depth]) {
      const { tables, granted, match, wait } = waitingTables(depth);
      windRing(tables, 0, start);
      warmContainer(tables, 0, 0);
      const expected: number[] = [];
      for (let i = 0; i < 3 * depth; i++) {
        const container = tables.functions.claim(0);
        if (container >= 0) tables.queue.putBack(0, container, 0);
        tables.functions.claim(0);
        expected.push(wait());
        tables.queue.putBack(0, 0, 0);
        match();
        tables.tickets.give(granted.at(-1)!);
        tables.queue.putBack(0, 0, 0);
      }
      assertEquals(granted, expected, `depth ${depth}, start ${start}`);
      for (let i = 0; i < Math.min(depth, 8); i++) assert(wait() >= 0);
      if (depth <= 8) assertEquals(tables.queue.push(0, 0), false);
    }
  }
});

Deno.test("a dead cell outlasts 2,048 lives of its ticket without waking the waiter of another function", () => {
  const { tables, granted, match, wait, cancel } = waitingTables();
  const oldest = wait(0);
  const dead = wait(0), last = wait(0);
  cancel(dead, 0);
  // The same ticket waits for function 1 until its generation has come round.
  for (let life = 1; life < 2_048; life++) assert(cancel(wait(1), 1));
  const other = wait(1);
  assertEquals(other, dead);
  warmContainer(tables, 0, 0, 2);
  match(0);
  assertEquals(granted, [oldest, last]);
  assertEquals(tables.functions.waiting(1), 1);
});

Deno.test("a cell tells its ticket, whatever the ticket's generation", () => {
  const { tables } = waitingTables();
  for (let life = 0; life < 5_000; life++) {
    const ticket = tables.tickets.take(0);
    assert(tables.tickets.cell(ticket) >= 0);
    assertEquals(ticketOfCell(tables.tickets.cell(ticket)), ticket);
    tables.tickets.cancel(ticket);
    tables.tickets.give(ticket);
  }
});

Deno.test("a bound waiter is out of the queue, and gets nothing but what it is bound to", () => {
  const { tables, granted, match, wait } = waitingTables();
  const [first, second] = [wait(), wait()];
  const cell = tables.queue.pop(0);
  assertEquals(ticketOfCell(cell), first);
  assert(tables.tickets.bind(cell, 0));
  tables.functions.addWaiting(0, -1);
  warmContainer(tables, 0, 0, 2);
  match();
  assertEquals(granted, [second], "the other one takes what comes");
  tables.queue.checkInvariants();
  assert(tables.tickets.isBound(cell) && !tables.tickets.cancel(first), "it is not waiting any more");
  assert(tables.tickets.grantBound(cell, 3));
  assertEquals(tables.tickets.grantedContainer(first), 3);
  assert(!tables.tickets.cancelBound(first), "granted already");
});

Deno.test("a bound waiter that leaves is not granted", () => {
  const { tables, wait } = waitingTables();
  const ticket = wait();
  const cell = tables.queue.pop(0);
  assert(tables.tickets.bind(cell, 0));
  tables.functions.addWaiting(0, -1);
  assert(tables.tickets.cancelBound(ticket));
  tables.tickets.give(ticket);
  assert(!tables.tickets.grantBound(cell, 3) && !tables.tickets.isBound(cell));
});
