/**
 * The node table: who has how much memory free. Words of a slot:
 *
 * | word | what                                       | written by                     | read by    |
 * |------|--------------------------------------------|--------------------------------|------------|
 * | 0    | room: free KiB << 1, bit 0 = may place     | anyone, by CAS                 | anyone     |
 * | 1    | generation                                 | controller                     | anyone     |
 * | 2    | phase                                      | controller                     | anyone     |
 * | 3    | capacity in KiB                            | controller                     | controller |
 * | 4    | containers not yet removed                 | controller                     | controller |
 * | 5    | CPU load in hundredths of a percent        | controller, from stats         | policy     |
 * | 6    | idle since, wrapped milliseconds           | controller                     | controller |
 * | 8    | when it joined, wrapped milliseconds       | controller                     | anyone     |
 * | 9    | milliseconds that its reservation took     | controller                     | anyone     |
 * | 7    | class it is filed under + 1, 0 = none      | whoever files it (a hint)      | same       |
 *
 * Publication: `join` fills 1 to 6 and then stores word 0, which alone lets `reserve` succeed. A room word read stale
 * makes a CAS fail and be tried again, never a wrong grant. Free memory and the may-place bit share the word, so a
 * node that drains cannot be reserved on by someone who looked a moment before. No generation fits beside them: a slot
 * is only recycled from (free = capacity, may-place = 0), and `reserve` reads the generation again after its CAS.
 */
import { assert, assertInteger } from "../base/mod.ts";
import { NODE_WORDS } from "./layout.ts";
import type { PlacementIndex } from "./placement.ts";

export const NodePhase = { free: 0, joining: 1, ready: 2, draining: 3, lost: 4 } as const;
export type NodePhase = (typeof NodePhase)[keyof typeof NodePhase];

const ROOM = 0,
  GENERATION = 1,
  PHASE = 2,
  CAPACITY = 3,
  CONTAINERS = 4,
  CPU = 5,
  IDLE_SINCE = 6,
  JOINED = 8,
  RESERVE = 9;

/** The largest node: 30 bits of KiB, just under 1 TiB. */
export const NODE_KIB_MAX = 2 ** 30 - 1;

export class NodeTable {
  /** Nodes that take containers. Controller only, so it lives on its heap. */
  private openCount = 0;

  constructor(
    private readonly words: Int32Array,
    private readonly base: number,
    readonly size: number,
    private readonly index: PlacementIndex,
  ) {}

  /** Makes a free slot a node with `capacityKiB` free that takes no containers yet. Controller only. */
  join(slot: number, capacityKiB: number, nowMs: number): void {
    assertInteger(capacityKiB, 1, NODE_KIB_MAX, "capacityKiB");
    const at = this.at(slot);
    assert(Atomics.load(this.words, at + PHASE) === NodePhase.free, `node slot ${slot} is taken`);
    Atomics.store(this.words, at + GENERATION, (this.words[at + GENERATION] + 1) | 0);
    Atomics.store(this.words, at + CAPACITY, capacityKiB);
    Atomics.store(this.words, at + CONTAINERS, 0);
    Atomics.store(this.words, at + CPU, 0);
    Atomics.store(this.words, at + IDLE_SINCE, nowMs | 0);
    Atomics.store(this.words, at + PHASE, NodePhase.joining);
    Atomics.store(this.words, at + ROOM, capacityKiB << 1);
  }

  /** Notes how long the reservation took that ended with `join`. Controller only. */
  setReservation(slot: number, joinedMs: number, reserveMs: number): void {
    Atomics.store(this.words, this.at(slot) + JOINED, joinedMs | 0);
    Atomics.store(this.words, this.at(slot) + RESERVE, Math.round(reserveMs));
  }

  /** Another one for each node that joined in this slot. */
  generation(slot: number): number {
    return Atomics.load(this.words, this.at(slot) + GENERATION);
  }

  /** Milliseconds since it joined; right for 24 days. */
  heldMs(slot: number, nowMs: number): number {
    return ((nowMs | 0) - Atomics.load(this.words, this.at(slot) + JOINED)) | 0;
  }

  /** Milliseconds of the node's reservation that somebody waited through who came at `sinceMs`. */
  reservedWithin(slot: number, sinceMs: number): number {
    const at = this.at(slot);
    const after = (Atomics.load(this.words, at + JOINED) - (sinceMs | 0)) | 0;
    return Math.min(Atomics.load(this.words, at + RESERVE), Math.max(0, after));
  }

  /** Lets containers be placed on the node. Controller only. */
  open(slot: number): void {
    const at = this.at(slot);
    Atomics.store(this.words, at + PHASE, NodePhase.ready);
    if ((Atomics.or(this.words, at + ROOM, 1) & 1) === 0) this.openCount++;
    this.index.file(slot, this.freeKiB(slot));
  }

  /** Stops placing on the node; what runs there goes on. Controller only. */
  shut(slot: number, phase: NodePhase): void {
    const at = this.at(slot);
    Atomics.store(this.words, at + PHASE, phase);
    if ((Atomics.and(this.words, at + ROOM, ~1) & 1) === 1) this.openCount--;
    this.index.unfile(slot);
  }

  /**
   * Stops placing on the node only if nothing at all is reserved on it; false where something is. Controller only.
   *
   *     if room = (capacity, may place): room := (capacity, may not place)
   */
  shutIfEmpty(slot: number): boolean {
    const at = this.at(slot);
    const empty = this.words[at + CAPACITY] << 1;
    if (Atomics.compareExchange(this.words, at + ROOM, empty | 1, empty) !== (empty | 1)) return false;
    this.openCount--;
    Atomics.store(this.words, at + PHASE, NodePhase.draining);
    this.index.unfile(slot);
    return true;
  }

  /** Gives the slot back, once nothing is reserved on it and nothing may be. Controller only. */
  recycle(slot: number): void {
    const at = this.at(slot);
    const empty = this.words[at + CAPACITY] << 1;
    const found = Atomics.compareExchange(this.words, at + ROOM, empty, 0);
    assert(found === empty, `node slot ${slot} is not empty: room word ${found}`);
    Atomics.store(this.words, at + PHASE, NodePhase.free);
  }

  /**
   * Takes `kib` from the node's free memory; false where it has not that much or takes no containers. Any thread.
   *
   *     loop: room := word; if not may-place or free < kib: return false
   *           CAS word: room → room − kib, else loop
   *     generation changed: give back, return false
   */
  reserve(slot: number, kib: number): boolean {
    const at = this.at(slot);
    const generation = Atomics.load(this.words, at + GENERATION);
    for (;;) {
      const room = Atomics.load(this.words, at + ROOM);
      if ((room & 1) === 0 || (room >>> 1) < kib) return false;
      if (Atomics.compareExchange(this.words, at + ROOM, room, room - (kib << 1)) !== room) continue;
      if (Atomics.load(this.words, at + GENERATION) !== generation) {
        this.release(slot, kib);
        return false;
      }
      this.index.file(slot, (room >>> 1) - kib);
      return true;
    }
  }

  /** Gives `kib` back to the node's free memory. Any thread. */
  release(slot: number, kib: number): void {
    const at = this.at(slot);
    const capacityBefore = this.words[at + CAPACITY];
    const before = Atomics.add(this.words, at + ROOM, kib << 1);
    const freeKiB = (before >>> 1) + kib;
    // The controller may resize the node around the add: one of the two capacities had place for it.
    assert(
      freeKiB <= Math.max(capacityBefore, this.words[at + CAPACITY]),
      `node slot ${slot} got back more memory than it has`,
    );
    if (before & 1) this.index.file(slot, freeKiB);
  }

  /**
   * Takes `kib` whether or not there is room for it or the node takes containers: for what is known to run there
   * already. Returns what fitted; the caller accounts for the rest as drift. Controller only.
   */
  adopt(slot: number, kib: number): number {
    const at = this.at(slot);
    for (;;) {
      const room = Atomics.load(this.words, at + ROOM);
      const taken = Math.min(kib, room >>> 1);
      if (Atomics.compareExchange(this.words, at + ROOM, room, room - (taken << 1)) !== room) continue;
      if (room & 1) this.index.file(slot, (room >>> 1) - taken);
      return taken;
    }
  }

  /**
   * Changes the capacity, and free memory by as much; a node that shrinks below what runs on it keeps the missing part
   * in its capacity. Returns the capacity it has now. Controller only.
   */
  resize(slot: number, capacityKiB: number): number {
    assertInteger(capacityKiB, 1, NODE_KIB_MAX, "capacityKiB");
    const at = this.at(slot);
    const before = this.words[at + CAPACITY];
    if (capacityKiB >= before) {
      Atomics.store(this.words, at + CAPACITY, capacityKiB);
      this.release(slot, capacityKiB - before);
      return capacityKiB;
    }
    const taken = this.adopt(slot, before - capacityKiB);
    Atomics.store(this.words, at + CAPACITY, before - taken);
    return before - taken;
  }

  setLoad(slot: number, cpuPct: number): void {
    Atomics.store(this.words, this.at(slot) + CPU, Math.round(cpuPct * 100));
  }

  /** CPU load from the last stats, in percent of all its processors. */
  cpuPct(slot: number): number {
    return Atomics.load(this.words, this.at(slot) + CPU) / 100;
  }

  /** Counts a container in or out; the moment the last one goes is the start of the node's idleness. */
  countContainers(slot: number, by: 1 | -1, nowMs: number): void {
    const at = this.at(slot);
    const containers = Atomics.add(this.words, at + CONTAINERS, by) + by;
    assert(containers >= 0, `node slot ${slot} has ${containers} containers`);
    Atomics.store(this.words, at + IDLE_SINCE, nowMs | 0);
  }

  /** Nodes that take containers. Controller only. */
  get takingContainers(): number {
    return this.openCount;
  }
  freeKiB(slot: number): number {
    return Atomics.load(this.words, this.at(slot) + ROOM) >>> 1;
  }
  mayPlace(slot: number): boolean {
    return (Atomics.load(this.words, this.at(slot) + ROOM) & 1) === 1;
  }
  capacityKiB(slot: number): number {
    return Atomics.load(this.words, this.at(slot) + CAPACITY);
  }
  phase(slot: number): NodePhase {
    return Atomics.load(this.words, this.at(slot) + PHASE) as NodePhase;
  }
  containers(slot: number): number {
    return Atomics.load(this.words, this.at(slot) + CONTAINERS);
  }
  /** Milliseconds since the node's last change of containers; meaningful while it has none. */
  idleMs(slot: number, nowMs: number): number {
    return ((nowMs | 0) - Atomics.load(this.words, this.at(slot) + IDLE_SINCE)) | 0;
  }

  /** A slot that is no node, or −1. Controller only. */
  findFree(): number {
    for (let slot = 0; slot < this.size; slot++) if (this.phase(slot) === NodePhase.free) return slot;
    return -1;
  }

  private at(slot: number): number {
    return this.base + slot * NODE_WORDS;
  }
}
