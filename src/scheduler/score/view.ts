/** What the live score tells. All figures are since the scheduler's start and never go back, but for those of now. */
import type { FailureKind } from "../../base/mod.ts";
import type { TimesView } from "./times.ts";

/** What a container is doing at a moment: not up yet, running something, or kept warm for nobody. */
export const CONTAINER_STATES = ["starting", "busy", "idle"] as const;
export type ContainerState = (typeof CONTAINER_STATES)[number];

/** Time of containers in one state. */
export interface ContainerTime {
  readonly seconds: number;
  /** × the memory that they were charged. */
  readonly gibSeconds: number;
}

/** What one function, or some of them together, got and cost. */
export interface FunctionScore {
  /** Acquires that were answered with a container; waited and cold ones are among them. */
  readonly calls: number;
  /** Of these, those that waited for room, and those that waited for a start and were the first to run in it. */
  readonly waited: number;
  readonly coldStarts: number;
  /** Acquires that got none: refused at once, or given up while they waited. */
  readonly refused: number;
  readonly cancelled: number;
  /** Runs that failed, by kind; kinds that did not occur are missing. */
  readonly failures: Readonly<Partial<Record<FailureKind, number>>>;
  /** Waiting for a container, in vain too. With `run` it adds up to the response time. */
  readonly wait: TimesView;
  readonly run: TimesView;
  /** Starts of containers: the whole CreateContainer call, and in it the boot and the import. */
  readonly create: TimesView;
  readonly boot: TimesView;
  readonly import: TimesView;
  readonly containers: Readonly<Record<ContainerState, ContainerTime>>;
  /** Node time by the share of the node's memory that its containers were charged. */
  readonly nodeSeconds: number;
}

export interface NamedScore extends FunctionScore {
  readonly accountId: string;
  readonly functionName: string;
}

/** The live score as it is at one moment. */
export interface ScoreView {
  readonly policy: string;
  /** Since the scheduler began to serve. */
  readonly seconds: number;
  /** Over all functions, forgotten ones included. */
  readonly all: FunctionScore;
  /** Those that are not known any more, taken together. */
  readonly forgotten: FunctionScore;
  readonly functions: readonly NamedScore[];
  /** ∫ nodes held, and of that what no function's containers were charged for. */
  readonly nodeSeconds: number;
  readonly unassignedNodeSeconds: number;
  /** How long reservations of nodes took. */
  readonly reserve: TimesView;
  /** Acquires and ends of runs that were overwritten before they were counted here. */
  readonly missed: number;
  /** Missing where no policy runs in shadow. */
  readonly shadows?: ShadowsView;
}

/** Candidate policies on the same calls in virtual time. */
export interface ShadowsView {
  /** Why nothing more comes of it; empty while it works. */
  readonly failure: string;
  /** How far behind the present the twins are. */
  readonly lagSeconds: number;
  /** Calls fed to every twin. */
  readonly calls: number;
  /** Of these, those that ended after their moment had passed in the twins, and entered late. */
  readonly late: number;
  /** Calls that were not fed: too many at once, or never seen to end. */
  readonly dropped: number;
  /** What the live platform itself took for the very calls that were fed. */
  readonly live: PeriodCosts;
  readonly twins: readonly TwinView[];
}

/** In the last hour, and since the start. */
export interface PeriodCosts {
  readonly hour: CostsView;
  readonly total: CostsView;
}

export interface CostsView {
  readonly calls: number;
  readonly failed: number;
  readonly responseSeconds: number;
  readonly nodeSeconds: number;
}

export interface TwinView {
  readonly policy: string;
  /** `acting`: the twin of the policy that acts; `baseline`: what scores are measured against. */
  readonly role: "acting" | "shadow" | "baseline";
  /** Why it ended; empty while it runs. */
  readonly failure: string;
  readonly hour: ScoredCosts;
  readonly total: ScoredCosts;
}

/** Ratios are to the baseline's twin, lower is better; missing before there is anything to compare. */
export interface ScoredCosts extends CostsView {
  /** Mean over functions of mean response time ÷ the baseline's. */
  readonly responseRatio?: number;
  readonly nodeRatio?: number;
  /** Half of each, and 10 more where the share of failed calls is 0.1 % above the baseline's. */
  readonly score?: number;
}
