import { type Clock, type FunctionSpec, PlatformError, type Random, sleep } from "../base/mod.ts";
import type { Grant, SchedulerPort } from "../scheduler/ports.ts";

/** Pauses between tries while the scheduler is away: twice as long each time, times a random 0.5 to 1. */
const PAUSE_MS_MIN = 20;
const PAUSE_MS_MAX = 1_000;

/**
 * A container for the invocation by `deadlineMs` (on `clock.nowMs()`). While the scheduler is `unavailable`, or says
 * `aborted`, it asks again under the same request id, so that a grant whose answer was lost is found again. Errors: as
 * the scheduler's, and `cancelled` when `signal` is aborted.
 */
export async function acquire(
  parts: { scheduler: SchedulerPort; clock: Clock; random: Random },
  request: { requestId: string; function: FunctionSpec },
  options: { deadlineMs: number; signal: AbortSignal },
): Promise<Grant> {
  const { scheduler, clock, random } = parts;
  const { deadlineMs, signal } = options;
  for (let tries = 0;; tries++) {
    const timeoutMs = deadlineMs - clock.nowMs();
    if (timeoutMs <= 0) throw new PlatformError("deadline_exceeded", "The deadline passed before a container was free");
    try {
      return await scheduler.acquire(request, { timeoutMs, signal });
    } catch (error) {
      const pauseMs = pauseAfter(error, tries, random);
      if (pauseMs === undefined || signal.aborted || clock.nowMs() + pauseMs >= deadlineMs) throw error;
      await sleep(clock, pauseMs, signal);
    }
  }
}

/** How long to wait before another try makes sense; undefined: it does not. */
function pauseAfter(error: unknown, tries: number, random: Random): number | undefined {
  if (!(error instanceof PlatformError)) return undefined;
  const backoffMs = Math.min(PAUSE_MS_MAX, PAUSE_MS_MIN * 2 ** tries) * (0.5 + random.float() / 2);
  // A failure kind says that a container for it was tried and failed: another try is no better.
  if (error.code === "unavailable" && error.failure === undefined) return Math.max(backoffMs, error.retryAfterMs ?? 0);
  if (error.code === "aborted") return error.retryAfterMs ?? backoffMs;
  return undefined;
}
