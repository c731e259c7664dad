import type { Clock } from "../base/mod.ts";

/** How often the node's memory is looked at while its containers may use more than there is. */
const LOOK_MS = 50;
/** The share of the memory from which on idle containers have to go: a burst needs some to go on. */
const FULL = 0.95;

/** A container as the guard sees it. */
export interface GuardedContainer {
  readonly memoryBytes: number;
  readonly inFlight: number;
  /** Ends it at once, and what runs in it as out of memory. */
  stop(): void;
}

export interface MemoryGuardParts {
  readonly clock: Clock;
  /** What all containers together may hold, and what they hold now; those that are about to end do not count. */
  readonly memoryBytes: number;
  usedBytes(): number;
  /** Whether they may use more than there is. */
  isOvercommitted(): boolean;
  /** Those that can be stopped. */
  containers(): GuardedContainer[];
}

/**
 * Keeps an overcommitted node from running out of memory. Nearly full, it loses idle containers, the largest first: no
 * invocation notices. Beyond its memory, where the kernel did not see to it before, it loses the largest container.
 */
export class MemoryGuard {
  #cancel?: () => void;

  constructor(private readonly parts: MemoryGuardParts) {}

  /** Looks from now on, for as long as the node is overcommitted. */
  watch(): void {
    if (this.#cancel || !this.parts.isOvercommitted()) return;
    this.#cancel = this.parts.clock.after(LOOK_MS, () => {
      this.#cancel = undefined;
      this.#look();
      this.watch();
    });
  }

  close(): void {
    this.#cancel?.();
  }

  #look(): void {
    const { memoryBytes, usedBytes, containers } = this.parts;
    let used = usedBytes();
    if (used <= FULL * memoryBytes) return;
    const largestFirst = containers().sort((a, b) => b.memoryBytes - a.memoryBytes);
    for (const one of largestFirst) {
      if (used <= FULL * memoryBytes) return;
      if (one.inFlight > 0) continue;
      one.stop();
      used -= one.memoryBytes;
    }
    if (used > memoryBytes) largestFirst.find(({ inFlight }) => inFlight > 0)?.stop();
  }
}
