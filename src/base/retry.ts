import { type Clock, sleep } from "./clock.ts";
import { isRetryable } from "./errors.ts";
import type { Random } from "./random.ts";

export interface RetryOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** No try begins later than this on `clock.nowMs()`. */
  readonly deadlineMs: number;
  readonly signal?: AbortSignal;
  /** First pause; each one is twice the one before, up to `pauseMaxMs`, times a random 0.5 to 1. */
  readonly pauseMs?: number;
  readonly pauseMaxMs?: number;
}

/** Calls `attempt` until it succeeds, fails with what is not `unavailable`, or no time is left; then rethrows. */
export async function retry<T>(options: RetryOptions, attempt: (tries: number) => Promise<T>): Promise<T> {
  const { clock, random, deadlineMs, signal, pauseMs = 50, pauseMaxMs = 2_000 } = options;
  for (let tries = 0;; tries++) {
    try {
      return await attempt(tries);
    } catch (error) {
      const pause = Math.min(pauseMaxMs, pauseMs * 2 ** tries) * (0.5 + random.float() / 2);
      if (!isRetryable(error) || signal?.aborted || clock.nowMs() + pause >= deadlineMs) throw error;
      await sleep(clock, pause, signal);
    }
  }
}
