import { VCPU_PER_GIB } from "../../base/mod.ts";
import type { ContainerUsage } from "../policy.ts";

/** Runs and measurements that count in full; beyond that the old fade. */
const RUNS = 400;
/** What a measurement covers that does not say, in milliseconds: the usual pause between two. */
const COVERS_MS = 1_000;
const KIB_OF_GIB = 1_048_576;

/**
 * How much of the processor a run takes, from the nodes' own stats. Timing alone misleads where runs are short or of
 * many lengths; who computes and who sleeps is plain from what was used.
 */
export class ProcessorNeed {
  readonly #quotaCores: number;
  #coreMs = 0;
  #runs = 0;
  #runsCovered = 0;

  constructor(memoryKiB: number) {
    this.#quotaCores = Math.min(1, VCPU_PER_GIB * memoryKiB / KIB_OF_GIB);
  }

  /** A run has ended. */
  ended(): void {
    this.#runs++;
    if (this.#runs <= RUNS) return;
    this.#runs /= 2;
    this.#runsCovered /= 2;
    this.#coreMs /= 2;
  }

  measured({ cpuPct, coversMs = COVERS_MS }: ContainerUsage): void {
    this.#coreMs += cpuPct / 100 * coversMs;
    this.#runsCovered = this.#runs;
  }

  /** Runs that were over when it was measured last. */
  get runs(): number {
    return this.#runsCovered;
  }

  /** How long a run computes at its container's share of a processor, in milliseconds. */
  get computeMs(): number {
    return this.#runsCovered === 0 ? 0 : this.#coreMs / this.#quotaCores / this.#runsCovered;
  }
}
