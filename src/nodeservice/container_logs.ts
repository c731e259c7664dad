import { type FunctionSpec, KIB, type LogLine, PlatformError } from "../base/mod.ts";

/** What is kept of one container: enough to see what went wrong lately. */
const LINES_MAX = 1_000;
const CHARACTERS_MAX = 256 * KIB;
/** Containers whose lines outlive them. */
const REMOVED_MAX = 50;
/** Lines that wait for a reader who follows; older ones are left out and counted. */
const FOLLOW_LINES_MAX = 2_000;
const FOLLOWERS_MAX = 256;

/** Which lines: one container's, or those of all containers of a function, live and lately removed. */
export interface LogQuery {
  readonly containerId?: string;
  /** Counts, with the function's name, where no container is named. */
  readonly accountId?: string;
  readonly functionName?: string;
  /** Stay and give what is printed from now on, by containers that are yet to come too. */
  readonly follow: boolean;
  /** At most so many of the last lines that are there already; 0 means all. */
  readonly tailLines: number;
}

/** What containers printed, in bounded rings. */
export class ContainerLogs {
  readonly #rings = new Map<string, Ring>();
  readonly #removed: string[] = [];
  readonly #followers = new Set<Follower>();
  #sequence = 0;

  /** Begins to keep a container's lines; the answer adds one. */
  open(containerId: string, spec: FunctionSpec): (line: LogLine) => void {
    const ring = new Ring(spec);
    this.#rings.set(containerId, ring);
    return (line) => {
      ring.add({ line, sequence: this.#sequence++ });
      for (const follower of this.#followers) if (matches(follower.query, line.containerId, spec)) follower.push(line);
    };
  }

  /** The container is gone: its lines stay until {@linkcode REMOVED_MAX} later ones are gone too. */
  retire(containerId: string): void {
    if (!this.#rings.has(containerId)) return;
    this.#removed.push(containerId);
    if (this.#removed.length > REMOVED_MAX) this.#rings.delete(this.#removed.shift()!);
  }

  /**
   * The lines that `query` asks for, oldest first; ends when all are given, or with `follow` when `signal` is aborted.
   * Errors: `not_found` for a container that was never here or is forgotten; `resource_exhausted`.
   */
  async *read(query: LogQuery, signal: AbortSignal): AsyncGenerator<LogLine, void> {
    const { containerId, follow } = query;
    if (containerId && !this.#rings.has(containerId)) {
      throw new PlatformError("not_found", `Container ${containerId} is not on this node`);
    }
    if (follow && this.#followers.size >= FOLLOWERS_MAX) {
      throw new PlatformError("resource_exhausted", `${FOLLOWERS_MAX} readers follow the logs of this node already`);
    }
    const follower = new Follower(query);
    if (follow) this.#followers.add(follower);
    const wake = () => follower.wake();
    signal.addEventListener("abort", wake, { once: true });
    try {
      yield* this.#kept(query);
      while (follow && !signal.aborted) {
        const lines = follower.take();
        if (lines.length === 0) await follower.more();
        else yield* lines;
      }
    } finally {
      signal.removeEventListener("abort", wake);
      this.#followers.delete(follower);
    }
  }

  #kept(query: LogQuery): LogLine[] {
    const entries: Entry[] = [];
    for (const [containerId, ring] of this.#rings) {
      if (matches(query, containerId, ring.spec)) entries.push(...ring.entries);
    }
    entries.sort((a, b) => a.sequence - b.sequence);
    return entries.slice(query.tailLines > 0 ? -query.tailLines : 0).map((entry) => entry.line);
  }
}

interface Entry {
  readonly line: LogLine;
  /** Orders the lines of all containers of this node. */
  readonly sequence: number;
}

class Ring {
  #entries: Entry[] = [];
  /** Entries before this one are out of the ring already. */
  #first = 0;
  #characters = 0;

  constructor(readonly spec: FunctionSpec) {}

  get entries(): Entry[] {
    return this.#entries.slice(this.#first);
  }

  add(entry: Entry): void {
    this.#entries.push(entry);
    this.#characters += entry.line.line.length;
    while (this.#entries.length - this.#first > LINES_MAX || this.#characters > CHARACTERS_MAX) {
      this.#characters -= this.#entries[this.#first++].line.line.length;
    }
    // Moving the rest down once per so many lines keeps adding cheap.
    if (this.#first < LINES_MAX / 4) return;
    this.#entries = this.entries;
    this.#first = 0;
  }
}

class Follower {
  #lines: LogLine[] = [];
  #dropped = 0;
  #wake = () => {};

  constructor(readonly query: LogQuery) {}

  push(line: LogLine): void {
    if (this.#lines.length >= FOLLOW_LINES_MAX) {
      this.#lines.shift();
      this.#dropped++;
    }
    this.#lines.push(line);
    this.#wake();
  }

  take(): LogLine[] {
    const lines = this.#lines;
    if (this.#dropped > 0) {
      const line = `(${this.#dropped} lines left out: the reader was too slow)`;
      lines.unshift({ ...lines[0], line });
    }
    this.#lines = [];
    this.#dropped = 0;
    return lines;
  }

  wake(): void {
    this.#wake();
  }

  more(): Promise<void> {
    return new Promise((resolve) => this.#wake = resolve);
  }
}

function matches(query: LogQuery, containerId: string, spec: FunctionSpec): boolean {
  if (query.containerId) return query.containerId === containerId;
  return query.accountId === spec.accountId && query.functionName === spec.functionName;
}
