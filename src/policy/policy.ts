/**
 * The interface every policy implements: decisions from what it is told. Nothing here does anything: the controller
 * tells and asks, and carries out. A policy learns only from what it is told while it runs, and never a function's name.
 * All of its methods are called on the controller's thread, none of them within an acquire.
 */
import type { FailureKind } from "../base/mod.ts";

export interface Policy {
  readonly name: string;
  /**
   * What an invocation waits for that finds no room. `late`, the default: the first permit of its function, whoever
   * gives it back. `early`: the container that is started for it, where one is; the others wait as with `late`.
   */
  readonly binding?: "late" | "early";
  /** Containers being started at once, per node held; instead of the scheduler's setting. */
  readonly startsPerNodeMax?: number;
  /** Nodes held at most, where the scheduler's setting allows more. */
  readonly nodesMax?: number;

  /** An acquire was answered with a container; told soon after, in the order of answers. */
  arrived?(fn: FunctionFacts, arrival: Arrival): void;
  /** An invocation has ended; told soon after. */
  ended?(fn: FunctionFacts, run: RunFacts): void;
  /** A container came up, `startMs` after its creation began. */
  started?(fn: FunctionFacts, startMs: number, nowMs: number): void;
  /** A container's use of its node, from the node's own stats. */
  measured?(fn: FunctionFacts, usage: ContainerUsage, nowMs: number): void;
  /** A function is not known any more; its id does not come again. */
  forgotten?(fn: FunctionFacts): void;

  /**
   * How many containers of the function to start now: asked when somebody waits, again and again while somebody does,
   * and for those of {@linkcode Policy.functionsToServe}.
   */
  containersToStart(demand: FunctionDemand): number;
  /** Ids of functions for which to start containers though nobody waits: asked on every tick. */
  functionsToServe?(nowMs: number): Iterable<number>;
  /**
   * Invocations that a container of the function takes at once, 1 to its `concurrencyMax`; that many without it. Asked
   * before a start and whenever the policy was told something of the function; holds for containers that run as well.
   */
  concurrency?(fn: FunctionFacts): number;
  /**
   * How long an acquire of the function that comes now and finds no room will wait, and how much longer for each that
   * waits before it, in milliseconds. Whoever cannot wait so long is told at once, with a retry delay. Without it
   * nobody is. Asked as `concurrency` is.
   */
  expectedWait?(fn: FunctionFacts): ExpectedWait;
  /**
   * Memory that a container of the function takes of its node's account: at most what it may use, and as little as the
   * scheduler's `overcommitMax` allows. Asked as `concurrency` is.
   */
  chargeKiB?(fn: FunctionFacts): number;
  /**
   * On which of these nodes, all of which have room, to start a container, by its index; on `another`, which is reserved
   * where one is to be had; or on none at present. Of more than 32 nodes held the 16 fullest are shown.
   * Without it the fullest is found by an index.
   */
  placeOn?(demand: FunctionDemand, nodes: readonly NodeFacts[], held: HeldNodes): number | "another" | "none";
  /** Whether a warm container with nothing in flight is worth its memory: asked on every tick; of many functions in turn. */
  keepContainer(idle: IdleContainer): boolean;
  /** Whether a node without containers is worth holding. */
  keepNode(idle: IdleNode): boolean;
  /**
   * Which idle containers to remove so that one node gets room, or nothing where no node can. Answers indexes into one
   * candidate's `idle`. Of more than 32 nodes held some are candidates, others each time. `demand` is of the function
   * that needs it.
   */
  makeRoom(needKiB: number, candidates: readonly RoomCandidate[], demand: FunctionDemand): Eviction | undefined;
  /** Nodes to hold, needed or not: asked on every tick. 0 without it. */
  nodesWanted?(cluster: ClusterFacts): number;
  /**
   * Which node to give up, by its index, or −1: nothing more is placed on it, what `containersToStart` wants is started
   * elsewhere, then its containers take no more invocations, and it is released after the last one. Asked on every tick,
   * but not soon after one more was wanted.
   */
  nodeToDrain?(cluster: ClusterFacts): number;
}

/** What a policy may know of a function. The same object as long as its configuration stays the same. */
export interface FunctionFacts {
  /** A whole number from 0, another one for every function that is or was known. */
  readonly id: number;
  /** What a container of it may use. */
  readonly memoryKiB: number;
  readonly timeoutMs: number;
  /** Invocations that its owner allows in one container at once. */
  readonly concurrencyMax: number;
}

export interface ExpectedWait {
  readonly waitMs: number;
  readonly eachMs: number;
}

export interface Arrival {
  /** When the acquire came. */
  readonly atMs: number;
  readonly waitedMs: number;
  /** Acquires of the function that waited when it came. */
  readonly waitingBefore: number;
  /** Whether it was the first in a container that was started for somebody who waited. */
  readonly isCold: boolean;
}

export interface RunFacts {
  /** When its return came. */
  readonly atMs: number;
  readonly durationMs: number;
  /**
   * As its caller told it. From our own node agents: the most that its whole container held while it ran, which is what
   * an idle one holds (about 10 MiB of Deno), what is left of runs before it until V8 collects it, and all runs beside
   * it. By control groups without the pages of Deno's own file, which containers share; 0 where nothing measures it.
   * Where a group's peak cannot be set back (version 2), the most since the container came up.
   */
  readonly memoryKiB: number;
  /** Missing after a good run. */
  readonly failure?: FailureKind;
  /** Invocations in its container when it was returned, itself included. */
  readonly inFlight: number;
  /** Which container; no number comes twice. */
  readonly container: number;
}

export interface ContainerUsage {
  /** What the whole container holds now, garbage of runs before included, without pages that can be taken back at once. */
  readonly memoryKiB: number;
  /**
   * Processor time as a percentage of one processor, its quota being `VCPU_PER_GIB` per GiB of what it may use: 8.4 for
   * 128 MiB that compute all the time. Without the container's start; in steps of 10 ms.
   */
  readonly cpuPct: number;
  /**
   * The time that `cpuPct` covers, in milliseconds: since the node was asked before, or since the container came up. What
   * a container used while it did nothing, which is not told, is counted as used then.
   */
  readonly coversMs?: number;
  /** Invocations that had been granted it when the node's answer came: not quite the moment it was measured at. */
  readonly inFlight: number;
  readonly container: number;
}

export interface FunctionDemand {
  readonly function: FunctionFacts;
  readonly nowMs: number;
  /** Acquires that wait, without those that have been bound to a container being started. */
  readonly waiting: number;
  /** Invocations one container takes at once. */
  readonly concurrency: number;
  /** What one container is charged of its node's memory, within what the scheduler's setting allows. */
  readonly chargeKiB: number;
  /** Containers being started. */
  readonly starting: number;
  /** Containers warm now, busy ones included, without those on nodes that are being drained. */
  readonly warm: number;
  /** Containers warm on nodes that are being drained: they serve until what is wanted is elsewhere. */
  readonly leaving: number;
  /** Invocations running in them. */
  readonly inFlight: number;
}

export interface IdleContainer {
  readonly function: FunctionFacts;
  readonly nowMs: number;
  readonly idleMs: number;
  /** Warm containers of the function, this one included. */
  readonly warm: number;
  /** Containers of the function on its node, this one included, and nodes held. */
  readonly onNode: number;
  readonly nodes: number;
}

export interface IdleNode {
  readonly idleMs: number;
  /** Nodes held, this one included. */
  readonly nodes: number;
}

/** A node that would have room if some of its idle containers went. */
export interface RoomCandidate {
  readonly freeKiB: number;
  readonly idle: readonly RoomContainer[];
}

export interface RoomContainer {
  readonly function: FunctionFacts;
  readonly idleMs: number;
  readonly kib: number;
}

export interface Eviction {
  readonly candidate: number;
  readonly containers: readonly number[];
}

/** The nodes held, in the order of their reservation, without those being drained. */
export interface ClusterFacts {
  readonly nowMs: number;
  readonly nodes: readonly NodeFacts[];
  /** Charged for what is still to be replaced from nodes that are being drained. */
  readonly leavingKiB: number;
}

/** All nodes, those without room as well. */
export interface HeldNodes {
  /** Held, without those being drained. */
  readonly count: number;
  /** Whether one more is to be had, as far as is known. */
  readonly mayReserve: boolean;
}

export interface NodeFacts {
  readonly capacityKiB: number;
  readonly freeKiB: number;
  /** Containers on it, starting ones included; and those of the function in question, where there is one. */
  readonly containers: number;
  /** Containers being started on it: starts crowd one another. */
  readonly starting: number;
  readonly ofFunction: number;
  /** Invocations running on it. */
  readonly inFlight: number;
  /** From its last stats, in percent of all its processors. */
  readonly cpuPct: number;
  /** Since it was reserved. */
  readonly heldMs: number;
}
