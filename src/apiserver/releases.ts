import { type Clock, type Log, messageOf, PlatformError, type Random, retry } from "../base/mod.ts";
import type { ReleaseRequest, SchedulerPort } from "../scheduler/ports.ts";

/** Releases under way at once, retries included: more than there can be leases while the scheduler is well. */
const PENDING_MAX = 20_000;
/** A lease whose release does not get through for so long has been ended by the scheduler itself. */
const RETRY_MS_MAX = 60_000;
const CALL_TIMEOUT_MS = 5_000;

/** Counters since the start; `pending` is of this moment. */
export interface ReleaseStats {
  readonly pending: number;
  readonly retried: number;
  readonly dropped: number;
}

/**
 * Hands leases back behind the callers' backs: {@linkcode push} returns at once, and what the scheduler cannot take now
 * is tried again. Handing back twice is the same as once, so trying again is always right. What is given up is counted
 * and logged; the scheduler ends such a lease by its deadline.
 */
export class Releases {
  readonly #parts: { scheduler: SchedulerPort; clock: Clock; random: Random; log: Log };
  readonly #stop = new AbortController();
  #pending = 0;
  #retried = 0;
  #dropped = 0;
  #whenIdle: (() => void)[] = [];

  constructor(parts: { scheduler: SchedulerPort; clock: Clock; random: Random; log: Log }) {
    this.#parts = parts;
  }

  get stats(): ReleaseStats {
    return { pending: this.#pending, retried: this.#retried, dropped: this.#dropped };
  }

  /** Begins to hand a lease back. Never throws. */
  push(request: ReleaseRequest): void {
    if (this.#pending >= PENDING_MAX) return this.#drop(request, `${PENDING_MAX} releases are pending`);
    this.#pending++;
    void this.#release(request)
      .catch((error) => this.#drop(request, messageOf(error)))
      .finally(() => {
        this.#pending--;
        if (this.#pending === 0) { for (const wake of this.#whenIdle.splice(0)) wake(); }
      });
  }

  /** Resolves when nothing is pending. */
  idle(): Promise<void> {
    if (this.#pending === 0) return Promise.resolve();
    return new Promise((resolve) => this.#whenIdle.push(resolve));
  }

  /** Gives up all retries. */
  close(): void {
    this.#stop.abort(new PlatformError("cancelled", "The apiserver stops"));
  }

  #release(request: ReleaseRequest): Promise<void> {
    const { scheduler, clock, random } = this.#parts;
    const { signal } = this.#stop;
    const deadlineMs = clock.nowMs() + RETRY_MS_MAX;
    return retry({ clock, random, deadlineMs, signal }, async (tries) => {
      if (tries > 0) this.#retried++;
      try {
        await scheduler.release(request, { timeoutMs: CALL_TIMEOUT_MS, signal });
      } catch (error) {
        if (!(error instanceof PlatformError) || error.code !== "deadline_exceeded") throw error;
        throw new PlatformError("unavailable", error.message, { cause: error });
      }
    });
  }

  #drop(request: ReleaseRequest, reason: string): void {
    this.#dropped++;
    const { requestId, containerId } = request;
    this.#parts.log.warn("release given up, the lease ends by its deadline", { requestId, containerId, reason });
  }
}
