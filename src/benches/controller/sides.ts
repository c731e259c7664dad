/**
 * The two clusters that are compared: the same kinds of functions, as many calls for each node. With so few functions
 * the small one needs few of its nodes, and each of its ticks is shared by few decisions: read the ratio together with
 * the nodes held and the calls a second, which the report tells.
 */
import { GENERATORS, type Workload } from "../../simulator/mod.ts";

export interface Side {
  readonly name: "small" | "large";
  readonly nodes: number;
  readonly functions: number;
  /** Mean calls a second of a function. */
  readonly rate: number;
  /** Virtual time in which nothing is measured: the cluster fills, and everything is new. */
  readonly fillMs: number;
  /** Virtual time that is measured. */
  readonly measuredMs: number;
}

const SEED = 1;

/** Calls a second for each node there is. */
const CALLS_PER_NODE = 1;
const small = { name: "small", nodes: 20, functions: 15 } as const;
const large = { name: "large", nodes: 1_000, functions: 20_000 } as const;
const rateOf = ({ nodes, functions }: { nodes: number; functions: number }) => CALLS_PER_NODE * nodes / functions;

export const SIDES: readonly Side[] = [
  { ...small, rate: rateOf(small), fillMs: 60_000, measuredMs: 280_000 },
  { ...large, rate: rateOf(large), fillMs: 60_000, measuredMs: 20_000 },
];

const smallShort = { ...small, nodes: 4, functions: 5 };
const largeShort = { ...large, nodes: 40, functions: 400 };

/** Much smaller, for the tests. */
export const SIDES_SHORT: readonly Side[] = [
  { ...smallShort, rate: rateOf(smallShort), fillMs: 10_000, measuredMs: 50_000 },
  { ...largeShort, rate: rateOf(largeShort), fillMs: 10_000, measuredMs: 50_000 },
];

/** What is called when on this side. */
export function workloadOf({ functions, rate, fillMs, measuredMs }: Side): Workload {
  const sparse = GENERATORS.find(({ name }) => name === "sparse")!;
  // Generators make whole minutes at least; what comes later is left out.
  const durationMs = fillMs + measuredMs;
  const minutes = Math.max(1, durationMs / 60_000);
  const { calls, ...workload } = sparse.generate(SEED, { functions, interval: 1 / rate, minutes });
  const later = calls.atMs.findIndex((atMs) => atMs >= durationMs);
  const count = later < 0 ? calls.count : later;
  return { ...workload, durationMs, calls: { ...calls, count } };
}
