import { type CallOptions, type Clock, endsContainer, KIB, LEASE_GRACE_MS, PlatformError } from "../base/mod.ts";
import {
  ContainerPhase,
  type Hash64,
  hashText,
  inFlightOf,
  Outcome,
  phaseOf,
  type Tables,
  ticketOfCell,
} from "../core/mod.ts";
import type { ColdStart, Grant, ReleaseRequest } from "./ports.ts";

/** A function as an acquire names it. */
export interface Served {
  readonly slot: number;
  readonly spec: { readonly functionName: string; readonly timeoutMs: number };
  lastUsedMs: number;
}

/** What the dispatcher asks of those who know more than the tables, on its own thread. */
export interface Directory {
  /** What a grant of this container tells; undefined where it is gone. */
  container(slot: number): ContainerFacts | undefined;
  /** How the start went for which an acquire of that age waited. */
  coldStart(slot: number, sinceMs: number): ColdStart;
  /** What there is of a function, for the person whose acquire came too late. */
  describe(fn: Served): string;
}

export interface ContainerFacts {
  readonly containerId: string;
  readonly generation: number;
  readonly nodeId: string;
  readonly nodeAddress: string;
  readonly nodePort: number;
}

/** What the dispatcher tells the controller. */
export interface Bells {
  /** Somebody waits for a container of this function. */
  hungry(fn: Served): void;
  /** A container has nothing in flight any more and must go. */
  drained(): void;
  /** This container takes no further invocation: its grants must stop before its permit is given back. */
  broken(slot: number): void;
}

/** Told to a caller whose queue is full: about the time in which a short queue moves on. */
const QUEUE_RETRY_MS = 1_000;
/** Told to a caller whose first acquire of the same id is still under way. */
const BUSY_RETRY_MS = 100;

/** An acquire as it came in. */
interface Arrival {
  readonly fn: Served;
  readonly lease: number;
  /** Hash of its request id. */
  readonly lo: number;
  readonly hi: number;
  readonly sinceMs: number;
  /** Others that waited then, and which containers seemed to have room. */
  readonly waiting: number;
  readonly room: number;
}

interface Pending {
  readonly came: Arrival;
  readonly resolve: (grant: Grant) => void;
  readonly reject: (error: PlatformError) => void;
  /** Disarms its timer and its signal. */
  readonly disarm: () => void;
  /** Another thread had granted it when it was given up: what it gets is handed back at once. */
  abandoned?: PlatformError;
}

/**
 * Acquire and release over the tables, on one thread of several: warm they are a few atomic operations, without policy,
 * I/O or await. Grants to waiters of other threads go to their mailboxes.
 */
export class Dispatcher {
  private readonly pending = new Map<number, Pending>();
  private readonly hash: Hash64 = { lo: 0, hi: 0 };
  private readonly onGrant = (ticket: number) => this.send(ticket);

  constructor(
    private readonly tables: Tables,
    private readonly clock: Clock,
    private readonly directory: Directory,
    private readonly bells: Bells,
  ) {}

  /** A container of `fn`: at once where one has room and nobody waits before, else when one has. */
  acquire(requestId: string, fn: Served, options: CallOptions & { timeoutMs: number }): Grant | Promise<Grant> {
    const { leases, functions, queue, capacity } = this.tables;
    const nowMs = this.clock.nowMs();
    switch (leases.insert(hashText(requestId, this.hash))) {
      case "live": {
        const { found, foundLife } = leases;
        const known = this.directory.container(leases.containerSlot(found));
        // Looked at again: another thread may have ended it meanwhile.
        if (known && leases.isLive(found, foundLife)) return this.grantOf(known, 0);
        throw busy(requestId, "is ending");
      }
      case "busy":
        throw busy(requestId, "is being acquired already");
      case "full":
        throw full(`${capacity.leases} invocations are under way, the most this scheduler holds`);
    }
    const lease = leases.found;
    this.tables.counters.count("acquires");
    fn.lastUsedMs = nowMs;
    const waiting = functions.waiting(fn.slot);
    const { lo, hi } = this.hash;
    const came: Arrival = { fn, lease, lo, hi, sinceMs: nowMs, waiting, room: functions.roomHint(fn.slot) };
    const slot = queue.claim(fn.slot, nowMs, this.onGrant);
    return slot >= 0 ? this.grant(came, slot, 0) : this.wait(came, options);
  }

  /** Ends a lease; false where there was none. */
  release(request: Omit<ReleaseRequest, "errorMessage">): boolean {
    const { leases, counters, containers } = this.tables;
    const lease = leases.find(hashText(request.requestId, this.hash));
    const life = leases.foundLife;
    const slot = lease < 0 ? -1 : leases.containerSlot(lease);
    const known = slot < 0 ? undefined : this.directory.container(slot);
    if (!known || (request.containerId !== "" && request.containerId !== known.containerId)) {
      counters.count("unknownReturns");
      return false;
    }
    if (endsContainer(request.errorCode)) this.bells.broken(slot);
    const inFlight = containers.inFlight(slot), functionSlot = containers.functionSlot(slot);
    if (!this.endLease(lease, life)) return false;
    counters.count("releases");
    this.tables.runs.record(
      functionSlot,
      slot,
      known.generation,
      request.durationNanos / 1_000,
      request.maxMemoryBytes / KIB,
      request.errorCode,
      inFlight,
      this.clock.nowMs() | 0,
    );
    return true;
  }

  /**
   * Ends this life of a lease and gives its permit to the oldest waiter, or back. False where somebody else ended it.
   */
  endLease(lease: number, life: number): boolean {
    const { leases, containers } = this.tables;
    if (!leases.beginEnd(lease, life)) return false;
    const slot = leases.containerSlot(lease);
    this.putBack(containers.functionSlot(slot), slot);
    leases.end(lease);
    return true;
  }

  /** Gives a function's permits to its waiters, after a container has come or has got room. */
  match(functionSlot: number): void {
    this.tables.queue.match(functionSlot, this.clock.nowMs(), this.onGrant);
  }

  /** Takes the oldest waiter of a function out of its queue, to be bound to a start; −1 where nobody waits. */
  bindOldest(functionSlot: number): number {
    const { queue, tickets, functions } = this.tables;
    for (let cell = queue.pop(functionSlot); cell >= 0; cell = queue.pop(functionSlot)) {
      if (!tickets.bind(cell, functionSlot)) continue;
      functions.addWaiting(functionSlot, -1);
      return cell;
    }
    return -1;
  }

  /** Grants a bound waiter the permit that is held for it in `slot`; false where it is gone. */
  grantBound(cell: number, slot: number): boolean {
    if (!this.tables.tickets.grantBound(cell, slot)) return false;
    this.send(ticketOfCell(cell));
    return true;
  }

  /** Gives a permit back, to the oldest waiter where there is one. Who calls holds the permit. */
  giveBack(functionSlot: number, slot: number): void {
    this.putBack(functionSlot, slot);
  }

  /** Takes what other threads grant to this one's waiters, as it comes; asleep in between. */
  async readMail(isOpen: () => boolean): Promise<void> {
    const { mailboxes, worker } = this.tables;
    for (;;) {
      const seen = mailboxes.bell(worker);
      for (let ticket = mailboxes.take(worker); ticket >= 0; ticket = mailboxes.take(worker)) this.deliver(ticket);
      if (!isOpen()) return;
      await mailboxes.awaitBell(worker, seen);
    }
  }

  /** Gives back what a worker held that is gone; false where it must be called again. The controller's thread only. */
  sweep(worker: number): boolean {
    return this.tables.sweep(worker, this.clock.nowMs(), this.onGrant);
  }

  /** Fails all of this thread who wait for the function in `slot`, or for any. */
  failWaiting(error: PlatformError, slot?: number): void {
    for (const [ticket, pending] of [...this.pending]) {
      if (slot === undefined || pending.came.fn.slot === slot) this.cancel(ticket, error);
    }
  }

  get waiting(): number {
    return this.pending.size;
  }

  private putBack(functionSlot: number, slot: number): void {
    const { queue, functions } = this.tables;
    const claim = queue.putBack(functionSlot, slot, this.clock.nowMs());
    if (phaseOf(claim) === ContainerPhase.draining && inFlightOf(claim) === 0) this.bells.drained();
    if (functions.waiting(functionSlot) > 0) this.match(functionSlot);
  }

  private grant(came: Arrival, slot: number, queuedMs: number): Grant {
    const { leases, containers, counters } = this.tables;
    // The permit keeps the container where it is, so it is known.
    const known = this.directory.container(slot)!;
    const deadlineMs = this.clock.nowMs() + came.fn.spec.timeoutMs + LEASE_GRACE_MS;
    leases.publish(came.lease, slot, known.generation, deadlineMs);
    if (!containers.takeFresh(slot) || queuedMs === 0) {
      this.remember(came, queuedMs === 0 ? Outcome.warm : Outcome.waited, queuedMs, slot);
      return this.grantOf(known, queuedMs);
    }
    counters.count("coldStarts");
    this.remember(came, Outcome.coldStart, queuedMs, slot);
    return this.grantOf(known, queuedMs, this.directory.coldStart(slot, came.sinceMs));
  }

  private remember(came: Arrival, outcome: Outcome, waitedMs: number, slot = -1): void {
    const { decisions, containers } = this.tables;
    decisions.record(
      came,
      came.fn.slot,
      outcome,
      slot,
      slot < 0 ? 0 : containers.generation(slot),
      slot < 0 ? -1 : containers.nodeSlot(slot),
      came.waiting,
      Math.min(waitedMs * 1_000, 0x7fffffff) | 0,
      this.clock.nowMs() | 0,
      came.room,
    );
  }

  private grantOf(
    { containerId, nodeId, nodeAddress, nodePort }: ContainerFacts,
    queuedMs: number,
    coldStart?: ColdStart,
  ): Grant {
    return { nodeId, nodeAddress, nodePort, containerId, queuedMs, coldStart };
  }

  private wait(came: Arrival, options: CallOptions & { timeoutMs: number }): Promise<Grant> {
    const { tickets, queue, capacity, functions } = this.tables;
    const { fn } = came;
    if (options.signal?.aborted) throw this.refuse(came, new PlatformError("cancelled", "the caller left"));
    const expectedMs = functions.expectedWaitMs(fn.slot, came.waiting);
    if (expectedMs > options.timeoutMs) throw this.refuse(came, hopeless(fn, expectedMs, options.timeoutMs));
    const ticket = tickets.take(fn.slot);
    if (ticket < 0) {
      throw this.refuse(came, full(`${capacity.tickets} acquires wait, the most this scheduler holds`));
    }
    return new Promise((resolve, reject) => {
      const onAbort = () => this.cancel(ticket, new PlatformError("cancelled", "the caller left"));
      const disarmTimer = this.clock.after(options.timeoutMs, () => this.cancel(ticket, this.late(fn, options)));
      options.signal?.addEventListener("abort", onAbort, { once: true });
      const disarm = () => {
        disarmTimer();
        options.signal?.removeEventListener("abort", onAbort);
      };
      this.pending.set(ticket, { came, resolve, reject, disarm });
      if (!queue.push(fn.slot, ticket)) {
        tickets.cancel(ticket);
        this.settle(ticket);
        const queued = `${capacity.ringDepth} acquires of function "${fn.spec.functionName}" wait`;
        reject(this.refuse(came, full(`${queued}, the most its queue holds`)));
        return;
      }
      this.match(fn.slot);
      if (this.pending.has(ticket)) this.bells.hungry(fn);
    });
  }

  /** Gives the lease of an acquire up that cannot even wait. */
  private refuse(came: Arrival, error: PlatformError): PlatformError {
    this.tables.leases.abandon(came.lease);
    this.remember(came, Outcome.refused, 0);
    return error;
  }

  private late(fn: Served, options: { timeoutMs: number }): PlatformError {
    const within = `within ${Math.round(options.timeoutMs)} ms`;
    const text = `no container of function "${fn.spec.functionName}" was free ${within}: ${
      this.directory.describe(fn)
    }`;
    return new PlatformError("deadline_exceeded", text);
  }

  private cancel(ticket: number, error: PlatformError): void {
    const { tickets, functions, leases } = this.tables;
    const wasWaiting = tickets.cancel(ticket);
    if (!wasWaiting && !tickets.cancelBound(ticket)) {
      // Granted by another thread and on its way here; its permit is given back when it arrives.
      this.pending.get(ticket)!.abandoned ??= error;
      return;
    }
    const { came, reject } = this.settle(ticket);
    if (wasWaiting) functions.addWaiting(came.fn.slot, -1);
    leases.abandon(came.lease);
    this.remember(came, Outcome.cancelled, this.clock.nowMs() - came.sinceMs);
    reject(error);
  }

  private send(ticket: number): void {
    const worker = this.tables.workerOf(ticket);
    if (worker === this.tables.worker) this.deliver(ticket);
    else this.tables.mailboxes.send(worker, ticket);
  }

  private deliver(ticket: number): void {
    const slot = this.tables.tickets.grantedContainer(ticket);
    const { came, resolve, reject, abandoned } = this.settle(ticket);
    // A wait is never told as 0: that is what tells a cold start from a container started for somebody else.
    const grant = this.grant(came, slot, Math.max(this.clock.nowMs() - came.sinceMs, 0.001));
    if (!abandoned) return resolve(grant);
    this.endLease(came.lease, this.tables.leases.generation(came.lease));
    reject(abandoned);
  }

  private settle(ticket: number): Pending {
    const pending = this.pending.get(ticket)!;
    this.pending.delete(ticket);
    this.tables.tickets.give(ticket);
    pending.disarm();
    return pending;
  }
}

function busy(requestId: string, how: string): PlatformError {
  return new PlatformError("aborted", `request ${requestId} ${how}`, { retryAfterMs: BUSY_RETRY_MS });
}

/** Told at once instead of at its deadline; by the retry delay the queue is short enough for a call like it. */
function hopeless(fn: Served, expectedMs: number, timeoutMs: number): PlatformError {
  const message = `function "${fn.spec.functionName}" has no container free for about ${Math.round(expectedMs)} ms, ` +
    `and this acquire waits ${Math.round(timeoutMs)} ms at most`;
  return new PlatformError("resource_exhausted", message, { retryAfterMs: Math.ceil(expectedMs - timeoutMs) });
}

function full(message: string): PlatformError {
  return new PlatformError("resource_exhausted", message, { retryAfterMs: QUEUE_RETRY_MS });
}
