import type { Row } from "../../base/mod.ts";
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

/**
 * Cells, all in KiB: the least that was measured with nothing in flight (what was in flight a moment ago may be measured
 * with it), the most that a container was measured to hold, the most that a run told, and as a part of that for each that
 * was in the container.
 */
const LEAST_IDLE = 0, MOST = 1, TOLD = 2, TOLD_EACH = 3;
export const MEMORY_CELLS = 4;

/** How much memory a function's containers need: what they hold idle, and more for each invocation. */
export class MemoryNeed {
  readonly #cells: Float64Array;
  readonly #at: number;

  constructor({ cells, at }: Row, private readonly common: ContainerMemory) {
    this.#cells = cells;
    this.#at = at;
    cells.fill(0, at, at + MEMORY_CELLS);
    cells[at + LEAST_IDLE] = Infinity;
  }

  /** A run told `kib`, with `level` at once in its container; 0 says nothing. */
  ended(kib: number, level: number): void {
    if (kib <= 0) return;
    const cells = this.#cells, at = this.#at;
    cells[at + TOLD] = Math.max(cells[at + TOLD], kib);
    cells[at + TOLD_EACH] = Math.max(cells[at + TOLD_EACH], kib / level);
    if (cells[at + LEAST_IDLE] < Infinity) this.common.told(kib, cells[at + LEAST_IDLE]);
  }

  measured({ memoryKiB, inFlight }: ContainerUsage): void {
    if (memoryKiB <= 0) return;
    const cells = this.#cells, at = this.#at;
    cells[at + MOST] = Math.max(cells[at + MOST], memoryKiB);
    if (inFlight > 0 || memoryKiB >= cells[at + LEAST_IDLE]) return;
    cells[at + LEAST_IDLE] = memoryKiB;
    this.common.idleKiB = Math.max(this.common.idleKiB ?? 0, memoryKiB);
  }

  /** Whether anything can be concluded: a run has told its memory, and idle containers were measured, any function's. */
  get isKnown(): boolean {
    return this.#cells[this.#at + TOLD] > 0 && this.common.idleKiB !== undefined;
  }

  /** What a container needs for `atOnce` invocations, in KiB. */
  needKiB(atOnce: number): number {
    const mostKiB = this.#cells[this.#at + MOST], toldKiB = this.#cells[this.#at + TOLD];
    const heldKiB = this.common.isContainersTold ? Math.max(mostKiB, toldKiB) : mostKiB;
    return Math.max(heldKiB, this.#idleKiB + this.#ownKiB * atOnce);
  }

  /** Invocations at once that `kib` are enough for. */
  fitsIn(kib: number): number {
    return Math.floor((kib - this.#idleKiB) / this.#ownKiB);
  }

  get #idleKiB(): number {
    const leastKiB = this.#cells[this.#at + LEAST_IDLE];
    return leastKiB < Infinity ? leastKiB : this.common.idleKiB ?? 0;
  }

  get #ownKiB(): number {
    return Math.max(OWN_KIB_MIN, this.#cells[this.#at + (this.common.isContainersTold ? TOLD_EACH : TOLD)]);
  }
}
