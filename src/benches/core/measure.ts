/** Runs every row several times in turn, so that a moment of noise does not fall on one row alone. */
import { Crew, Owner } from "./crew.ts";
import { type Machine, machine } from "./machine.ts";
import { type Reached, reached, type Slice } from "./ratios.ts";
import { GOALS, OWNER_IN_FLIGHT, type Row, type RowName, ROWS } from "./rows.ts";
import { filled, sizesOf } from "./sizes.ts";
import type { Done } from "./thread.ts";

export interface Options {
  readonly short: boolean;
  /** For all rows and rounds together; filling the tables comes on top. */
  readonly seconds: number;
}

export interface Figure {
  readonly row: RowName;
  readonly name: string;
  readonly threads: number;
  /**
   * Nanoseconds per operation in the round least disturbed: with one thread of its median batch, so that the moments in
   * which the machine did something else do not count; with two by the clock, both together.
   */
  readonly ns: number;
  /** The same by the clock, in the best and in the median round. */
  readonly clockNsBest: number;
  readonly clockNsMedian: number;
  /** What the slower thread did of an even share, in the best round; 1 with one thread. */
  readonly fairness: number;
}

export interface Heap {
  readonly pairs: number;
  /** Heap in use after each round but the first. */
  readonly lowestBytes: number;
  readonly highestBytes: number;
  /** Last minus first. */
  readonly growthBytes: number;
}

export interface Results {
  readonly machine: Machine;
  readonly sizes: readonly {
    readonly name: string;
    readonly nodes: number;
    readonly containers: number;
    readonly functions: number;
    readonly leases: number;
    readonly bufferBytes: number;
  }[];
  readonly figures: readonly Figure[];
  readonly ratios: readonly Reached[];
  readonly heap: Heap;
}

/**
 * Rows take turns in slices this long: short beside what disturbs a machine, so that two rows that stand together are
 * disturbed alike; and long enough for 65,536 requests of the small table to come round several times.
 */
const SLICE_MS = 80;
const ROUNDS_MIN = 7, ROUNDS_MAX = 100, ROUNDS_SHORT = 2;
const HEAP_PAIRS = 5_000_000, HEAP_PAIRS_SHORT = 50_000;
const HEAP_ROUNDS = 20;

export async function measure({ short, seconds }: Options): Promise<Results> {
  const before = machine();
  const { small, large } = sizesOf(short);
  const tables = [small, large].map((size) => ({ size, tables: filled(size) }));
  const crew = await Crew.start(tables);
  const owner = await Owner.start(small);
  try {
    const names = Object.keys(ROWS) as RowName[];
    const slices = Math.round(seconds * 1_000 / SLICE_MS / names.length);
    const rounds = short ? ROUNDS_SHORT : Math.min(Math.max(slices, ROUNDS_MIN), ROUNDS_MAX);
    const ms = seconds * 1_000 / rounds / names.length;
    const all = new Map<RowName, Slice[]>(names.map((name) => [name, []]));
    // A round first that does not count: code gets hot.
    for (let round = 0; round <= rounds; round++) {
      for (const name of names) {
        const measured = await runRow(ROWS[name], ms, crew, owner);
        if (round > 0) all.get(name)!.push(measured);
      }
    }
    const heap = await measureHeap(crew, short ? HEAP_PAIRS_SHORT : HEAP_PAIRS);
    for (const { tables: each } of tables) each.checkInvariants();
    const figures = names.map((name) => figureOf(name, all.get(name)!));
    const sizes = tables.map(({ size: { name, capacity }, tables: { buffer } }) => {
      const { nodes, containers, functions, leases } = capacity;
      return { name, nodes, containers, functions, leases, bufferBytes: buffer.byteLength };
    });
    return { machine: before, sizes, figures, ratios: GOALS.map((goal) => reached(goal, all)), heap };
  } finally {
    crew.end();
    owner.end();
  }
}

async function runRow(row: Row, ms: number, crew: Crew, owner: Owner): Promise<Slice> {
  const { size, spread, mode, threads } = row;
  switch (row.kind) {
    case "cas":
      return together(await crew.do({ kind: "cas", ms }, threads));
    case "mutex":
      return together(await crew.do({ kind: "mutex", ms, size }));
    case "owner":
      return together([await owner.pairs(ms, OWNER_IN_FLIGHT)]);
    case "pairs":
      return together(await crew.do({ kind: "pairs", ms, size, spread, mode, threads }, threads));
  }
}

/** Threads start together and each stops by its own clock: their rates add up. */
function together(done: readonly Done[]): Slice {
  const rates = done.map(({ count, elapsedMs }) => count / (elapsedMs * 1e6));
  const rate = rates.reduce((sum, each) => sum + each);
  const [{ batchNs }] = done;
  const clockNs = 1 / rate;
  const ns = done.length === 1 && batchNs !== undefined ? batchNs : clockNs;
  return { ns, clockNs, fairness: Math.min(...rates) / (rate / rates.length) };
}

function figureOf(row: RowName, measured: readonly Slice[]): Figure {
  const sorted = measured.toSorted((a, b) => a.clockNs - b.clockNs);
  const { clockNs: clockNsBest, fairness } = sorted[0];
  const clockNsMedian = sorted[sorted.length >> 1].clockNs;
  const ns = Math.min(...measured.map((each) => each.ns));
  const { name, threads } = ROWS[row];
  return { row, name, threads, ns, clockNsBest, clockNsMedian, fairness };
}

async function measureHeap(crew: Crew, pairs: number): Promise<Heap> {
  const [{ heapBytes = [] }] = await crew.do({ kind: "heap", size: 0, pairs, rounds: HEAP_ROUNDS });
  // The first round may still compile.
  const settled = heapBytes.slice(1);
  return {
    pairs,
    lowestBytes: Math.min(...settled),
    highestBytes: Math.max(...settled),
    growthBytes: settled[settled.length - 1] - settled[0],
  };
}
