/** What a case is, and how it is explored with the core loaded for it. */
import { assert } from "../../base/mod.ts";
import { ContainerPhase, inFlightOf, limitOf, phaseOf } from "../claim.ts";
import { type Capacity, CONTAINER_WORDS, FUNCTION_WORDS, type Layout, NODE_WORDS } from "../layout.ts";
import { NodePhase } from "../nodes.ts";
import type { Tables } from "../tables.ts";
import { TicketState } from "../tickets.ts";
import { Actor, FN } from "./actor.ts";
import { ASLEEP, type Exploration, explore, type Explored } from "./explore.ts";
import type { Core } from "./load.ts";

export interface Case {
  readonly name: string;
  /** Which race it is about. */
  readonly about: string;
  readonly capacity?: Partial<Capacity>;
  /** Fills the tables. `elsewhere` is a worker none of the threads is, `worker(n)` is thread n before it begins. */
  readonly setup?: (elsewhere: Actor, worker: (thread: number) => Actor) => void;
  /** What each thread does, in this order: a run with `n` threads takes the first `n`. At least two. */
  readonly threads: readonly ((me: Actor) => unknown)[];
  /** How many of the threads the tests run, where all of them take more than seconds. */
  readonly tested?: number;
  /** The highest limit that a container has or had: what came in under it may still be in flight under a lower one. */
  readonly limitMax?: number;
  /** Throws where an end is wrong; given what each thread answered, or {@linkcode ASLEEP}. */
  readonly check: (tables: Tables, outcomes: readonly unknown[]) => void;
}

const CAPACITY: Capacity = {
  nodes: 1,
  containers: 2,
  functions: 1,
  leases: 16,
  tickets: 0,
  ringDepth: 4,
  decisions: 1,
};
const TICKETS_EACH = 4;
export const NODE_KIB = 100;

/** Explores a case with `threads` threads. */
export function exploreCase(
  core: Core,
  one: Case,
  threads = one.tested ?? one.threads.length,
  options: Partial<Exploration> = {},
): Explored {
  assert(threads >= 2 && threads <= one.threads.length, `case ${one.name} has 2 to ${one.threads.length} threads`);
  const workers = one.threads.length + 1;
  const capacity: Capacity = { ...CAPACITY, tickets: workers * TICKETS_EACH, workers, ...one.capacity };
  const layout = core.layoutOf(capacity);
  const buffer = new SharedArrayBuffer(layout.words * 4);
  const elsewhere = new Actor(core, capacity, buffer, workers - 1);
  elsewhere.tables.functions.define(FN);
  elsewhere.tables.queue.reset(FN);
  elsewhere.tables.nodes.join(0, NODE_KIB, 0);
  elsewhere.tables.nodes.open(0);
  one.setup?.(elsewhere, (worker) => new Actor(core, capacity, buffer, worker));

  const endBuffer = new SharedArrayBuffer(layout.words * 4);
  const endWords = new Int32Array(endBuffer);
  const endTables = new core.Tables(capacity, { buffer: endBuffer, worker: workers - 1 });
  return explore({
    words: new Int32Array(buffer),
    threads: one.threads.slice(0, threads).map((thread, worker) => () =>
      thread(new Actor(core, capacity, buffer, worker))
    ),
    watch: (at, value) => watch(layout, at, value, one.limitMax),
    check(words, outcomes) {
      endWords.set(words);
      one.check(endTables, outcomes);
    },
    nameOf: (at) => nameOf(layout, at),
    ...options,
  });
}

/** What no word may ever hold, in the middle of whatever. */
function watch(layout: Layout, at: number, value: number, limitMax = 0): void {
  if (at >= layout.nodes && at < layout.classes && (at - layout.nodes) % NODE_WORDS === 0) {
    assert(value >= 0, "free memory of a node is negative");
  }
  if (at >= layout.containers && at < layout.functions && (at - layout.containers) % CONTAINER_WORDS === 0) {
    assert(value >= 0, "claim word is negative");
    assert(inFlightOf(value) <= Math.max(limitOf(value), limitMax), "more in flight than the limit");
    const runs = phaseOf(value) === ContainerPhase.warm || phaseOf(value) === ContainerPhase.draining;
    assert(runs || inFlightOf(value) === 0, "a container that is gone has something in flight");
  }
}

/**
 * What holds whenever no thread is in the middle of anything: permits held are in flight, nobody waits beside a free
 * one, every ticket has ended or belongs to a sleeper.
 */
export function checkPermits(tables: Tables, outcomes: readonly unknown[]): void {
  const held = new Map<number, number>();
  for (const slot of outcomes) if (typeof slot === "number" && slot >= 0) held.set(slot, (held.get(slot) ?? 0) + 1);
  for (let slot = 0; slot < tables.containers.size; slot++) {
    const inFlight = tables.containers.inFlight(slot), holders = held.get(slot) ?? 0;
    assert(inFlight === holders, `container ${slot}: ${inFlight} in flight, ${holders} hold a permit`);
  }
  tables.containers.checkInvariants();
  tables.functions.checkInvariants();
  const asleep = outcomes.filter((outcome) => outcome === ASLEEP).length;
  const waiting = new Int32Array(1);
  tables.tickets.countWaiting(waiting);
  assert(waiting[FN] === asleep, `${waiting[FN]} tickets wait, ${asleep} threads sleep`);
  assert(tables.functions.waiting(FN) === asleep, `${tables.functions.waiting(FN)} counted, ${asleep} sleep`);
  const words = new Int32Array(tables.buffer), { tickets } = tables;
  for (let ticket = 0; ticket < tickets.size; ticket++) {
    const state = words[stateWord(tables, ticket)] & 7;
    assert(state === TicketState.free || state === TicketState.waiting, `ticket ${ticket} ended and was not freed`);
  }
}

/** As {@linkcode checkPermits}, and nobody may be asleep. */
export function checkAllDone(tables: Tables, outcomes: readonly unknown[]): void {
  checkPermits(tables, outcomes);
  assert(!outcomes.includes(ASLEEP), "a thread sleeps for ever");
}

/** What is taken and what is free is what the node has. */
export function checkMemory({ nodes }: Tables, takenKiB: number): void {
  if (nodes.phase(0) === NodePhase.free) {
    assert(takenKiB === 0, `${takenKiB} KiB are taken of a node that is gone`);
    assert(nodes.freeKiB(0) === 0, "a node that is gone has memory");
  } else {
    const free = nodes.freeKiB(0), capacity = nodes.capacityKiB(0);
    assert(free + takenKiB === capacity, `${free} KiB free + ${takenKiB} taken is not ${capacity}`);
  }
}

/** Memory adds up, and the placement index knows the node if and only if it may be used. */
export function checkNode(tables: Tables, takenKiB: number): void {
  const { nodes, placement } = tables;
  checkMemory(tables, takenKiB);
  const found = placement.find(Math.max(1, nodes.freeKiB(0)));
  const wanted = nodes.mayPlace(0) && nodes.freeKiB(0) > 0 ? 0 : -1;
  assert(found === wanted, `the placement index finds node ${found}, not ${wanted}`);
}

function stateWord(tables: Tables, ticket: number): number {
  return (tables.tickets as unknown as { at(ticket: number): number }).at(ticket);
}

function nameOf(layout: Layout, at: number): string {
  const regions = ["nodes", "classes", "containers", "functions", "chunks", "rings", "leases", "tickets", "mailboxes"];
  const sizes: Record<string, number> = {
    nodes: NODE_WORDS,
    containers: CONTAINER_WORDS,
    functions: FUNCTION_WORDS,
    chunks: 48,
    leases: 8,
    tickets: 8,
  };
  const starts = layout as unknown as Record<string, number>;
  const region = regions.findLast((name) => starts[name] <= at)!;
  const offset = at - starts[region], size = sizes[region];
  return size ? `${region}[${Math.floor(offset / size)}].${offset % size}` : `${region}.${offset}`;
}
