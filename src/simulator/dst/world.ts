import { CONCURRENCY_MAX, type FunctionSpec, type Random, seededRandom, silentLog } from "../../base/mod.ts";
import { POLICIES } from "../../policy/mod.ts";
import { Scheduler } from "../../scheduler/scheduler.ts";
import { Cluster } from "../cluster/cluster.ts";
import type { ClusterOptions } from "../cluster/options.ts";
import { Arrivals, specsOf } from "../engine/arrivals.ts";
import type { CallWatch } from "../engine/call.ts";
import { VirtualClock } from "../engine/virtual_clock.ts";
import { createCallResults } from "../score/types.ts";
import type { Fault, Scenario } from "./scenario.ts";

/** Small, so that looking through all of it after every event is cheap, and so that tables fill up. */
const CAPACITY = { nodes: 16, containers: 96, functions: 5, leases: 1_024, tickets: 512, ringDepth: 256 };
/** Share of messages that are lost or doubled while that fault lasts. */
const BAD_NETWORK_RATE = 0.2;
const SLOW_START_MS = 35_000;
const CLOCK_JUMP_MS_MAX = 3_600_000;

/** Something that is to be found: it breaks the scheduler that it is given. */
export type Plant = (scheduler: Scheduler) => void;

/** A scenario in virtual time: cluster, callers, and one scheduler after the other. */
export class World {
  readonly clock = new VirtualClock(-1_000);
  readonly cluster: Cluster;
  readonly specs: readonly FunctionSpec[];
  readonly counts = { waiting: 0, over: 0 };
  scheduler!: Scheduler;
  /** Schedulers there have been. */
  lives = 0;
  /** Whether faults may still come: afterwards everything has to settle. */
  isDisturbed = true;
  readonly #options: { -readonly [K in keyof ClusterOptions]: ClusterOptions[K] };
  readonly #random: Random;

  constructor(readonly scenario: Scenario, private readonly plant?: Plant) {
    const { workload, seed } = scenario;
    this.#random = seededRandom(seed ^ 0x5eed);
    this.#options = { ...scenario.cluster };
    this.specs = specsOf(workload, Math.min(CONCURRENCY_MAX, scenario.concurrency));
    this.cluster = new Cluster({
      clock: this.clock,
      random: this.#random,
      options: this.#options,
      functionIndex: (name) => this.specs.findIndex(({ functionName }) => functionName === name),
    });
  }

  /** Starts the scheduler, the callers and the faults. */
  begin(watch: CallWatch): void {
    const { clock, cluster, specs, counts } = this;
    const { workload: { calls }, faults } = this.scenario;
    this.startScheduler();
    const results = createCallResults(calls.count);
    new Arrivals({ clock, cluster, scheduler: () => this.scheduler, calls, specs, results, counts, watch }).begin();
    for (const fault of faults) clock.after(fault.atMs - clock.nowMs(), () => this.inflict(fault));
  }

  /** The present scheduler ends as by a crash, and another one takes over. */
  startScheduler(): void {
    this.scheduler?.close();
    const { clock, cluster, scenario } = this;
    const policy = POLICIES[scenario.policy]();
    this.scheduler = new Scheduler(
      {
        clock,
        policy,
        random: seededRandom(this.#random.uint32()),
        log: silentLog(clock),
        resourceManager: cluster.resourceManager,
        dial: (node) => cluster.dial(node),
      },
      {
        ownerId: `scheduler-${++this.lives}`,
        nodesMax: scenario.cluster.nodesMax,
        largestNodeBytes: scenario.cluster.nodeMemoryBytes,
        overcommitMax: scenario.cluster.overcommitMax,
      },
      CAPACITY,
    );
    this.plant?.(this.scheduler);
    // One that is closed while it starts never gets there.
    this.scheduler.start().catch(() => {});
  }

  /** Nothing goes wrong any more. */
  calm(): void {
    this.isDisturbed = false;
    this.cluster.network.options = this.scenario.cluster.network;
    this.#options.startDelayMs = this.scenario.cluster.startDelayMs;
    this.cluster.isManagerUp = true;
    this.cluster.refusals = 0;
  }

  private inflict({ kind, of, forMs }: Fault): void {
    const { clock, cluster } = this;
    const nodes = [...cluster.nodes.values()];
    const node = nodes[of % Math.max(1, nodes.length)];
    const during = (begin: () => void, end: () => void) => {
      begin();
      clock.after(forMs, end);
    };
    switch (kind) {
      case "node-crash":
        if (node) cluster.crash(node);
        break;
      case "agent-restart":
        node?.restart();
        break;
      case "messages-lost":
      case "messages-doubled": {
        const rate = kind === "messages-lost" ? "lossRate" : "duplicateRate";
        const set = (to: number) => cluster.network.options = { ...cluster.network.options, [rate]: to };
        during(() => set(BAD_NETWORK_RATE), () => set(0));
        break;
      }
      case "slow-starts":
        during(
          () => this.#options.startDelayMs = SLOW_START_MS,
          () => this.#options.startDelayMs = this.scenario.cluster.startDelayMs,
        );
        break;
      case "clock-jump":
        clock.jumpWall((of - 500) / 500 * CLOCK_JUMP_MS_MAX);
        break;
      case "manager-down":
        during(() => cluster.isManagerUp = false, () => cluster.isManagerUp = true);
        break;
      case "manager-refuses":
        cluster.refusals += 1 + of % 5;
        break;
      case "scheduler-restart":
        this.startScheduler();
    }
  }
}
