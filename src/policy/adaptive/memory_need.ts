import type { ContainerUsage } from "../policy.ts";

/** No run is taken to need less, in KiB. */
const OWN_KIB_MIN = 1_024;
/** Runs that say nothing against it before what they tell is taken to be their container's memory. */
const TOLD_RUNS = 50;
/** A run that tells less than this share of what an idle container holds can only have told its own. */
const OWN_SHARE = 0.5;

/** What containers hold by themselves, and whose memory callers tell: the same for all functions of a platform. */
export class ContainerMemory {
  /** The most of what functions' containers were measured to hold with nothing in flight; undefined before. */
  idleKiB: number | undefined;
  #isOwnTold = false;
  #runs = 0;

  /** A run told `kib`, its container holding `idleKiB` with nothing in flight. */
  told(kib: number, idleKiB: number): void {
    this.#runs++;
    if (kib < OWN_SHARE * idleKiB) this.#isOwnTold = true;
  }

  /** Whether what is told at the end of a run is what its container held meanwhile, all that ran in it included. */
  get isContainersTold(): boolean {
    return !this.#isOwnTold && this.#runs >= TOLD_RUNS;
  }
}

/** How much memory a function's containers need: what they hold idle, and more for each invocation. */
export class MemoryNeed {
  /** The least that was measured with nothing in flight: what was in flight a moment ago may be measured with it. */
  #leastIdleKiB = Infinity;
  /** The most that a container was measured to hold. */
  #mostKiB = 0;
  /** The most that a run told; and as a part of that for each that was in the container. */
  #toldKiB = 0;
  #toldEachKiB = 0;

  constructor(private readonly common: ContainerMemory) {}

  /** A run told `kib`, with `level` at once in its container; 0 says nothing. */
  ended(kib: number, level: number): void {
    if (kib <= 0) return;
    this.#toldKiB = Math.max(this.#toldKiB, kib);
    this.#toldEachKiB = Math.max(this.#toldEachKiB, kib / level);
    if (this.#leastIdleKiB < Infinity) this.common.told(kib, this.#leastIdleKiB);
  }

  measured({ memoryKiB, inFlight }: ContainerUsage): void {
    if (memoryKiB <= 0) return;
    this.#mostKiB = Math.max(this.#mostKiB, memoryKiB);
    if (inFlight > 0 || memoryKiB >= this.#leastIdleKiB) return;
    this.#leastIdleKiB = memoryKiB;
    this.common.idleKiB = Math.max(this.common.idleKiB ?? 0, memoryKiB);
  }

  /** Whether anything can be concluded: a run has told its memory, and idle containers were measured, any function's. */
  get isKnown(): boolean {
    return this.#toldKiB > 0 && this.common.idleKiB !== undefined;
  }

  /** What a container needs for `atOnce` invocations, in KiB. */
  needKiB(atOnce: number): number {
    const mostKiB = this.common.isContainersTold ? Math.max(this.#mostKiB, this.#toldKiB) : this.#mostKiB;
    return Math.max(mostKiB, this.#idleKiB + this.#ownKiB * atOnce);
  }

  /** Invocations at once that `kib` are enough for. */
  fitsIn(kib: number): number {
    return Math.floor((kib - this.#idleKiB) / this.#ownKiB);
  }

  get #idleKiB(): number {
    return this.#leastIdleKiB < Infinity ? this.#leastIdleKiB : this.common.idleKiB ?? 0;
  }

  get #ownKiB(): number {
    return Math.max(OWN_KIB_MIN, this.common.isContainersTold ? this.#toldEachKiB : this.#toldKiB);
  }
}
