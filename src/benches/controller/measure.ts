/** Runs both sides several times in turn, so that a moment of noise does not fall on one alone. */
import { POLICIES } from "../../policy/mod.ts";
import { DEFAULT_OVERCOMMIT, OUTCOME, simulate, type Simulated } from "../../simulator/mod.ts";
import { type Machine, machine } from "../core/machine.ts";
import { Meter, type Part, PARTS } from "./meter.ts";
import { metered, type MethodTime, timedPolicy } from "./metered.ts";
import { type Side, SIDES, SIDES_SHORT, workloadOf } from "./sides.ts";

export interface Options {
  readonly short: boolean;
  /** Time for all runs together; each side runs once at least. */
  readonly seconds: number;
  readonly onProgress?: (what: string) => void;
}

/** What the controller decided in the measured time. */
export interface Decisions {
  /** Acquires answered with a container. */
  readonly acquires: number;
  readonly starts: number;
  readonly removals: number;
  /** Nodes reserved and released. */
  readonly nodes: number;
}

export interface Figures extends Omit<Side, "rate"> {
  readonly callsPerSecond: number;
  /** At the end. */
  readonly nodesHeld: number;
  readonly containers: number;
  readonly decisions: Decisions;
  /** Processor time in the controller and its policy, in the least disturbed run, in microseconds for each decision. */
  readonly usPerDecision: number;
  readonly usPerAcquire: number;
  /** The same in every run. */
  readonly usPerDecisionOfRuns: readonly number[];
  /** Of the least disturbed run, by what it was for. */
  readonly parts: Readonly<Record<Exclude<Part, "outside">, number>>;
  /** Microseconds and calls of the policy's methods for each decision, from a run of its own, most first. */
  readonly policy: readonly { readonly method: string; readonly us: number; readonly calls: number }[];
}

export interface Results {
  readonly machine: Machine;
  readonly sides: readonly Figures[];
  /** Microseconds per decision, large ÷ small. */
  readonly ratio: number;
  readonly atMost: number;
  readonly met: boolean;
}

/** A decision among so many nodes and functions may cost so many times what it costs among few. */
const RATIO_MAX = 2;
const ROUNDS_MAX = 9;

interface Run {
  readonly result: Simulated;
  readonly ms: Readonly<Record<Part, number>>;
}

export async function measure({ short, seconds, onProgress = () => {} }: Options): Promise<Results> {
  const sides = short ? SIDES_SHORT : SIDES;
  const runs = sides.map((): Run[] => []);
  const beganMs = performance.now();
  const isTime = () => performance.now() - beganMs < seconds * 1_000;
  for (let round = 0; round < ROUNDS_MAX && (round === 0 || isTime()); round++) {
    for (const [at, side] of sides.entries()) {
      onProgress(`${side.name}, run ${round + 1}`);
      runs[at].push(await runOf(side));
    }
  }
  const figures: Figures[] = [];
  for (const [at, side] of sides.entries()) {
    onProgress(`${side.name}, the policy's methods`);
    const times = new Map<string, MethodTime>();
    await runOf(side, times);
    figures.push(figuresOf(side, runs[at], times));
  }
  const ratio = figures[1].usPerDecision / figures[0].usPerDecision;
  return { machine: machine(), sides: figures, ratio, atMost: RATIO_MAX, met: ratio <= RATIO_MAX };
}

export async function runOf(side: Side, times?: Map<string, MethodTime>): Promise<Run> {
  const meter = new Meter();
  const adaptive = POLICIES.adaptive();
  const policy = times ? timedPolicy(adaptive, times) : adaptive;
  let ms = meter.ms;
  const result = await simulate({
    workload: workloadOf(side),
    policy,
    seed: 1,
    cluster: { nodesWarm: side.nodes, nodesMax: side.nodes, refillMs: 0, overcommitMax: DEFAULT_OVERCOMMIT },
    around(parts) {
      // Before the workload begins at 0.
      const at = (ms: number, run: () => void) => parts.clock.after(ms - parts.clock.nowMs(), run);
      at(side.fillMs, () => {
        meter.reset();
        for (const time of times?.values() ?? []) time.calls = time.ms = 0;
      });
      // The last runs end when nobody calls any more: that is no measure of anything.
      at(side.fillMs + side.measuredMs, () => {
        ms = meter.read();
        for (const [method, time] of times ?? []) times!.set(method, { ...time });
      });
      return metered(parts, meter);
    },
  });
  return { result, ms };
}

function figuresOf(side: Side, runs: readonly Run[], times: ReadonlyMap<string, MethodTime>): Figures {
  const { name, nodes, functions, fillMs, measuredMs } = side;
  const { result } = runs[0];
  const decisions = decisionsOf(result, fillMs, fillMs + measuredMs);
  const all = decisions.acquires + decisions.starts + decisions.removals + decisions.nodes;
  const usOf = (ms: number) => ms * 1_000 / all;
  const least = runs.reduce((best, run) => inController(run) < inController(best) ? run : best);
  const { outside: _, ...parts } = least.ms;
  return {
    ...{ name, nodes, functions, fillMs, measuredMs, decisions },
    callsPerSecond: result.workload.calls.count / (fillMs + measuredMs) * 1_000,
    nodesHeld: countAt(fillMs + measuredMs, result.nodes.map((node) => [node.reservedMs, node.releasedMs])),
    containers: countAt(fillMs + measuredMs, result.containers.map((one) => [one.createdMs, one.removedMs])),
    usPerDecision: usOf(inController(least)),
    usPerAcquire: inController(least) * 1_000 / decisions.acquires,
    usPerDecisionOfRuns: runs.map((run) => usOf(inController(run))),
    parts: Object.fromEntries(Object.entries(parts).map(([part, ms]) => [part, usOf(ms)])) as Figures["parts"],
    policy: [...times].map(([method, { ms, calls }]) => ({ method, us: usOf(ms), calls: calls / all }))
      .sort((a, b) => b.us - a.us),
  };
}

function countAt(ms: number, spans: readonly (readonly [from: number, to: number])[]): number {
  return spans.filter(([from, to]) => from < ms && ms <= to).length;
}

function inController({ ms }: Run): number {
  return PARTS.reduce((sum, part) => part === "outside" ? sum : sum + ms[part], 0);
}

/** What was decided from `fromMs` to `toMs`, as calls, nodes and containers show it. */
function decisionsOf({ workload, calls, nodes, containers }: Simulated, fromMs: number, toMs: number): Decisions {
  const isIn = (atMs: number) => atMs >= fromMs && atMs < toMs;
  let acquires = 0;
  for (let i = 0; i < workload.calls.count; i++) {
    const isAnswered = calls.outcome[i] !== OUTCOME.unanswered && calls.outcome[i] !== OUTCOME.refused;
    if (isAnswered && isIn(workload.calls.atMs[i] + calls.acquireMs[i])) acquires++;
  }
  const count = (moments: readonly number[]) => moments.filter(isIn).length;
  return {
    acquires,
    starts: count(containers.map(({ createdMs }) => createdMs)),
    removals: count(containers.map(({ removedMs }) => removedMs)),
    nodes: count(nodes.flatMap(({ reservedMs, releasedMs }) => [reservedMs, releasedMs])),
  };
}
