import { Timeline } from "../cluster/timeline.ts";
import type { ContainerSpan } from "../score/types.ts";
import type { Ledger } from "./ledger.ts";

/** Counts the nodes that are held into a ledger, and remembers nothing else: a twin may run for months. */
export class HeldNodes extends Timeline {
  readonly #ledger: Ledger;
  #held = 0;
  #sinceMs: number;
  #nodes = 0;
  #containers = 0;

  constructor(ledger: Ledger, nowMs: number) {
    super();
    this.#ledger = ledger;
    this.#sinceMs = nowMs;
  }

  get held(): number {
    return this.#held;
  }

  /** Counts up to now. */
  settle(nowMs: number): void {
    this.#ledger.nodes(this.#held, this.#sinceMs, nowMs);
    this.#sinceMs = nowMs;
  }

  override reserved(_memoryBytes: number, nowMs: number): number {
    this.settle(nowMs);
    this.#held++;
    return this.#nodes++;
  }

  override released(_node: number, nowMs: number): void {
    this.settle(nowMs);
    this.#held--;
  }

  override created(_container: Pick<ContainerSpan, "functionIndex" | "node" | "memoryBytes">, _nowMs: number): number {
    return this.#containers++;
  }
  override ready(): void {}
  override outOfMemory(): void {}
  override removed(): void {}
}
