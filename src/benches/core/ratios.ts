/** How two rows compare: slice by slice, each with the one measured just before or after it. */
import type { Goal, RowName } from "./rows.ts";

/** One slice of a row's work. */
export interface Slice {
  /** Nanoseconds per operation, of the median batch where only one thread was at it. */
  readonly ns: number;
  /** The same by the clock, all threads together. */
  readonly clockNs: number;
  /** What the slower thread did of an even share. */
  readonly fairness: number;
}

export interface Reached {
  readonly name: string;
  /** The best quarter of all rounds begins here: what it is when nothing else wants the cores. Judged by this. */
  readonly value: number;
  /** The middle one of all rounds. */
  readonly median: number;
  readonly atMost?: number;
  readonly atLeast?: number;
  /** What this machine gives two threads that have nothing in common, where that limits `atLeast`. */
  readonly ceiling?: number;
  readonly met: boolean;
}

/**
 * What two threads that share nothing are to reach of what this machine gives two threads of bare CAS: where that is
 * not 2 (siblings of one core, a busy machine), what is asked of the tables is as much less.
 */
const SHARE_OF_CEILING = 0.85;

export function reached(goal: Goal, slices: ReadonlyMap<RowName, readonly Slice[]>): Reached {
  const { name, atMost } = goal;
  const { value, median } = ratioOf(goal, slices);
  const ceiling = goal.ceiling && ratioOf({ ...goal, ...goal.ceiling }, slices).value;
  const atLeast = goal.atLeast && Math.min(goal.atLeast, SHARE_OF_CEILING * (ceiling ?? Infinity));
  const met = value <= (atMost ?? Infinity) && value >= (atLeast ?? 0);
  return { name, value, median, atMost, atLeast, ceiling, met };
}

/** The ratio in the median round and where the best quarter of rounds begins. */
function ratioOf(
  { of, to, as }: Pick<Goal, "of" | "to" | "as">,
  slices: ReadonlyMap<RowName, readonly Slice[]>,
): { value: number; median: number } {
  const others = slices.get(to)!;
  const ratios = slices.get(of)!.map((one, round) => {
    const other = others[round];
    // Where one of the two can only be told by the clock, both are.
    return as === "time" ? one.ns / other.ns : other.clockNs / one.clockNs;
  }).sort((a, b) => as === "time" ? a - b : b - a);
  return { value: ratios[ratios.length >> 2], median: ratios[ratios.length >> 1] };
}
