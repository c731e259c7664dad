import { messageOf, PlatformError } from "../base/mod.ts";
import { ContainerPhase, inFlightOf, phaseOf, RANKS_PER_FUNCTION } from "../core/mod.ts";
import type { FunctionDemand } from "../policy/mod.ts";
import { chargeOn } from "./charge.ts";
import type { Context } from "./context.ts";
import { didNotHappen } from "./outcome.ts";
import { refuseTooLarge } from "./functions.ts";
import type { NodeKeeper } from "./node_keeper.ts";
import type { Remover } from "./remover.ts";
import type { ContainerRecord, FunctionRecord, NodeRecord } from "./state.ts";
import type { Shaper } from "./shaper.ts";
import { takeTurns } from "./turns.ts";

/** After a start that failed for the function's own fault: no new try for so long, twice that each time, up to 5 s. */
const BROKEN_PAUSE_MS = 200;
const BROKEN_PAUSE_MAX_MS = 5_000;
/** A node on which containers still take invocations is drained for so long at most. */
const DRAIN_MS_MAX = 15_000;
/** Draining nodes looked after on one tick. */
const EVACUATIONS_PER_TICK = 4;
/** How often a placement is tried again when the node found had no room after all. */
const PLACE_TRIES = 8;

/**
 * What came of serving a function: it wants nothing more, or has got it; it was cut off by the starts under way, after
 * some of its own or before; there was no room.
 */
export type Turn = "nothing" | "started" | "some" | "cut off" | "no room";

/** Starts containers: where, how many at once, and what follows when one does not come up. */
export class Starter {
  private underWay = 0;
  private startsMax = 0;
  private roomTriesLeft = 0;

  constructor(
    private readonly context: Context,
    private readonly nodes: NodeKeeper,
    private readonly remover: Remover,
    private readonly shaper: Shaper,
  ) {}

  /**
   * Looks at what holds for all who are served in one round. Room is asked for in vain for so many functions; after that
   * all who are left have their turn in the next.
   */
  beginRound(roomTries: number): void {
    const { policy, options } = this.context;
    this.startsMax = Math.max(1, this.nodes.readyCount) * (policy.startsPerNodeMax ?? options.startsPerNodeMax);
    this.roomTriesLeft = roomTries;
  }

  /** Whether nothing more can be started in this round, however many functions are left. */
  get isExhausted(): boolean {
    return this.underWay >= this.startsMax || this.roomTriesLeft <= 0;
  }

  /** Starts what the policy wants for `fn`; asks for room where there is none. */
  serve(fn: FunctionRecord): Turn {
    const { policy, state } = this.context;
    // What is learnt holds already; what follows from somebody waiting may be new.
    if (state.tables.functions.waiting(fn.slot) > 0) this.shaper.shape(fn);
    const demand = this.demandOf(fn);
    const isBroken = fn.startError && this.context.clock.nowMs() < fn.brokenUntilMs;
    // Where others of it run well, on a node that goes even, those who wait are served by them.
    if (isBroken && state.countPhase(fn, ContainerPhase.warm) === 0) {
      this.context.failWaiting(fn.startError!, fn);
      return "nothing";
    }
    return this.startSome(fn, demand, policy.containersToStart(demand));
  }

  private startSome(fn: FunctionRecord, demand: FunctionDemand, wanted: number, { mayAskForRoom = true } = {}): Turn {
    const { policy, state } = this.context;
    for (let n = 0; n < wanted; n++) {
      const soFar = n > 0 ? "started" : "nothing";
      if (this.context.clock.nowMs() < fn.brokenUntilMs) return soFar;
      if (this.underWay >= this.startsMax) return n > 0 ? "some" : "cut off";
      if (fn.containers.size >= RANKS_PER_FUNCTION || !state.tables.functions.hasFreeRank(fn.slot)) return soFar;
      const node = this.place(fn, demand);
      if (node === "none" || node === "another") {
        this.roomTriesLeft--;
        if (node === "none") return n > 0 ? "some" : "cut off";
        if (mayAskForRoom) this.askForRoom(fn, demand);
        return "no room";
      }
      const kib = chargeOn(fn, node);
      const record = state.addContainer(fn, fn.spec, node, kib, this.context.clock.nowMs());
      if (!record) {
        state.tables.nodes.release(node.slot, kib);
        const most = state.tables.capacity.containers;
        this.context.log.error("the container table is full", { most });
        return soFar;
      }
      if (policy.binding === "early") record.boundCell = this.bind(fn);
      const { waiting, warm } = demand;
      const why = `${waiting} waiting, ${demand.starting + n} starting, ${warm} warm`;
      this.context.history.note(fn.key, `starting a container on ${node.lease.nodeId}: ${why}`);
      this.start(record).catch((error) => this.context.log.error("a start ended badly", { error: messageOf(error) }));
    }
    return wanted > 0 ? "started" : "nothing";
  }

  /** Looks after the nodes that are being drained; of many after some, others each time. */
  evacuateSome(): void {
    for (const node of takeTurns(this.nodes.draining, EVACUATIONS_PER_TICK)) this.evacuate(node);
  }

  /**
   * Lets the containers of a draining node go, those of each function when what the policy wants of it is elsewhere:
   * nobody waits because a node goes. Where that does not come about the node is kept.
   */
  private evacuate(node: NodeRecord): void {
    const { state, policy, stopGrants, clock } = this.context;
    const { containers } = state.tables;
    const granting = [...node.containers].filter(({ slot }) => containers.phase(slot) === ContainerPhase.warm);
    for (const fn of new Set(granting.map((record) => record.function))) {
      const demand = this.demandOf(fn);
      const wanted = policy.containersToStart(demand);
      // What is held has to do.
      if (wanted > 0) this.startSome(fn, demand, wanted, { mayAskForRoom: false });
      else if (demand.starting === 0) {
        for (const record of granting) if (record.function === fn) stopGrants(record.slot);
      }
    }
    this.nodes.countLeaving(node);
    const isLate = clock.nowMs() - node.drainingSinceMs > DRAIN_MS_MAX;
    if (isLate && node.leavingKiB > 0) this.nodes.keep(node);
  }

  private demandOf(fn: FunctionRecord): FunctionDemand {
    const { state, clock } = this.context;
    const { containers, tickets, functions } = state.tables;
    let starting = 0, warm = 0, leaving = 0, inFlight = 0;
    for (const { slot, node } of fn.containers) {
      const claim = containers.claimWord(slot), phase = phaseOf(claim);
      inFlight += inFlightOf(claim);
      // What is on a node that goes is to be replaced.
      if (node.draining) {
        if (phase === ContainerPhase.warm) leaving++;
        continue;
      }
      if (phase === ContainerPhase.starting) starting++;
      if (phase === ContainerPhase.warm) warm++;
    }
    if (fn.unserved.length > 0) fn.unserved.splice(0, Infinity, ...fn.unserved.filter((cell) => tickets.isBound(cell)));
    const waiting = functions.waiting(fn.slot) + fn.unserved.length;
    const { facts, limit: concurrency, chargeKiB } = fn;
    return {
      function: facts,
      nowMs: clock.nowMs(),
      concurrency,
      chargeKiB,
      waiting,
      starting,
      warm,
      leaving,
      inFlight,
    };
  }

  /** Takes the oldest waiter for a start of its own. */
  private bind(fn: FunctionRecord): number {
    return fn.unserved.shift() ?? this.context.dispatcher.bindOldest(fn.slot);
  }

  /** A node with the memory reserved on it; else whether another would do. */
  private place(fn: FunctionRecord, demand: FunctionDemand): NodeRecord | "another" | "none" {
    const { policy } = this.context;
    if (policy.placeOn) return this.nodes.choose(fn, (nodes) => policy.placeOn!(demand, nodes, this.nodes.held));
    const { placement, nodes } = this.context.state.tables;
    let kib = fn.chargeKiB;
    for (let tries = 0; tries < PLACE_TRIES; tries++) {
      const slot = placement.find(kib);
      if (slot < 0) return "another";
      const node = this.nodes.bySlot(slot);
      if (node && nodes.reserve(slot, chargeOn(fn, node))) return node;
      // One that may be overcommitted less has no room for it: wherever all of its memory is free it fits.
      kib = fn.facts.memoryKiB;
    }
    return "another";
  }

  private askForRoom(fn: FunctionRecord, demand: FunctionDemand): void {
    const kib = fn.chargeKiB;
    const tooLarge = refuseTooLarge(this.context.state.tables, fn.spec);
    if (tooLarge) return this.context.failWaiting(tooLarge, fn);
    if (this.nodes.want(`${fn.key} needs ${Math.ceil(kib / 1024)} MiB, more than any node has free`)) return;
    // Nobody's container goes for one that nobody waits for: two functions started ahead would take turns for ever.
    if (demand.waiting > 0) this.remover.makeRoom(fn, demand);
  }

  private async start(record: ContainerRecord): Promise<void> {
    const { clock, options, newRequestId, log } = this.context;
    const { node, spec } = record;
    const { closing } = node;
    const beganMs = clock.nowMs();
    const requestId = newRequestId();
    this.underWay++;
    node.busy++;
    node.facts.starting++;
    node.changes++;
    try {
      const made = await node.port.createContainer(
        { requestId, name: spec.functionName, ownerId: options.ownerId, function: spec },
        { timeoutMs: options.createTimeoutMs, signal: closing },
      );
      const createMs = clock.nowMs() - beganMs;
      const { containers, names } = this.context.state.tables;
      if (made.containerId === "" || !names.fits(made.containerId)) {
        // Its name cannot be kept: as good as unknown, and the node's stats clear it up.
        throw new PlatformError("unavailable", `the node named the container "${made.containerId.slice(0, 200)}"`);
      }
      containers.setStart(record.slot, createMs, made.bootMs, made.importMs);
      this.context.score.started(record.function, { createMs, bootMs: made.bootMs, importMs: made.importMs });
      this.context.feed?.started(createMs);
      names.set(record.slot, made.containerId);
      record.containerId = made.containerId;
      this.context.history.note(
        record.function.key,
        `container ${made.containerId} came up in ${Math.round(createMs)} ms`,
      );
      this.onStarted(record);
    } catch (error) {
      if (closing.aborted) return;
      log.warn("a container did not start", {
        function: record.function.key,
        node: node.lease.nodeId,
        error: messageOf(error),
      });
      const failed = `a container did not start on ${node.lease.nodeId}: ${messageOf(error)}`;
      this.context.history.note(record.function.key, failed);
      this.onFailed(record, error);
    } finally {
      this.underWay--;
      node.busy--;
      node.facts.starting--;
      node.changes++;
      // Who still waits may want another one now.
      if (this.context.state.tables.functions.waiting(record.function.slot) > 0) this.context.hungry(record.function);
      this.context.wake();
    }
  }

  private onStarted(record: ContainerRecord): void {
    const { state, clock, dispatcher, policy } = this.context;
    const { function: fn } = record;
    record.upMs = clock.nowMs();
    state.counters.containersCreated++;
    fn.startFailures = 0;
    fn.startError = undefined;
    policy.started?.(fn.facts, clock.nowMs() - record.createdAtMs, clock.nowMs());
    if (record.node.gone) return this.unbind(record);
    const outdated = record.spec !== fn.spec || record.node.draining;
    const rank = outdated ? -1 : state.tables.functions.addRank(fn.slot, record.slot);
    if (rank < 0) {
      this.unbind(record);
      state.drain(record);
      return this.remover.remove(record);
    }
    const { boundCell } = record;
    record.boundCell = -1;
    const inFlight = boundCell < 0 ? 0 : 1;
    state.tables.containers.publish(record.slot, rank, fn.limit, clock.nowMs(), { fresh: true, inFlight });
    // Whoever it was started for may have left.
    if (inFlight === 1 && !dispatcher.grantBound(boundCell, record.slot)) dispatcher.giveBack(fn.slot, record.slot);
    if (inFlight < fn.limit) state.tables.functions.offer(fn.slot, rank);
    dispatcher.match(fn.slot);
  }

  /** Whom a container was started for that is no good: the next start is for it. */
  private unbind(record: ContainerRecord): void {
    if (record.boundCell < 0) return;
    record.function.unserved.push(record.boundCell);
    record.boundCell = -1;
    this.context.hungry(record.function);
  }

  private onFailed(record: ContainerRecord, error: unknown): void {
    const { state, clock } = this.context;
    const { function: fn, node } = record;
    this.unbind(record);
    if (node.gone) return;
    state.drain(record);
    if (!didNotHappen(error)) {
      // The node may or may not have it: its memory stays taken until the node's next stats tell.
      record.outcomeUnknown = true;
      return this.nodes.suspect(node);
    }
    state.dropContainer(record, clock.nowMs());
    if (error.failure || error.code === "invalid_argument" || error.code === "not_found") {
      // A version that was replaced meanwhile says nothing about the one that those who wait will get.
      if (record.spec !== fn.spec) return;
      fn.startFailures++;
      const pause = Math.min(BROKEN_PAUSE_MAX_MS, BROKEN_PAUSE_MS * 2 ** (fn.startFailures - 1));
      fn.brokenUntilMs = clock.nowMs() + pause;
      fn.startError = new PlatformError(error.code, error.message, { failure: error.failure, retryAfterMs: pause });
      // Where others of it run well, those who wait are served by them.
      if (state.countPhase(fn, ContainerPhase.warm) > 0) return;
      return this.context.failWaiting(fn.startError, fn);
    }
    // Fenced off: another scheduler's node, or one that was started anew and must be given back. Its stats tell.
    this.nodes.suspect(node);
  }
}
