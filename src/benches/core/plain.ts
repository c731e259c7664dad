/** What people build without shared memory: the same operations on plain maps, in one thread. */
import { LIMIT } from "./sizes.ts";

interface PlainContainer {
  readonly functionSlot: number;
  readonly limit: number;
  inFlight: number;
}

/** Acquire and release on plain maps: one thread only, nothing awaited. */
export class PlainScheduler {
  private readonly leases = new Map<string, PlainContainer>();
  private readonly functions = new Map<number, PlainContainer[]>();

  constructor(functions: number, containers: number, limit: number = LIMIT) {
    for (let slot = 0; slot < containers; slot++) {
      const functionSlot = slot % functions;
      const of = this.functions.get(functionSlot) ?? [];
      of.push({ functionSlot, limit, inFlight: 0 });
      this.functions.set(functionSlot, of);
    }
  }

  /** Takes a permit for a request; false where none is free or the request has one. */
  acquire(id: string, functionSlot: number): boolean {
    if (this.leases.has(id)) return false;
    const container = this.functions.get(functionSlot)?.find((c) => c.inFlight < c.limit);
    if (!container) return false;
    container.inFlight++;
    this.leases.set(id, container);
    return true;
  }

  /** Gives the permit of a request back; false where it has none. */
  release(id: string): boolean {
    const container = this.leases.get(id);
    if (!container) return false;
    this.leases.delete(id);
    container.inFlight--;
    return true;
  }
}

/** The same behind a mutex made of a chain of promises. */
export class MutexScheduler {
  private tail: Promise<void> = Promise.resolve();

  constructor(private readonly plain: PlainScheduler) {}

  acquire(id: string, functionSlot: number): Promise<boolean> {
    return this.locked(() => this.plain.acquire(id, functionSlot));
  }
  release(id: string): Promise<boolean> {
    return this.locked(() => this.plain.release(id));
  }

  private async locked<T>(work: () => T): Promise<T> {
    const before = this.tail;
    let unlock!: () => void;
    this.tail = new Promise((resolve) => unlock = resolve);
    await before;
    try {
      return work();
    } finally {
      unlock();
    }
  }
}
