import { EXIT } from "./command.ts";
import type { Running } from "./compose/shared.ts";

/** Loaded when it is needed only: commands that just call a platform start faster without it. */
export async function loadCompose() {
  return await import("./compose/mod.ts");
}

export type { Running };

/** The part of the process that signals come from. */
export interface Signals {
  add(signal: "SIGINT" | "SIGTERM", listener: () => void): void;
  remove(signal: "SIGINT" | "SIGTERM", listener: () => void): void;
  /** Ends the process at once. */
  exit(code: number): void;
  /** Milliseconds on a clock that only goes on. */
  nowMs(): number;
}

export interface RunOptions {
  readonly signals?: Signals;
  /** Whom we serve is gone when it resolves: ends without letting anything go on. */
  readonly until?: Promise<unknown>;
  readonly onReady?: (running: Running) => void;
  readonly onDrain?: () => void;
}

export const SIGNALS = ["SIGINT", "SIGTERM"] as const;
/** As a shell tells a process that Ctrl-C ended. */
export const EXIT_INTERRUPTED = 130;
/** One Ctrl-C comes twice under `deno task`: from the terminal, and passed on by the task. Nobody presses so fast. */
export const SAME_SIGNAL_MS = 300;

/**
 * Starts, and drains at the first SIGINT or SIGTERM; a second one ends the process at once. Signals are heard from
 * before the start, so that one during it is not lost. Answers with the exit code.
 */
export async function runUntilSignal(start: () => Promise<Running>, options: RunOptions = {}): Promise<number> {
  const { signals = processSignals, until, onReady, onDrain } = options;
  const asked = Promise.withResolvers<void>();
  let graceMs: number | undefined;
  let askedMs: number | undefined;
  const listener = () => {
    askedMs ??= signals.nowMs();
    if (signals.nowMs() - askedMs > SAME_SIGNAL_MS) signals.exit(EXIT_INTERRUPTED);
    asked.resolve();
  };
  until?.then(() => {
    graceMs = 0;
    asked.resolve();
  });
  for (const signal of SIGNALS) signals.add(signal, listener);
  try {
    const running = await start();
    try {
      onReady?.(running);
      await asked.promise;
      onDrain?.();
    } finally {
      await running.close(graceMs);
    }
    return EXIT.ok;
  } finally {
    for (const signal of SIGNALS) signals.remove(signal, listener);
  }
}

export const processSignals: Signals = {
  add: (signal, listener) => Deno.addSignalListener(signal, listener),
  remove: (signal, listener) => Deno.removeSignalListener(signal, listener),
  exit: (code) => Deno.exit(code),
  nowMs: () => performance.now(),
};
