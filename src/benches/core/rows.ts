/** What is measured. */
import type { Mode } from "./pairs.ts";
import type { Spread } from "./sizes.ts";

export interface Row {
  readonly name: string;
  readonly kind: "cas" | "pairs" | "mutex" | "owner";
  /** 0 = small, 1 = large. */
  readonly size: number;
  readonly spread: Spread;
  readonly mode: Mode;
  readonly threads: number;
}

const pairs = (name: string, size: number, spread: Spread, mode: Mode, threads: number): Row => {
  return { name, kind: "pairs", size, spread, mode, threads };
};
const other = (name: string, kind: Row["kind"], threads = 1): Row => {
  return { name, kind, size: 0, spread: "few", mode: "hashing", threads };
};

/** Acquires that are under way at once at the owner thread. */
export const OWNER_IN_FLIGHT = 256;

/** Rows that are compared stand together. */
export const ROWS = {
  cas: other("one bare CAS", "cas"),
  cas2: other("one bare CAS, 2 threads on a word each", "cas", 2),
  pair: pairs("small, 15 functions, ids hashed before", 0, "few", "hashed", 1),
  pair2: pairs("small, 15 functions, 2 threads, disjoint", 0, "few", "hashed", 2),
  hot: pairs("small, one hot function, ids hashed before", 0, "one", "hashed", 1),
  hot2: pairs("small, one hot function, 2 threads", 0, "one", "hashed", 2),
  hashing: pairs("small, 15 functions, with hashing", 0, "few", "hashing", 1),
  remembered: pairs("small, 15 functions, with hashing and decision", 0, "few", "remembered", 1),
  remembered2: pairs("small, the same with 2 threads, disjoint", 0, "few", "remembered", 2),
  largeFew: pairs("large, 15 functions, ids hashed before", 1, "few", "hashed", 1),
  largeFew2: pairs("large, 15 functions, 2 threads, disjoint", 1, "few", "hashed", 2),
  largeAll: pairs("large, all functions, ids hashed before", 1, "all", "hashed", 1),
  largeAll2: pairs("large, all functions, 2 threads, disjoint", 1, "all", "hashed", 2),
  largeRemembered: pairs("large, all functions, with hashing and decision", 1, "all", "remembered", 1),
  mutex: other("plain Map behind a promise-chain mutex", "mutex"),
  owner: other(`owner thread by postMessage, ${OWNER_IN_FLIGHT} in flight`, "owner"),
} as const satisfies Record<string, Row>;
export type RowName = keyof typeof ROWS;

/** A ratio that is aimed at. */
export interface Goal {
  readonly name: string;
  readonly of: RowName;
  readonly to: RowName;
  /** `time`: ns of one over ns of the other. `rate`: the other way round, by the clock. */
  readonly as: "time" | "rate";
  readonly atMost?: number;
  readonly atLeast?: number;
  /** The rows that tell how much of `atLeast` the machine itself makes possible. */
  readonly ceiling?: { readonly of: RowName; readonly to: RowName };
}

const CEILING = { of: "cas2", to: "cas" } as const;

export const GOALS: readonly Goal[] = [
  { name: "pair, in bare CAS", of: "pair", to: "cas", as: "time", atMost: 20 },
  { name: "pair with hashing and decision, in bare CAS", of: "remembered", to: "cas", as: "time", atMost: 35 },
  { name: "large table with 15 functions, to small", of: "largeFew", to: "pair", as: "time", atMost: 2.5 },
  { name: "large table with all functions, to small", of: "largeAll", to: "pair", as: "time", atMost: 5 },
  {
    name: "two threads on disjoint functions, to one",
    of: "pair2",
    to: "pair",
    as: "rate",
    atLeast: 1.7,
    ceiling: CEILING,
  },
  { name: "two threads on one hot function, to one", of: "hot2", to: "hot", as: "rate", atLeast: 0.8 },
  { name: "tables, to the owner thread", of: "remembered", to: "owner", as: "rate", atLeast: 20 },
  { name: "pair with hashing and decision, to the mutex", of: "remembered", to: "mutex", as: "time", atMost: 2 },
];
