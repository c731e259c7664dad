import { assert, MIB } from "../../base/mod.ts";

/** Every knob of the adaptive policy, with units. */
export interface AdaptiveOptions {
  /** What response time and node time count for, as in the score. */
  readonly weights: { readonly responseTime: number; readonly nodeTime: number };
  /** Runs of a function before anything is concluded from them. Until then its invocations share no container. */
  readonly runsMin: number;
  /** Containers started for a function of which nothing is known, however many wait for it. */
  readonly firstContainers: number;
  /** Invocations at once in a container while it is not known whether they slow one another down. */
  readonly trialConcurrency: number;
  /** Invocations at once in a container, however little they need. */
  readonly concurrencyMax: number;
  /** How much longer a run may take for each invocation beside it, as a share, before sharing counts as slow. */
  readonly slowdownMax: number;
  /** Runs alone, and runs beside others, that this is judged from. */
  readonly aloneMin: number;
  readonly sharedMin: number;
  /** Runs that the nodes' stats cover before they say whether it computes. */
  readonly processorRunsMin: number;
  /** Calls that a plain scheduler's starts are spread over at least, in the response time that waits count against. */
  readonly plainArrivals: number;
  /** What a container holds at least before anything runs in it, in KiB; more where more was measured. */
  readonly idleKiB: number;
  /** The share of a container's memory that measured peaks may fill. */
  readonly fillMax: number;
  /** What a container is charged beyond the measured peaks, as a factor. */
  readonly chargeFactor: number;
  /** Arrivals after which what was seen of concurrency counts for 1/e. */
  readonly memoryArrivals: number;
  /** A container above what the function needs is kept so long, in milliseconds. */
  readonly spareIdleMs: number;
  /** A function keeps its containers so long at least after its last call, in milliseconds. */
  readonly holdMsMin: number;
  /**
   * Where its rhythm is unknown it keeps them as long as they seem worth it, or while memory × time stays below this, in
   * KiB × milliseconds: small containers cost little; and for `unknownHoldMsMax` at most, in milliseconds.
   */
  readonly holdKiBMs: number;
  readonly unknownHoldMsMax: number;
  /** With a rhythm: as long as they are worth it, for so many of its longest gaps, and so long at most, in milliseconds. */
  readonly holdGaps: number;
  readonly holdMsMax: number;
  /** Those who wait get more containers, whatever was learnt, when none of them was served for so many starts. */
  readonly stalledStarts: number;
  /** Time over which calls are counted at least to tell how often they come, in milliseconds. */
  readonly lifeMsMin: number;
  /** Containers of a function being started at once that nobody waits for. */
  readonly startsAheadMax: number;
  /** Containers of a computing function that a node may have beyond an even share before they are moved. */
  readonly moveSlack: number;
  /** A node without containers is kept so long, in milliseconds. */
  readonly nodeIdleMs: number;
  /** A node held for less than this is not drained, in milliseconds. */
  readonly nodeHeldMsMin: number;
  /** A node is drained when what is on it fits elsewhere so many times, with this much to spare, in KiB. */
  readonly drainFactor: number;
  readonly drainSpareKiB: number;
  /** Nodes that a plain scheduler is taken to hold at least: node time counts against its. */
  readonly plainNodesMin: number;
  /** What a start is taken to last before one was seen, in milliseconds. */
  readonly startMs: number;
}

const KIB_OF_MIB = MIB / 1_024;

export const DEFAULT_ADAPTIVE_OPTIONS: AdaptiveOptions = {
  weights: { responseTime: 0.5, nodeTime: 0.5 },
  runsMin: 3,
  firstContainers: 4,
  trialConcurrency: 8,
  concurrencyMax: 64,
  slowdownMax: 0.1,
  aloneMin: 3,
  sharedMin: 6,
  processorRunsMin: 5,
  plainArrivals: 100,
  idleKiB: 22 * KIB_OF_MIB,
  fillMax: 0.95,
  chargeFactor: 1.1,
  memoryArrivals: 200,
  spareIdleMs: 15_000,
  holdMsMin: 15_000,
  holdKiBMs: 8_000_000 * KIB_OF_MIB,
  holdGaps: 3,
  holdMsMax: 3_600_000,
  unknownHoldMsMax: 90_000,
  stalledStarts: 3,
  lifeMsMin: 600_000,
  startsAheadMax: 2,
  moveSlack: 1,
  nodeIdleMs: 1_000,
  nodeHeldMsMin: 5_000,
  drainFactor: 1.3,
  drainSpareKiB: 1_024 * KIB_OF_MIB,
  plainNodesMin: 16,
  startMs: 1_000,
};

/** Throws where a knob makes no sense. */
export function checkOptions(options: AdaptiveOptions): void {
  const { weights, ...numbers } = options;
  assert(weights.responseTime >= 0 && weights.nodeTime >= 0, "weights must not be negative");
  for (const [name, value] of Object.entries(numbers)) assert(value >= 0, `${name} is ${value}, must not be negative`);
  assert(options.runsMin >= 1 && options.firstContainers >= 1 && options.trialConcurrency >= 1, "nothing would start");
  assert(options.concurrencyMax >= 1, `concurrencyMax is ${options.concurrencyMax}, must be at least 1`);
  assert(options.fillMax <= 1, `fillMax is ${options.fillMax}, must be at most 1`);
  assert(options.chargeFactor >= 1, `chargeFactor is ${options.chargeFactor}, must be at least 1`);
}
