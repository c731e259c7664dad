import { type Row, VCPU_PER_GIB } from "../../base/mod.ts";
import type { ContainerUsage } from "../policy.ts";

/** Runs and measurements that count in full; beyond that the old fade. */
const RUNS_MAX = 400;
/** What a measurement covers that does not say, in milliseconds: the usual pause between two. */
const COVERS_MS = 1_000;
const KIB_OF_GIB = 1_048_576;

/** Cells: processor time measured, runs, those of them that were over when it was measured last. */
const CORE_MS = 0, RUNS = 1, COVERED = 2;
export const PROCESSOR_CELLS = 3;

/**
 * How much of the processor a run takes, from the nodes' own stats. Timing alone misleads where runs are short or of
 * many lengths; who computes and who sleeps is plain from what was used.
 */
export class ProcessorNeed {
  readonly #cells: Float64Array;
  readonly #at: number;

  constructor({ cells, at }: Row, private readonly memoryKiB: number) {
    this.#cells = cells;
    this.#at = at;
    cells.fill(0, at, at + PROCESSOR_CELLS);
  }

  /** A run has ended. */
  ended(): void {
    const cells = this.#cells, at = this.#at;
    if (++cells[at + RUNS] <= RUNS_MAX) return;
    for (let n = 0; n < PROCESSOR_CELLS; n++) cells[at + n] /= 2;
  }

  measured({ cpuPct, coversMs = COVERS_MS }: ContainerUsage): void {
    const cells = this.#cells, at = this.#at;
    cells[at + CORE_MS] += cpuPct / 100 * coversMs;
    cells[at + COVERED] = cells[at + RUNS];
  }

  /** Runs that were over when it was measured last. */
  get runs(): number {
    return this.#cells[this.#at + COVERED];
  }

  /** How long a run computes at its container's share of a processor, in milliseconds. */
  get computeMs(): number {
    const quotaCores = Math.min(1, VCPU_PER_GIB * this.memoryKiB / KIB_OF_GIB);
    return this.runs === 0 ? 0 : this.#cells[this.#at + CORE_MS] / quotaCores / this.runs;
  }
}
