import type { Clock, InvocationFooter } from "../base/mod.ts";
import type { Releases } from "./releases.ts";

/** A container held for one invocation. However many ways lead to its end, it is given back once. */
export class Lease {
  readonly #parts: { releases: Pick<Releases, "push">; clock: Clock };
  readonly #startMs: number;
  #ended = false;

  constructor(
    parts: { releases: Pick<Releases, "push">; clock: Clock },
    readonly requestId: string,
    readonly containerId: string,
  ) {
    this.#parts = parts;
    this.#startMs = parts.clock.nowMs();
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Gives the container back, telling how the run went; a duration of 0 means as long as the lease was held. */
  end(footer: InvocationFooter): void {
    if (this.#ended) return;
    this.#ended = true;
    const { requestId, containerId } = this;
    const heldNanos = Math.round((this.#parts.clock.nowMs() - this.#startMs) * 1e6);
    this.#parts.releases.push({
      requestId,
      containerId,
      durationNanos: footer.durationNanos > 0 ? footer.durationNanos : heldNanos,
      maxMemoryBytes: footer.maxMemoryBytes,
      errorCode: footer.failure?.kind ?? "",
      errorMessage: footer.failure?.message ?? "",
    });
  }
}

/** The footer of a run that has none of its own. */
export function footerOf(failure: NonNullable<InvocationFooter["failure"]>): InvocationFooter {
  return { durationNanos: 0, maxMemoryBytes: 0, failure };
}
