/** Flow control of RFC 9113, 5.2 and 6.9: what the peer may still send, and when it is told that it may send more. */
import { UINT31_MAX } from "./frames.ts";

/** Every window begins with so many bytes: RFC 9113, 6.9.2. */
export const WINDOW_BYTES_DEFAULT = 65535;

/** One window of ours: a stream's or the connection's. */
export class ReceiveWindow {
  /** The peer may send so many more bytes. */
  available: number;
  /** What the window is brought back to. */
  #size: number;
  /** Bytes consumed that the peer has not been told of. */
  #owed = 0;

  constructor(size: number) {
    this.available = size;
    this.#size = size;
  }

  /**
   * Counts received bytes; false when the peer sent more than it may. Nothing may always be sent, even while a changed
   * setting has made the window negative.
   */
  take(bytes: number): boolean {
    if (bytes > this.available && bytes > 0) return false;
    this.available -= bytes;
    return true;
  }

  /**
   * Bytes are consumed. The answer is the WINDOW_UPDATE to send now, or 0: updates wait until half of the window is
   * owed, so that small messages do not cost a frame each.
   */
  giveBack(bytes: number): number {
    this.#owed += bytes;
    if (this.#owed * 2 < this.#size) return 0;
    const increment = this.#owed;
    this.#owed = 0;
    this.available += increment;
    return increment;
  }

  /** The window's size itself has changed by `delta` bytes: by a setting the peer acknowledged, or an update sent. */
  resize(delta: number): void {
    this.#size += delta;
    this.available += delta;
  }
}

/** Whether a window of the peer's must not be increased by `increment`, since it would exceed 2^31-1 (RFC 9113, 6.9.1). */
export function overflows(window: number, increment: number): boolean {
  return window + increment > UINT31_MAX;
}
