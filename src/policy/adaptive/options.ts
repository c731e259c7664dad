import { assert, MIB } from "../../base/mod.ts";

/** Every knob of the adaptive policy, with units. */
export interface AdaptiveOptions {
  /** What response time and node time count for, as in the score. */
  readonly weights: { readonly responseTime: number; readonly nodeTime: number };

  // What is learnt of a function.

  /** Runs of a function before anything is concluded from them. Until then its invocations share no container. */
  readonly runsMin: number;
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
  /** Arrivals after which what was seen of concurrency counts for 1/e. */
  readonly memoryArrivals: number;
  /** Calls that come within so many milliseconds of one another are of one round. */
  readonly roundGapMs: number;
  /** The share of a container's memory that measured peaks may fill. */
  readonly fillMax: number;
  /** What a container is charged beyond the measured peaks, as a factor. */
  readonly chargeFactor: number;

  // How many containers, and when.

  /** Containers started for a function of which nothing is known, however crowded the nodes; and where they are not. */
  readonly firstContainers: number;
  readonly firstContainersMax: number;
  /** Starts at once on a node that do not slow one another down. */
  readonly startsUncrowded: number;
  /** For a first burst nodes are reserved rather than crowded while fewer than this are held. */
  readonly burstNodesMax: number;
  /** Those who wait get more containers, whatever was learnt, when none of them was served for so many starts. */
  readonly stalledStarts: number;
  /** When nothing could be started for so many starts, whoever comes is told at once what cannot be waited for. */
  readonly stuckStarts: number;
  /** Containers of a function being started at once that nobody waits for. */
  readonly startsAheadMax: number;
  /** Whether containers are started ahead of rounds of calls that are sure to come. */
  readonly prewarms: boolean;
  /** What a start is taken to last before one was seen, in milliseconds. */
  readonly startMs: number;

  // How long containers are kept.

  /** A container above what the function needs is kept so long, in milliseconds. */
  readonly spareIdleMs: number;
  /** A function keeps its containers so long at least after its last call, in milliseconds. */
  readonly holdMsMin: number;
  /**
   * Where its rhythm is unknown it keeps them as long as they seem worth it, or while memory × time stays below this, in
   * KiB × milliseconds: small containers cost little. For `unknownHoldMsMax` at most, in milliseconds; less where there
   * are more than `unknownHoldFunctions`, since what many hold adds up, but no less than `unknownHoldMsMany`.
   */
  readonly holdKiBMs: number;
  readonly unknownHoldMsMax: number;
  readonly unknownHoldFunctions: number;
  readonly unknownHoldMsMany: number;
  /** With a rhythm: as long as they are worth it, for so many of its longest gaps, and so long at most, in milliseconds. */
  readonly holdGaps: number;
  readonly holdMsMax: number;
  /** What was in use within so many starts does not go to make room for what has containers already. */
  readonly evictStarts: number;
  /** Time over which calls are counted at least to tell how often they come, in milliseconds. */
  readonly lifeMsMin: number;
  /** Containers of a computing function that a node may have beyond an even share before they are moved. */
  readonly moveSlack: number;

  // Nodes.

  /** A node without containers is kept so long, in milliseconds. */
  readonly nodeIdleMs: number;
  /** Of a node held for less than this nobody knows yet whether it stays, in milliseconds. */
  readonly nodeHeldMsMin: number;
  /** A node is drained when what is on it fits elsewhere so many times, with this much to spare, in KiB. */
  readonly drainFactor: number;
  readonly drainSpareKiB: number;
  /** A node is reserved ahead when what is free would be taken within this time, in milliseconds; 0: never. */
  readonly reserveAheadMs: number;

  // The plain scheduler that response time and node time are weighed against.

  /** Calls that its starts are spread over at least. */
  readonly plainArrivals: number;
  /** Nodes that it is taken to hold at least. */
  readonly plainNodesMin: number;
}

const KIB_OF_MIB = MIB / 1_024;

export const DEFAULT_ADAPTIVE_OPTIONS: AdaptiveOptions = {
  weights: { responseTime: 0.5, nodeTime: 0.5 },
  runsMin: 3,
  trialConcurrency: 8,
  concurrencyMax: 64,
  slowdownMax: 0.1,
  aloneMin: 3,
  sharedMin: 6,
  processorRunsMin: 5,
  memoryArrivals: 200,
  roundGapMs: 1_000,
  fillMax: 0.95,
  chargeFactor: 1.1,
  firstContainers: 4,
  firstContainersMax: 20,
  startsUncrowded: 2,
  burstNodesMax: 6,
  stalledStarts: 3,
  stuckStarts: 3,
  startsAheadMax: 20,
  prewarms: true,
  startMs: 1_000,
  spareIdleMs: 15_000,
  holdMsMin: 15_000,
  holdKiBMs: 8_000_000 * KIB_OF_MIB,
  unknownHoldMsMax: 300_000,
  unknownHoldFunctions: 100,
  unknownHoldMsMany: 30_000,
  holdGaps: 6,
  holdMsMax: 3_600_000,
  evictStarts: 10,
  lifeMsMin: 600_000,
  moveSlack: 3,
  nodeIdleMs: 1_000,
  nodeHeldMsMin: 3_000,
  drainFactor: 1.3,
  drainSpareKiB: 768 * KIB_OF_MIB,
  reserveAheadMs: 500,
  plainArrivals: 100,
  plainNodesMin: 16,
};

/** Throws where a knob makes no sense. */
export function checkOptions(options: AdaptiveOptions): void {
  const { weights, prewarms: _, ...numbers } = options;
  assert(weights.responseTime >= 0 && weights.nodeTime >= 0, "weights must not be negative");
  for (const [name, value] of Object.entries(numbers)) assert(value >= 0, `${name} is ${value}, must not be negative`);
  for (const name of ["runsMin", "firstContainers", "startsUncrowded", "trialConcurrency", "concurrencyMax"] as const) {
    assert(options[name] >= 1, `${name} is ${options[name]}, must be at least 1`);
  }
  assert(options.fillMax <= 1, `fillMax is ${options.fillMax}, must be at most 1`);
  assert(options.chargeFactor >= 1, `chargeFactor is ${options.chargeFactor}, must be at least 1`);
}
