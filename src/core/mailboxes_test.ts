import { assertEquals, assertThrows } from "@std/assert";
import { smallTables } from "./testing.ts";
import { Tables } from "./tables.ts";

Deno.test("a worker takes its letters out in the order they were sent, and nobody else's", () => {
  const { mailboxes } = smallTables({ workers: 2, tickets: 8 });
  for (const ticket of [3, 0, 2]) mailboxes.send(1, ticket);
  assertEquals(mailboxes.take(0), -1);
  assertEquals([mailboxes.take(1), mailboxes.take(1), mailboxes.take(1), mailboxes.take(1)], [3, 0, 2, -1]);
});

Deno.test("a mailbox goes round as often as it likes", () => {
  const { mailboxes } = smallTables({ workers: 1, tickets: 4 });
  for (let n = 0; n < 1_000; n++) {
    mailboxes.send(0, n % 4);
    assertEquals(mailboxes.take(0), n % 4);
  }
});

Deno.test("the bell wakes a sleeper, also one that was about to sleep", async () => {
  const { mailboxes } = smallTables({ workers: 1 });
  const seen = mailboxes.bell(0);
  mailboxes.ring(0);
  await mailboxes.awaitBell(0, seen);
  // A sleeper alone does not keep the event loop going.
  const awake = setTimeout(() => {}, 60_000);
  const sleeping = mailboxes.awaitBell(0, mailboxes.bell(0));
  mailboxes.send(0, 1);
  await sleeping;
  clearTimeout(awake);
  assertEquals(mailboxes.take(0), 1);
});

Deno.test("threads attach to one buffer: tickets are shared out, and what one does another sees", () => {
  const first = smallTables({ workers: 2, tickets: 8 });
  const second = new Tables(first.capacity, { buffer: first.buffer, worker: 1 });
  const mine = first.tickets.take(0), theirs = second.tickets.take(0);
  assertEquals([first.workerOf(mine), first.workerOf(theirs)], [0, 1]);
  second.queue.push(0, theirs);
  assertEquals(first.functions.waiting(0), 1);
  assertEquals(second.tickets.take(0) >= 4, true);
  assertThrows(
    () => new Tables({ ...first.capacity, tickets: 9 }, { buffer: first.buffer }),
    Error,
    "another capacity",
  );
});

Deno.test("what the header says of the largest node is no hint of where nodes are", () => {
  const tables = smallTables();
  tables.largestNodeKiB = 2 ** 30 - 1;
  tables.nodes.reserve(0, 2 ** 30 - 1);
  assertEquals([tables.largestNodeKiB, tables.placement.find(4)], [2 ** 30 - 1, -1]);
  tables.checkInvariants((node) => node === 0 ? 2 ** 30 - 1 : 0);
  tables.largestNodeKiB = 0;
  tables.nodes.release(0, 2 ** 30 - 1);
  assertEquals(tables.placement.find(4), 0);
});
