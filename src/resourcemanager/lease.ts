import { assert } from "../base/mod.ts";

/** Released leases that are remembered; what is older is forgotten. */
export const RELEASED_KEPT_MAX = 1_000;

/** A node as it is handed out. Times are milliseconds since the Unix epoch. */
export interface NodeLease {
  readonly nodeId: string;
  readonly address: string;
  readonly port: number;
  /** What containers may use, in all. */
  readonly memoryBytes: number;
  readonly reservedAtMs: number;
  /** 0 while it is held. */
  readonly releasedAtMs: number;
}

/** The leases that ended, the latest last. */
export class LeaseHistory {
  readonly #leases: NodeLease[] = [];

  add(lease: NodeLease): void {
    assert(lease.releasedAtMs > 0, "only an ended lease is history");
    this.#leases.push(lease);
    if (this.#leases.length > RELEASED_KEPT_MAX) this.#leases.shift();
  }

  list(): readonly NodeLease[] {
    return this.#leases;
  }
}
