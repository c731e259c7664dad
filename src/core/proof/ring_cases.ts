/** The ring of waiters by itself: nobody is lost, none comes twice, and all come in order, at any lap. */
import { assert } from "../../base/mod.ts";
import type { Tables } from "../tables.ts";
import { windRing } from "../testing.ts";
import { type Actor, FN } from "./actor.ts";
import { ASLEEP } from "./explore.ts";
import type { Case } from "./case.ts";

/** What a thread did: tickets it put in, tickets it took out, and how often there was no place. */
interface Done {
  readonly pushed: number[];
  readonly popped: number[];
  full: number;
}

/** A thread that pushes (+) and pops (−) in this order. */
const doing = (...what: ("+" | "-")[]) => (me: Actor): Done => {
  const { tickets, queue } = me.tables;
  const done: Done = { pushed: [], popped: [], full: 0 };
  for (const one of what) {
    if (one === "-") {
      const cell = queue.pop(FN);
      if (cell >= 0) done.popped.push(ticketIn(cell));
      continue;
    }
    const ticket = tickets.take(FN);
    if (queue.push(FN, ticket)) done.pushed.push(ticket);
    else done.full++;
  }
  return done;
};
const ticketIn = (cell: number): number => cell & 0xfffff;

/** Winds the ring of 2 on to `position`, and queues `tickets`, the first `dead` of them cancelled. */
const wound = (position: number, tickets: number, dead = 0) => (elsewhere: Actor) => {
  const { tables } = elsewhere;
  windRing(tables, FN, position);
  for (let n = 0; n < tickets; n++) {
    const ticket = tables.tickets.take(FN);
    assert(tables.queue.push(FN, ticket), "the ring is full to begin with");
    if (n < dead) tables.tickets.cancel(ticket);
  }
};

/** Tickets that `wound` queued: those of the last worker. */
function first(tables: Tables, count: number): number[] {
  return Array.from({ length: count }, (_, n) => tables.worker * (tables.tickets.size / (tables.worker + 1)) + n);
}

function check(tables: Tables, outcomes: readonly unknown[], queued: number, dead = 0): void {
  assert(!outcomes.includes(ASLEEP), "nobody sleeps here");
  const all = outcomes as Done[];
  const rest: number[] = [];
  for (let cell = tables.queue.pop(FN); cell >= 0; cell = tables.queue.pop(FN)) rest.push(ticketIn(cell));
  const takers = [...all.map((one) => one.popped), rest];
  const out = takers.flat(), into = [first(tables, queued), ...all.map((one) => one.pushed)];
  assert(new Set(out).size === out.length, `a ticket was popped twice: ${out}`);
  const lost = into.flat().filter((ticket) => !out.includes(ticket));
  // Cancelled ones may have been passed over by somebody who needed their place.
  const mayBeLost = first(tables, dead);
  assert(lost.every((ticket) => mayBeLost.includes(ticket)), `lost: ${lost}`);
  assert(out.every((ticket) => into.flat().includes(ticket)), `never queued: ${out}`);
  for (const pushed of into) {
    for (const popped of takers) {
      const order = popped.filter((ticket) => pushed.includes(ticket)).map((ticket) => pushed.indexOf(ticket));
      assert(order.every((n, i) => i === 0 || order[i - 1] < n), `out of order: ${popped}`);
    }
  }
  // The ring still works: it takes as many as it has cells, and gives them back in order.
  const { tickets, queue, capacity } = tables;
  for (let n = 0; n < capacity.ringDepth; n++) {
    const ticket = tickets.take(FN);
    assert(queue.push(FN, ticket), "an empty ring is full");
    assert(ticketIn(queue.pop(FN)) === ticket, "what went in does not come out");
    tickets.cancel(ticket);
    tickets.give(ticket);
  }
}

export const RING_CASES: readonly Case[] = [
  {
    name: "ring-empty",
    about: "push and pop of an empty ring",
    capacity: { ringDepth: 2 },
    setup: wound(0, 0),
    threads: [doing("+", "+"), doing("-", "-"), doing("+", "-")],
    check: (tables, outcomes) => check(tables, outcomes, 0),
  },
  {
    name: "ring-full",
    about: "push and pop of a full ring",
    capacity: { ringDepth: 2 },
    setup: wound(0, 2),
    threads: [doing("+", "-"), doing("-", "+"), doing("-", "+")],
    check: (tables, outcomes) => check(tables, outcomes, 2),
  },
  {
    name: "ring-dead",
    about: "push to a ring whose oldest waiter was cancelled, as others push and pop",
    capacity: { ringDepth: 2 },
    setup: wound(0, 2, 1),
    threads: [doing("+"), doing("-"), doing("+")],
    check(tables, outcomes) {
      // The dead one gives a place, or the pop does: there is one for the first push at least, and for both only if
      // the pop took the waiting one in time.
      const refused = (outcomes as Done[]).reduce((sum, { full }) => sum + full, 0);
      assert(refused <= outcomes.length - 2, "refused though there was place");
      check(tables, outcomes, 2, 1);
    },
  },
  {
    name: "ring-wrap",
    about: "the positions pass 2^32 as others push and pop",
    capacity: { ringDepth: 2 },
    setup: wound(2 ** 32 - 2, 1),
    threads: [doing("+", "-"), doing("-", "+"), doing("+", "-")],
    check: (tables, outcomes) => check(tables, outcomes, 1),
  },
];
