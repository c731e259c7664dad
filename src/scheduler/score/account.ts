import { type FailureKind, GIB, KIB, partOf, type Row } from "../../base/mod.ts";
import { Outcome } from "../../core/mod.ts";
import type { ColdStart } from "../ports.ts";
import { Times, TIMES_CELLS } from "./times.ts";
import { CONTAINER_STATES, type ContainerState, type FunctionScore } from "./view.ts";

const KIB_PER_GIB = GIB / KIB;

/** Cells: what the view tells by these names, times of containers by their states, then the parts. */
const CALLS = 0, WAITED = 1, COLD_STARTS = 2, REFUSED = 3, CANCELLED = 4, NODE_MS = 5;
const CONTAINER_MS = 6, CONTAINER_KIB_MS = CONTAINER_MS + CONTAINER_STATES.length;
const WAIT = CONTAINER_KIB_MS + CONTAINER_STATES.length, RUN = WAIT + TIMES_CELLS, CREATE = RUN + TIMES_CELLS;
const BOOT = CREATE + TIMES_CELLS, IMPORT = BOOT + TIMES_CELLS;
export const ACCOUNT_CELLS = IMPORT + TIMES_CELLS;

/** What is counted for one function. Numbers only grow. */
export class Account {
  readonly run: Times;
  readonly #cells: Float64Array;
  readonly #at: number;
  readonly #wait: Times;
  readonly #create: Times;
  readonly #boot: Times;
  readonly #import: Times;
  readonly #failures: Partial<Record<FailureKind, number>> = {};

  constructor(readonly row: Row) {
    this.#cells = row.cells;
    this.#at = row.at;
    row.cells.fill(0, row.at, row.at + WAIT);
    this.#wait = new Times(partOf(row, WAIT));
    this.run = new Times(partOf(row, RUN));
    this.#create = new Times(partOf(row, CREATE));
    this.#boot = new Times(partOf(row, BOOT));
    this.#import = new Times(partOf(row, IMPORT));
  }

  get nodeMs(): number {
    return this.#cells[this.#at + NODE_MS];
  }

  /** An acquire was answered, or given up, after `waitedMs`. */
  decided(outcome: Outcome, waitedMs: number): void {
    const cells = this.#cells, at = this.#at;
    this.#wait.record(waitedMs);
    if (outcome === Outcome.refused) cells[at + REFUSED]++;
    else if (outcome === Outcome.cancelled) cells[at + CANCELLED]++;
    else {
      cells[at + CALLS]++;
      if (outcome === Outcome.waited) cells[at + WAITED]++;
      if (outcome === Outcome.coldStart) cells[at + COLD_STARTS]++;
    }
  }

  /** A run has ended. */
  ended(durationMs: number, failure: FailureKind | undefined): void {
    this.run.record(durationMs);
    if (failure) this.#fail(failure, 1);
  }

  /** A container came up. */
  started({ createMs, bootMs, importMs }: Omit<ColdStart, "reserveNodeMs">): void {
    this.#create.record(createMs);
    this.#boot.record(bootMs);
    this.#import.record(importMs);
  }

  /** A container was there for `ms`, charged `kib`, that share of its node. */
  held(state: ContainerState, ms: number, kib: number, nodeShare: number): void {
    const cells = this.#cells, at = this.#at, index = CONTAINER_STATES.indexOf(state);
    cells[at + CONTAINER_MS + index] += ms;
    cells[at + CONTAINER_KIB_MS + index] += kib * ms;
    cells[at + NODE_MS] += nodeShare * ms;
  }

  /** Takes all that another one has counted in addition. */
  add(other: Account): void {
    for (let n = 0; n < ACCOUNT_CELLS; n++) this.#cells[this.#at + n] += other.#cells[other.#at + n];
    for (const [kind, count] of Object.entries(other.#failures)) this.#fail(kind as FailureKind, count);
  }

  view(): FunctionScore {
    const cells = this.#cells, at = this.#at;
    const time = (state: ContainerState) => {
      const index = CONTAINER_STATES.indexOf(state);
      return {
        seconds: cells[at + CONTAINER_MS + index] / 1_000,
        gibSeconds: cells[at + CONTAINER_KIB_MS + index] / KIB_PER_GIB / 1_000,
      };
    };
    return {
      calls: cells[at + CALLS],
      waited: cells[at + WAITED],
      coldStarts: cells[at + COLD_STARTS],
      refused: cells[at + REFUSED],
      cancelled: cells[at + CANCELLED],
      failures: { ...this.#failures },
      wait: this.#wait.view(),
      run: this.run.view(),
      create: this.#create.view(),
      boot: this.#boot.view(),
      import: this.#import.view(),
      containers: { starting: time("starting"), busy: time("busy"), idle: time("idle") },
      nodeSeconds: this.nodeMs / 1_000,
    };
  }

  #fail(kind: FailureKind, times: number): void {
    this.#failures[kind] = (this.#failures[kind] ?? 0) + times;
  }
}
