/** An acquire and its release on the bare tables, as the scheduler does them, time handed in. */
import { assert } from "../../base/mod.ts";
import { type Hash64, hashText, Outcome } from "../../core/mod.ts";
import type { Tables } from "../../core/tables.ts";
import { REQUESTS } from "./sizes.ts";

/** Ids hashed before; hashed by acquire and by release; that, and a decision remembered. */
export type Mode = "hashed" | "hashing" | "remembered";

/** What a thread asks for: the ids of its requests, their hashes, and the function of each. */
export interface Requests {
  readonly ids: readonly string[];
  readonly lo: Int32Array;
  readonly hi: Int32Array;
}

export function hashedRequests(ids: readonly string[]): Requests {
  const lo = new Int32Array(ids.length), hi = new Int32Array(ids.length);
  const hash: Hash64 = { lo: 0, hi: 0 };
  ids.forEach((id, i) => {
    hashText(id, hash);
    lo[i] = hash.lo;
    hi[i] = hash.hi;
  });
  return { ids, lo, hi };
}

const NOW_MS = 1_000, DEADLINE_MS = 61_000;
const nobody = () => assert(false, "nobody waits in this bench");

/** One thread's pairs on one set of tables. */
export class Pairs {
  private readonly hash: Hash64 = { lo: 0, hi: 0 };
  private next = 0;

  constructor(
    private readonly tables: Tables,
    private readonly requests: Requests,
    private readonly functions: Int32Array,
    private readonly mode: Mode,
  ) {}

  /** Does `count` pairs. */
  run(count: number): void {
    for (let i = 0; i < count; i++) {
      const n = this.next++ & (REQUESTS - 1);
      const functionSlot = this.functions[n];
      this.acquire(n, functionSlot);
      this.release(n);
    }
  }

  private acquire(n: number, functionSlot: number): void {
    const { leases, queue, containers, functions, decisions } = this.tables;
    const hash = this.hashOf(n);
    const inserted = leases.insert(hash);
    if (inserted !== "inserted") throw new Error(`request ${n}: ${inserted}`);
    const lease = leases.found;
    const room = this.mode === "remembered" ? functions.roomHint(functionSlot) : 0;
    const slot = queue.claim(functionSlot, NOW_MS, nobody);
    if (slot < 0) throw new Error(`function slot ${functionSlot} has no permit`);
    const generation = containers.generation(slot);
    leases.publish(lease, slot, generation, DEADLINE_MS);
    const cold = containers.takeFresh(slot);
    if (this.mode !== "remembered") return;
    const outcome = cold ? Outcome.coldStart : Outcome.warm;
    const node = containers.nodeSlot(slot);
    decisions.record(hash, functionSlot, outcome, slot, generation, node, 0, 0, NOW_MS, room);
  }

  private release(n: number): void {
    const { leases, queue, containers, functions } = this.tables;
    const lease = leases.find(this.hashOf(n));
    if (lease < 0 || !leases.beginEnd(lease, leases.foundLife)) throw new Error(`request ${n} has no lease`);
    const slot = leases.containerSlot(lease);
    const functionSlot = containers.functionSlot(slot);
    queue.putBack(functionSlot, slot, NOW_MS);
    if (functions.waiting(functionSlot) > 0) queue.match(functionSlot, NOW_MS, nobody);
    leases.end(lease);
  }

  private hashOf(n: number): Hash64 {
    if (this.mode !== "hashed") return hashText(this.requests.ids[n], this.hash);
    this.hash.lo = this.requests.lo[n];
    this.hash.hi = this.requests.hi[n];
    return this.hash;
  }
}
