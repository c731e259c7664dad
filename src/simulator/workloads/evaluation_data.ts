/**
 * Profile of a real evaluation run of a scheduler on 10 August 2020: figures read off what a contestant published with
 * their scheduler (github.com/ode233/mini-faas). 15 functions, 73,158 calls, 1,223 s.
 */

/** What a function's calls do: compute the same each time, compute by a skewed input, or wait. */
export type EvaluationWork = "cpu" | "skewed-cpu" | "sleep";
/**
 * How rounds follow one another: `steady` with a little jitter; `interrupted`: the same, with one that comes early, as
 * after a restart of the load; `gaps`: now and then a round is left out; `spread` over the whole range.
 */
export type EvaluationRhythm = "steady" | "interrupted" | "gaps" | "spread";

/** Least, mean and greatest, as published: the means are cut off to whole numbers. */
export type Triple = readonly [min: number, mean: number, max: number];

export interface EvaluationFunction {
  readonly label: string;
  readonly calls: number;
  /** A round is all arrivals within 100 ms of its first. */
  readonly rounds: number;
  readonly callsPerRound: Triple;
  /** Between the first arrivals of two rounds. */
  readonly intervalMs: Triple;
  readonly executionMs: Triple;
  readonly memoryMiB: number;
  readonly peakMiB: Triple;
  readonly work: EvaluationWork;
  readonly rhythm: EvaluationRhythm;
}

export const EVALUATION_DURATION_MS = 1_223_000;

const row = (
  label: string,
  [calls, rounds]: readonly [number, number],
  callsPerRound: Triple,
  intervalMs: Triple,
  executionMs: Triple,
  memoryMiB: number,
  peakMiB: Triple,
  work: EvaluationWork,
  rhythm: EvaluationRhythm,
): EvaluationFunction => ({
  ...{ label, calls, rounds, callsPerRound, intervalMs, executionMs, memoryMiB, peakMiB, work, rhythm },
});

// deno-fmt-ignore -- a table is read in columns
export const EVALUATION_FUNCTIONS: readonly EvaluationFunction[] = [
  row("f1",  [8271, 2084],  [1, 3, 15],   [108, 561, 890],        [0, 114, 1036],     128, [0, 2, 6],      "skewed-cpu", "spread"),
  row("f2",  [1055, 223],   [1, 4, 5],    [4999, 5000, 5001],     [1, 3, 28],         256, [1, 2, 4],      "sleep",      "steady"),
  row("f3",  [1091, 200],   [1, 5, 10],   [2995, 3000, 3005],     [0, 44, 790],       256, [0, 2, 5],      "skewed-cpu", "steady"),
  row("f4",  [1038, 212],   [1, 4, 9],    [4995, 4999, 5005],     [13, 81, 775],      256, [1, 3, 5],      "skewed-cpu", "steady"),
  row("f5",  [1447, 814],   [1, 1, 5],    [496, 1431, 18000],     [1, 7, 21],         256, [1, 4, 5],      "sleep",      "spread"),
  row("f6",  [440, 117],    [1, 3, 4],    [9999, 10000, 10001],   [3004, 3057, 3241], 256, [8, 203, 209],  "sleep",      "steady"),
  row("f7",  [885, 176],    [1, 5, 8],    [5999, 6000, 6001],     [4008, 4131, 4901], 512, [16, 450, 467], "sleep",      "steady"),
  row("f8",  [220, 112],    [1, 1, 2],    [9999, 10360, 20000],   [8010, 8082, 8348], 512, [13, 360, 364], "sleep",      "gaps"),
  row("f9",  [2340, 118],   [2, 19, 20],  [209, 8923, 9002],      [154, 2884, 7392],  256, [1, 1, 3],      "cpu",        "interrupted"),
  row("f10", [2100, 106],   [2, 19, 20],  [166, 10895, 11002],    [154, 1626, 5700],  256, [1, 1, 2],      "cpu",        "interrupted"),
  row("f11", [190, 19],     [10, 10, 10], [58000, 58000, 58000],  [0, 0, 21],         256, [1, 1, 3],      "sleep",      "steady"),
  row("f12", [185, 19],     [5, 9, 10],   [59998, 59999, 60002],  [300, 301, 324],    256, [1, 2, 6],      "sleep",      "steady"),
  row("f13", [10790, 1104], [1, 9, 11],   [166, 997, 1006],       [1600, 1895, 2138], 256, [1, 6, 7],      "sleep",      "interrupted"),
  row("f14", [43004, 2214], [1, 19, 21],  [166, 497, 509],        [110, 160, 227],    256, [1, 6, 7],      "sleep",      "interrupted"),
  row("f15", [100, 5],      [20, 20, 20], [899, 899, 900],        [1000, 1000, 1007], 512, [1, 2, 7],      "sleep",      "steady"),
];
