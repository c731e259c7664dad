/**
 * Where everything lies in the one SharedArrayBuffer, and how much of it there is. Sizes are fixed when the buffer is
 * made; every table that is full says so with a clear error and never spills into the next one.
 *
 * | region     | words each                     | count                          |
 * |------------|--------------------------------|--------------------------------|
 * | header     | 64: 0–3 see placement, 16 largest node's KiB | 1                |
 * | nodes      | 16                             | nodes                          |
 * | classes    | bitmap + summary, see placement | 120                           |
 * | containers | 16                             | containers                     |
 * | functions  | 64                             | functions                      |
 * | chunks     | 48                             | functions + containers / 32    |
 * | rings      | ringDepth                      | functions                      |
 * | leases     | 8                              | leases                         |
 * | tickets    | 8                              | tickets                        |
 * | mailboxes  | 16 + tickets of one, up to 2^n | workers                        |
 * | decisions  | 16                             | workers × decisions            |
 * | runs       | 16                             | workers × decisions            |
 * | counters   | 16                             | workers                        |
 * | names      | 36                             | containers                     |
 * | facts      | 160                            | nodes                          |
 */
import { assert, assertInteger } from "../base/mod.ts";
import { COUNTER_WORDS } from "./counters.ts";
import { DECISION_WORDS } from "./decisions.ts";
import { MAILBOX_HEADER_WORDS } from "./mailboxes.ts";
import { RUN_WORDS } from "./runs.ts";

/** A cache line: slots of this size or a multiple never share one. */
export const LINE_WORDS = 16;
export const HEADER_WORDS = 64;
/** First of the header's words with a bit for each class of free memory. */
export const CLASSES_WITH_NODES = 0;
export const NODE_WORDS = 16;
export const CONTAINER_WORDS = 16;
export const FUNCTION_WORDS = 64;
export const CHUNK_WORDS = 48;
export const CHUNK_RANKS = 32;
/** Chunks a function may have: one summary word tells which of them has room. */
export const CHUNKS_PER_FUNCTION = 32;
/** Containers a function may have. */
export const RANKS_PER_FUNCTION = CHUNKS_PER_FUNCTION * CHUNK_RANKS;
export const LEASE_WORDS = 8;
export const BUCKET_LEASES = 8;
export const TICKET_WORDS = 8;
/** A container id: a Docker id has 64 digits, ours 32. */
export const NAME_WORDS = 36;
/** What a grant tells of its node: id, address and port as JSON. */
export const FACT_WORDS = 160;
/** Quarter octaves of free memory in KiB: 30 octaves. */
export const CLASSES = 120;

/** More threads than cores help nobody. */
export const WORKERS_MAX = 256;
export const DECISIONS_DEFAULT = 1_024;

/** How many of each there may be. */
export interface Capacity {
  readonly nodes: number;
  readonly containers: number;
  readonly functions: number;
  /** Invocations that may hold or be getting a container at once; a power of two. */
  readonly leases: number;
  /** Acquires that may wait at once, over all functions. */
  readonly tickets: number;
  /** Acquires that may wait for one function; a power of two. */
  readonly ringDepth: number;
  /** Threads that acquire and release, the controller's included; they share the tickets evenly. 1 by default. */
  readonly workers?: number;
  /** Decisions, and ends of invocations, that each of them remembers. 1,024 by default. */
  readonly decisions?: number;
}

/** Enough for one machine or a small cluster, in about 40 MiB. */
export const DEFAULT_CAPACITY: Capacity = {
  nodes: 256,
  containers: 8_192,
  functions: 1_024,
  leases: 65_536,
  tickets: 65_536,
  ringDepth: 4_096,
};

/** First word of every region, and the size of it all. */
export interface Layout {
  readonly header: number;
  readonly nodes: number;
  readonly classes: number;
  readonly classWords: number;
  readonly containers: number;
  readonly functions: number;
  readonly chunks: number;
  readonly chunkCount: number;
  readonly rings: number;
  readonly leases: number;
  readonly tickets: number;
  readonly mailboxes: number;
  readonly mailboxCells: number;
  readonly decisions: number;
  readonly runs: number;
  readonly counters: number;
  readonly names: number;
  readonly facts: number;
  readonly words: number;
}

/** Computes the layout for `capacity`; throws an AssertionError where a bound is broken. */
export function layoutOf(capacity: Capacity): Layout {
  assertInteger(capacity.nodes, 1, 1 << 17, "nodes");
  assertInteger(capacity.containers, 1, 1 << 22, "containers");
  assertInteger(capacity.functions, 1, 1 << 20, "functions");
  assertInteger(capacity.leases, 16, 1 << 24, "leases");
  assertInteger(capacity.tickets, 1, 1 << 20, "tickets");
  assertInteger(capacity.ringDepth, 2, 1 << 16, "ringDepth");
  const { workers = 1, decisions = DECISIONS_DEFAULT } = capacity;
  assertInteger(workers, 1, Math.min(WORKERS_MAX, capacity.tickets), "workers");
  assertInteger(decisions, 1, 1 << 20, "decisions");
  assert(isPowerOfTwo(capacity.leases), `leases is ${capacity.leases}, must be a power of two`);
  assert(isPowerOfTwo(capacity.ringDepth), `ringDepth is ${capacity.ringDepth}, must be a power of two`);

  let at = 0;
  const take = (words: number) => {
    const start = at;
    at += Math.ceil(words / LINE_WORDS) * LINE_WORDS;
    return start;
  };
  const bitmapWords = Math.ceil(capacity.nodes / 32);
  const summaryWords = Math.ceil(bitmapWords / 32);
  const classWords = Math.ceil((bitmapWords + summaryWords) / LINE_WORDS) * LINE_WORDS;
  const chunkCount = capacity.functions + Math.ceil(capacity.containers / CHUNK_RANKS);
  const mailboxCells = Math.max(LINE_WORDS, 2 ** Math.ceil(Math.log2(Math.floor(capacity.tickets / workers))));
  const layout = {
    header: take(HEADER_WORDS),
    nodes: take(capacity.nodes * NODE_WORDS),
    classes: take(CLASSES * classWords),
    classWords,
    containers: take(capacity.containers * CONTAINER_WORDS),
    functions: take(capacity.functions * FUNCTION_WORDS),
    chunks: take(chunkCount * CHUNK_WORDS),
    chunkCount,
    rings: take(capacity.functions * capacity.ringDepth),
    leases: take(capacity.leases * LEASE_WORDS),
    tickets: take(capacity.tickets * TICKET_WORDS),
    mailboxes: take(workers * (MAILBOX_HEADER_WORDS + mailboxCells)),
    mailboxCells,
    decisions: take(workers * decisions * DECISION_WORDS),
    runs: take(workers * decisions * RUN_WORDS),
    counters: take(workers * COUNTER_WORDS),
    names: take(capacity.containers * NAME_WORDS),
    facts: take(capacity.nodes * FACT_WORDS),
  };
  assert(at < 2 ** 29, `the tables need ${at * 4} bytes, more than one buffer can hold`);
  return { ...layout, words: at };
}

function isPowerOfTwo(value: number): boolean {
  return (value & (value - 1)) === 0;
}
