/** The interface every policy implements: pure decisions from a read-only view. Nothing here does anything. */

export interface Policy {
  readonly name: string;
  /** How many containers of the function to start now, for those who wait and for the configured minimum. */
  containersToStart(demand: FunctionDemand): number;
  /** Whether a warm container with nothing in flight is worth its memory. */
  keepContainer(idle: IdleContainer): boolean;
  /** Whether a node without containers is worth holding. */
  keepNode(idle: IdleNode): boolean;
  /**
   * Which idle containers to remove so that one node gets room, or nothing where no node can. Answers indexes into one
   * candidate's `idle`.
   */
  makeRoom(needKiB: number, candidates: readonly RoomCandidate[]): Eviction | undefined;
}

export interface FunctionDemand {
  readonly waiting: number;
  /** Invocations one container takes at once. */
  readonly concurrency: number;
  /** Containers being started. */
  readonly starting: number;
  /** Containers warm now, busy ones included. */
  readonly warm: number;
}

export interface IdleContainer {
  readonly idleMs: number;
  /** Warm containers of the function, this one included. */
  readonly warm: number;
}

export interface IdleNode {
  readonly idleMs: number;
  /** Nodes held, this one included. */
  readonly nodes: number;
}

/** A node that would have room if some of its idle containers went. */
export interface RoomCandidate {
  readonly freeKiB: number;
  readonly idle: readonly { readonly idleMs: number; readonly kib: number }[];
}

export interface Eviction {
  readonly candidate: number;
  readonly containers: readonly number[];
}
