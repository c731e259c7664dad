import { VCPU_PER_GIB } from "../../base/mod.ts";
import type { ContainerUsage } from "../policy.ts";

/** Runs and measurements that count in full; beyond that the old fade. */
const RUNS = 400;
/** Containers whose last measurement is remembered. */
const CONTAINERS = 256;
/** What a container's first measurement is taken to cover, in milliseconds: the usual pause between two. */
const FIRST_MS = 1_000;
const KIB_OF_GIB = 1_048_576;

/**
 * How much of the processor a run takes, from the nodes' own stats. Timing alone misleads where runs are short or of
 * many lengths; who computes and who sleeps is plain from what was used.
 */
export class ProcessorNeed {
  readonly #quotaCores: number;
  readonly #measuredMs = new Map<number, number>();
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

  measured({ container, cpuPct }: ContainerUsage, nowMs: number): void {
    const lastMs = this.#measuredMs.get(container) ?? nowMs - FIRST_MS;
    // Those measured last stand last: the first is the one that is most likely gone.
    this.#measuredMs.delete(container);
    this.#measuredMs.set(container, nowMs);
    if (this.#measuredMs.size > CONTAINERS) this.#measuredMs.delete(this.#measuredMs.keys().next().value!);
    this.#coreMs += cpuPct / 100 * (nowMs - lastMs);
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
