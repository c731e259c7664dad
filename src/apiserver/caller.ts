import { type Clock, PlatformError } from "../base/mod.ts";

/** Who waits for an invocation: tells by its signal when the answer is no longer wanted, and why. */
export class Caller {
  readonly #clock: Clock;
  readonly #controller = new AbortController();
  readonly #callerSignal?: AbortSignal;
  readonly #onAbort: () => void;
  readonly #cancelTimer?: () => void;
  /** On `clock.nowMs()`; Infinity where the caller waits as long as it takes. */
  readonly deadlineMs: number;

  constructor(clock: Clock, options: { signal?: AbortSignal; timeoutMs?: number }) {
    const { signal, timeoutMs = Infinity } = options;
    this.#clock = clock;
    this.#callerSignal = signal;
    this.deadlineMs = clock.nowMs() + timeoutMs;
    this.#onAbort = () => this.leave(this.#late() ? deadlineOfCaller() : callerLeft());
    signal?.addEventListener("abort", this.#onAbort, { once: true });
    if (signal?.aborted) this.#onAbort();
    else if (timeoutMs !== Infinity) this.#cancelTimer = clock.after(timeoutMs, () => this.leave(deadlineOfCaller()));
  }

  /** Aborted with a PlatformError. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Gives up the invocation; only the first reason counts. */
  leave(reason: PlatformError = callerLeft()): void {
    if (!this.signal.aborted) this.#controller.abort(reason);
  }

  /** What `promise` says, or the reason as soon as the caller leaves; `promise` may then end unseen. */
  wait<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const onAbort = () => reject(this.signal.reason);
      const done = () => this.signal.removeEventListener("abort", onAbort);
      if (this.signal.aborted) onAbort();
      else this.signal.addEventListener("abort", onAbort, { once: true });
      promise.then(resolve, reject).finally(done);
    });
  }

  /** Lets go of the caller's signal and the timer. */
  close(): void {
    this.#callerSignal?.removeEventListener("abort", this.#onAbort);
    this.#cancelTimer?.();
  }

  #late(): boolean {
    return this.#clock.nowMs() >= this.deadlineMs;
  }
}

function callerLeft(): PlatformError {
  return new PlatformError("cancelled", "The caller left", { failure: "cancelled" });
}

function deadlineOfCaller(): PlatformError {
  return new PlatformError("deadline_exceeded", "The caller's deadline passed before the function had answered");
}
