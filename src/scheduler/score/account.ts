import { type FailureKind, GIB, KIB } from "../../base/mod.ts";
import { Times } from "./times.ts";
import { CONTAINER_STATES, type ContainerState, type FunctionScore } from "./view.ts";

const KIB_PER_GIB = GIB / KIB;

/** What is counted for one function. Numbers only grow. */
export class Account {
  calls = 0;
  waited = 0;
  coldStarts = 0;
  refused = 0;
  cancelled = 0;
  readonly failures: Partial<Record<FailureKind, number>> = {};
  readonly wait = new Times();
  readonly run = new Times();
  readonly create = new Times();
  readonly boot = new Times();
  readonly import = new Times();
  readonly containerMs: Record<ContainerState, number> = { starting: 0, busy: 0, idle: 0 };
  readonly containerKibMs: Record<ContainerState, number> = { starting: 0, busy: 0, idle: 0 };
  nodeMs = 0;

  fail(kind: FailureKind): void {
    this.failures[kind] = (this.failures[kind] ?? 0) + 1;
  }

  /** Takes all that another one has counted in addition. */
  add(other: Account): void {
    for (const key of ["calls", "waited", "coldStarts", "refused", "cancelled", "nodeMs"] as const) {
      this[key] += other[key];
    }
    for (const [kind, count] of Object.entries(other.failures) as [FailureKind, number][]) {
      this.failures[kind] = (this.failures[kind] ?? 0) + count;
    }
    for (const key of ["wait", "run", "create", "boot", "import"] as const) this[key].add(other[key]);
    for (const state of CONTAINER_STATES) {
      this.containerMs[state] += other.containerMs[state];
      this.containerKibMs[state] += other.containerKibMs[state];
    }
  }

  view(): FunctionScore {
    const time = (state: ContainerState) => ({
      seconds: this.containerMs[state] / 1_000,
      gibSeconds: this.containerKibMs[state] / KIB_PER_GIB / 1_000,
    });
    return {
      calls: this.calls,
      waited: this.waited,
      coldStarts: this.coldStarts,
      refused: this.refused,
      cancelled: this.cancelled,
      failures: { ...this.failures },
      wait: this.wait.view(),
      run: this.run.view(),
      create: this.create.view(),
      boot: this.boot.view(),
      import: this.import.view(),
      containers: { starting: time("starting"), busy: time("busy"), idle: time("idle") },
      nodeSeconds: this.nodeMs / 1_000,
    };
  }
}
