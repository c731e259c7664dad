import { isRetryable, PlatformError } from "../base/mod.ts";

/** Told to a caller while the scheduler does not serve: a rebuild is short. */
const NOT_READY_RETRY_MS = 200;

/** What callers are told while the scheduler does not serve, and why it does not. */
export function notServing(reason: string): PlatformError {
  return new PlatformError("unavailable", reason, { retryAfterMs: NOT_READY_RETRY_MS });
}

/** Whether a call that failed like this was not carried out for certain; else only its reply may have been lost. */
export function didNotHappen(error: unknown): error is PlatformError {
  return error instanceof PlatformError && !isRetryable(error) && error.code !== "deadline_exceeded" &&
    error.code !== "cancelled";
}
