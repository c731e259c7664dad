import type { Clock } from "./clock.ts";

export const LOG_LEVELS = ["debug", "info", "warn", "error"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export type LogFields = Record<string, string | number | boolean | undefined>;

/** Lines of one kind (same level and text) that are written in a second; the rest are counted and told afterwards. */
const LINES_PER_SECOND_MAX = 5;
/** Kinds remembered for that at once; texts are constants in the code, so this is never near. */
const KINDS_MAX = 1_000;

/**
 * A structured log: one JSON object a line with `time`, `level`, `service`, `text` and the fields given. `text` is a
 * constant; what varies goes into the fields, so that lines can be counted and rate-limited by kind.
 */
export class Log {
  readonly #service: string;
  readonly #level: number;
  readonly #write: (line: string) => void;
  readonly #clock: Clock;
  readonly #kinds = new Map<string, { second: number; written: number; dropped: number }>();

  constructor(options: { service: string; level: LogLevel; write: (line: string) => void; clock: Clock }) {
    this.#service = options.service;
    this.#level = LOG_LEVELS.indexOf(options.level);
    this.#write = options.write;
    this.#clock = options.clock;
  }

  debug(text: string, fields?: LogFields): void {
    this.#log("debug", text, fields);
  }
  info(text: string, fields?: LogFields): void {
    this.#log("info", text, fields);
  }
  warn(text: string, fields?: LogFields): void {
    this.#log("warn", text, fields);
  }
  error(text: string, fields?: LogFields): void {
    this.#log("error", text, fields);
  }

  #log(level: LogLevel, text: string, fields?: LogFields): void {
    if (LOG_LEVELS.indexOf(level) < this.#level) return;
    const suppressed = this.#admit(`${level} ${text}`);
    if (suppressed === undefined) return;
    const time = new Date(this.#clock.wallMs()).toISOString();
    const line = { time, level, service: this.#service, text, ...fields, ...(suppressed > 0 ? { suppressed } : {}) };
    this.#write(JSON.stringify(line) + "\n");
  }

  /** How many lines of this kind were left out since the last one, or undefined where this one is left out too. */
  #admit(kind: string): number | undefined {
    const second = Math.floor(this.#clock.nowMs() / 1000);
    let state = this.#kinds.get(kind);
    if (!state) {
      if (this.#kinds.size >= KINDS_MAX) this.#kinds.clear();
      this.#kinds.set(kind, state = { second, written: 0, dropped: 0 });
    }
    if (state.second !== second) {
      state.second = second;
      state.written = 0;
    }
    if (state.written >= LINES_PER_SECOND_MAX) {
      state.dropped++;
      return undefined;
    }
    state.written++;
    const { dropped } = state;
    state.dropped = 0;
    return dropped;
  }
}

/** A log that writes nothing, for tests. */
export function silentLog(clock: Clock): Log {
  return new Log({ service: "silent", level: "error", write: () => {}, clock });
}
