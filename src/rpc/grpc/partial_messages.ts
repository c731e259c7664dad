import { MESSAGE_BYTES_MAX } from "../../base/mod.ts";

/** Bytes of messages that are not complete, over all calls of a connection, before most of them must wait. */
export const PARTIAL_BYTES_MAX = 2 * MESSAGE_BYTES_MAX;

/** Where received bytes are given back to the peer's windows. */
export interface Windows {
  consume(bytes: number): void;
}

/**
 * Bounds what one connection makes us hold in messages that have begun and not ended, without making anyone wait for
 * ever: past the bound only the oldest of them goes on, the others keep what they sent in their windows until it ends.
 * Together that is at most the bound, one message, and the connection's window.
 */
export class PartialMessages {
  /** In the order in which they began. */
  readonly #calls = new Map<Windows, { held: number; owed: number }>();
  #held = 0;

  /** Bytes held now. */
  get bytes(): number {
    return this.#held;
  }

  /** `bytes` of a message that is not complete came in `call`: they are given back now or later. */
  hold(call: Windows, bytes: number): void {
    let state = this.#calls.get(call);
    if (!state) this.#calls.set(call, state = { held: 0, owed: 0 });
    state.held += bytes;
    state.owed += bytes;
    this.#held += bytes;
    if (this.#held <= PARTIAL_BYTES_MAX || this.#oldest() === call) pay(call, state);
  }

  /** The message of `call` is complete, or never will be. */
  release(call: Windows): void {
    const state = this.#calls.get(call);
    if (!state) return;
    this.#calls.delete(call);
    this.#held -= state.held;
    pay(call, state);
    for (const [other, its] of this.#calls) {
      pay(other, its);
      if (this.#held > PARTIAL_BYTES_MAX) break;
    }
  }

  #oldest(): Windows | undefined {
    return this.#calls.keys().next().value;
  }
}

function pay(call: Windows, state: { owed: number }): void {
  if (state.owed === 0) return;
  const { owed } = state;
  state.owed = 0;
  call.consume(owed);
}
