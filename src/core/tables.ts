/** All tables over one buffer, and what must hold across them. */
import { assert, assertInteger } from "../base/mod.ts";
import { ContainerPhase, hasRoom } from "./claim.ts";
import { ContainerTable } from "./containers.ts";
import { CounterTable } from "./counters.ts";
import { DecisionRings } from "./decisions.ts";
import { FunctionTable } from "./functions.ts";
import { type Capacity, DECISIONS_DEFAULT, FACT_WORDS, layoutOf, NAME_WORDS } from "./layout.ts";
import { LeaseState, LeaseTable } from "./leases.ts";
import { Mailboxes } from "./mailboxes.ts";
import { NodePhase, NodeTable } from "./nodes.ts";
import { PlacementIndex } from "./placement.ts";
import { WaitQueue } from "./queue.ts";
import { RunRings } from "./runs.ts";
import { TextTable } from "./texts.ts";
import { TicketTable } from "./tickets.ts";

/** Word of the header, on a line of its own: 0 to 3 are the placement index's. */
const LARGEST_NODE = 16;

export class Tables {
  readonly buffer: SharedArrayBuffer;
  readonly placement: PlacementIndex;
  readonly nodes: NodeTable;
  readonly containers: ContainerTable;
  readonly functions: FunctionTable;
  readonly leases: LeaseTable;
  readonly tickets: TicketTable;
  readonly queue: WaitQueue;
  readonly mailboxes: Mailboxes;
  readonly decisions: DecisionRings;
  readonly runs: RunRings;
  readonly counters: CounterTable;
  /** Container ids. */
  readonly names: TextTable;
  /** What a grant tells of its node. */
  readonly facts: TextTable;
  private readonly words: Int32Array;
  private readonly header: number;
  /** Which of the threads this is; 0 is the controller's. */
  readonly worker: number;

  /**
   * Tables over a new buffer, all empty; or another thread's view of `buffer`, which must have been made for the same
   * capacity.
   */
  constructor(readonly capacity: Capacity, attach: { buffer?: SharedArrayBuffer; worker?: number } = {}) {
    const layout = layoutOf(capacity);
    const { workers = 1, decisions = DECISIONS_DEFAULT } = capacity;
    this.worker = attach.worker ?? 0;
    assertInteger(this.worker, 0, workers - 1, "worker");
    this.buffer = attach.buffer ?? new SharedArrayBuffer(layout.words * 4);
    assert(this.buffer.byteLength === layout.words * 4, "the buffer was made for another capacity");
    const words = this.words = new Int32Array(this.buffer);
    this.header = layout.header;
    this.placement = new PlacementIndex(words, layout, capacity.nodes);
    this.nodes = new NodeTable(words, layout.nodes, capacity.nodes, this.placement);
    this.containers = new ContainerTable(words, layout.containers, capacity.containers);
    this.functions = new FunctionTable(
      words,
      layout.functions,
      capacity.functions,
      layout.chunks,
      layout.chunkCount,
      this.containers,
    );
    this.leases = new LeaseTable(words, layout.leases, capacity.leases, this.worker);
    const share = Math.floor(capacity.tickets / workers);
    const from = this.worker * share;
    this.tickets = new TicketTable(words, layout.tickets, from, from + share, capacity.tickets);
    this.mailboxes = new Mailboxes(words, layout.mailboxes, layout.mailboxCells);
    this.decisions = new DecisionRings(words, layout.decisions, decisions, workers, this.worker);
    this.runs = new RunRings(words, layout.runs, decisions, workers, this.worker);
    this.counters = new CounterTable(words, layout.counters, workers, this.worker);
    this.names = new TextTable(words, layout.names, NAME_WORDS);
    this.facts = new TextTable(words, layout.facts, FACT_WORDS);
    this.queue = new WaitQueue(
      words,
      layout.rings,
      capacity.ringDepth,
      this.functions,
      this.containers,
      this.tickets,
    );
  }

  /** Memory of the largest node there can be, in KiB; 0 while that is not known. The controller sets it. */
  get largestNodeKiB(): number {
    return Atomics.load(this.words, this.header + LARGEST_NODE);
  }
  set largestNodeKiB(kib: number) {
    Atomics.store(this.words, this.header + LARGEST_NODE, kib);
  }

  /** The worker that a ticket belongs to. */
  workerOf(ticket: number): number {
    return Math.floor(ticket / Math.floor(this.capacity.tickets / (this.capacity.workers ?? 1)));
  }

  /**
   * Takes over what a worker left that is gone: fails its waiting tickets, gives permits that were granted to it on to
   * other waiters (`deliver`), frees the leases it was getting. False where a grant is still on its way to its mailbox:
   * then call it again. Controller only, and only after the worker has said that it does nothing any more; until it is
   * true no other may be started in its place. `lost` is told of every ticket, and of the container it was granted (−1:
   * it waited).
   */
  sweep(
    worker: number,
    nowMs: number,
    deliver: (ticket: number) => void,
    lost: (ticket: number, container: number) => void = () => {},
  ): boolean {
    assert(worker !== this.worker, "a worker cannot be swept by itself");
    const share = Math.floor(this.capacity.tickets / (this.capacity.workers ?? 1));
    // First, so that nothing more is granted to it and what is in its mailbox, or on its way there, is all there is.
    const granted = this.tickets.sweep(worker * share, (worker + 1) * share, (ticket, functionSlot) => {
      this.functions.addWaiting(functionSlot, -1);
      lost(ticket, -1);
    });
    let taken = 0;
    for (let ticket = this.mailboxes.take(worker); ticket >= 0; ticket = this.mailboxes.take(worker)) {
      const container = this.tickets.grantedContainer(ticket);
      const functionSlot = this.containers.functionSlot(container);
      lost(ticket, container);
      this.tickets.give(ticket);
      this.queue.putBack(functionSlot, container, nowMs);
      this.queue.match(functionSlot, nowMs, deliver);
      taken++;
    }
    if (taken < granted) return false;
    this.leases.sweep(worker);
    this.offerAgain(nowMs, deliver);
    return true;
  }

  /** A thread that ended between clearing a hint and its second look leaves a container with room that nobody sees. */
  private offerAgain(nowMs: number, deliver: (ticket: number) => void): void {
    for (let slot = 0; slot < this.capacity.containers; slot++) {
      if (!hasRoom(this.containers.claimWord(slot))) continue;
      const functionSlot = this.containers.functionSlot(slot);
      this.functions.offer(functionSlot, this.containers.rank(slot));
      this.queue.match(functionSlot, nowMs, deliver);
    }
  }

  /**
   * Throws unless everything adds up; call it while nobody is mid-operation. `pendingKiB` is memory reserved on a node
   * for a container that has no slot yet.
   */
  checkInvariants(pendingKiB: (node: number) => number = () => 0): void {
    const takenKiB = new Float64Array(this.capacity.nodes);
    const leases = new Int32Array(this.capacity.containers);
    for (let slot = 0; slot < this.capacity.containers; slot++) {
      if (this.containers.phase(slot) === ContainerPhase.free) continue;
      takenKiB[this.containers.nodeSlot(slot)] += this.containers.kib(slot);
    }
    for (let node = 0; node < this.capacity.nodes; node++) {
      if (this.nodes.phase(node) === NodePhase.free) continue;
      const free = this.nodes.freeKiB(node), capacity = this.nodes.capacityKiB(node);
      const sum = free + takenKiB[node] + pendingKiB(node);
      assert(sum === capacity, `node slot ${node}: ${free} free + ${takenKiB[node]} taken is not ${capacity} KiB`);
    }
    for (let index = 0; index < this.leases.size; index++) {
      if (this.leases.state(index) !== LeaseState.live) continue;
      const slot = this.leases.containerSlot(index);
      const current = this.containers.generation(slot) === this.leases.containerGeneration(index);
      assert(current, `lease ${index} names a container that is gone`);
      leases[slot]++;
    }
    // A permit granted to a waiter is under way to it: its lease is made live when the letter arrives.
    this.tickets.countGranted(leases);
    for (let slot = 0; slot < this.capacity.containers; slot++) {
      const inFlight = this.containers.inFlight(slot);
      assert(leases[slot] === inFlight, `container slot ${slot}: ${inFlight} in flight, ${leases[slot]} leases`);
    }
    const waiting = new Int32Array(this.capacity.functions);
    this.tickets.countWaiting(waiting);
    for (let slot = 0; slot < this.capacity.functions; slot++) {
      const counted = this.functions.inUse(slot) ? this.functions.waiting(slot) : 0;
      assert(counted === waiting[slot], `function slot ${slot}: ${counted} waiting, ${waiting[slot]} tickets`);
    }
    this.containers.checkInvariants();
    this.functions.checkInvariants();
    this.leases.checkInvariants();
    this.queue.checkInvariants();
    this.placement.checkInvariants();
  }
}
