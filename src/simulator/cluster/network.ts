import { type CallOptions, PlatformError, type Random } from "../../base/mod.ts";
import { exponential } from "../workloads/draw.ts";
import type { VirtualClock } from "../engine/virtual_clock.ts";

/** How messages travel between two services. */
export interface NetworkOptions {
  /** One way, in milliseconds: at least … */
  readonly delayMsMin: number;
  /** … and so much more on average, exponentially distributed: later messages overtake earlier ones. */
  readonly delayMsMore: number;
  /** Share of messages, either way, that never arrive. */
  readonly lossRate: number;
  /** Share of requests that arrive twice, each with a delay of its own. */
  readonly duplicateRate: number;
}

/** About a millisecond there and back. */
export const DEFAULT_NETWORK: NetworkOptions = {
  delayMsMin: 0.3,
  delayMsMore: 0.2,
  lossRate: 0,
  duplicateRate: 0,
};

/** Of the messages that are lost, this share is noticed at once, as a connection that breaks; the others by a timeout. */
const NOTICED_SHARE = 0.5;

/** Carries out a request at the far side, and answers it once, at once or later. */
export type Handler<Reply> = (answer: (reply: Reply) => void, fail: (error: PlatformError) => void) => void;

/** Messages with delay, loss, duplication and reordering, all from one seed. */
export class Network {
  readonly #clock: VirtualClock;
  readonly #random: Random;
  options: NetworkOptions;

  constructor(clock: VirtualClock, random: Random, options: NetworkOptions = DEFAULT_NETWORK) {
    this.#clock = clock;
    this.#random = random;
    this.options = options;
  }

  /** How long the next message takes, in milliseconds. */
  delayMs(): number {
    return this.options.delayMsMin + exponential(this.#random, this.options.delayMsMore);
  }

  /** Whether the next message does not arrive. */
  isLost(): boolean {
    return this.options.lossRate > 0 && this.#random.float() < this.options.lossRate;
  }

  /** Whether the next request arrives twice. */
  isDoubled(): boolean {
    return this.options.duplicateRate > 0 && this.#random.float() < this.options.duplicateRate;
  }

  /**
   * Calls `handler` at the far side; its answer comes back. Rejects with `unavailable` or, after `timeoutMs`,
   * `deadline_exceeded` where a message was lost: the far side may have done it all the same.
   */
  call<Reply>({ timeoutMs, signal }: CallOptions, handler: Handler<Reply>): Promise<Reply> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      let isOpen = true;
      const close = (): boolean => {
        const wasOpen = isOpen;
        isOpen = false;
        stopTimer();
        signal?.removeEventListener("abort", onAbort);
        return wasOpen;
      };
      const fail = (error: unknown) => {
        if (close()) reject(error);
      };
      const onAbort = () => fail(signal!.reason);
      signal?.addEventListener("abort", onAbort, { once: true });
      const stopTimer = timeoutMs === undefined ? () => {} : this.#clock.after(timeoutMs, () => {
        fail(new PlatformError("deadline_exceeded", `no answer within ${timeoutMs} ms`));
      });
      const lost = () => {
        if (this.#random.float() >= NOTICED_SHARE) return;
        this.#clock.after(this.delayMs(), () => fail(new PlatformError("unavailable", "the connection broke")));
      };
      const send = (run: () => void) => {
        if (this.isLost()) lost();
        else this.#clock.after(this.delayMs(), run);
      };
      const deliver = () =>
        handler(
          (reply) =>
            send(() => {
              if (close()) resolve(reply);
            }),
          (error) => send(() => fail(error)),
        );
      send(deliver);
      if (this.isDoubled()) send(deliver);
    });
  }
}
