import { Code, ConnectError } from "@connectrpc/connect";
import { MESSAGE_BYTES_MAX } from "../../base/mod.ts";

/** Before each message: one byte of flags, and its length in four. */
export const PREFIX_BYTES = 5;
const COMPRESSED = 1;
/** What is set aside for a message before any of it has come, however long it says it is: small, times all streams. */
const BUFFER_BYTES_MIN = 1024;

/** Throws where a message with this prefix will not be read: too long, or compressed without saying how. */
export function checkPrefix(flags: number, length: number): void {
  if (length > MESSAGE_BYTES_MAX) {
    const limit = `message size ${length} is larger than configured readMaxBytes ${MESSAGE_BYTES_MAX}`;
    throw new ConnectError(limit, Code.ResourceExhausted);
  }
  if (flags & COMPRESSED) {
    throw new ConnectError("received compressed envelope, but do not know how to decompress", Code.Internal);
  }
}

/** Reads the one message of a unary call that comes in pieces. The words of its errors are Connect's, as on other paths. */
export class MessageReader {
  #seen: number;
  readonly #prefix = new Uint8Array(PREFIX_BYTES);
  #prefixBytes = 0;
  #length = 0;
  #message = new Uint8Array(0);
  #messageBytes = 0;

  /** `seen` messages have been read already, by somebody else. */
  constructor(seen = 0) {
    this.#seen = seen;
  }

  /**
   * Reads on; the message where it is complete with this, in bytes of its own.
   * @throws ConnectError where it is not to be read, or where a second one follows
   */
  take(bytes: Uint8Array): Uint8Array | undefined {
    let complete: Uint8Array | undefined;
    for (let at = 0; at < bytes.length || this.#isComplete();) {
      if (this.#prefixBytes < PREFIX_BYTES) {
        while (this.#prefixBytes < PREFIX_BYTES && at < bytes.length) this.#prefix[this.#prefixBytes++] = bytes[at++];
        if (this.#prefixBytes === PREFIX_BYTES) this.#begin();
      } else if (!this.#isComplete()) {
        const count = Math.min(this.#length - this.#messageBytes, bytes.length - at);
        this.#append(bytes.subarray(at, at + count));
        at += count;
      } else {
        if (++this.#seen > 1) throw unimplemented("received extra input message for unary method");
        complete = this.#message.subarray(0, this.#length);
        this.#message = new Uint8Array(0);
        this.#prefixBytes = this.#messageBytes = this.#length = 0;
      }
    }
    return complete;
  }

  /**
   * Nothing more comes.
   * @throws ConnectError where that is too early
   */
  end(): void {
    if (this.#prefixBytes > 0) throw new ConnectError("protocol error: incomplete envelope", Code.InvalidArgument);
    if (this.#seen === 0) throw unimplemented("missing input message for unary method");
  }

  #isComplete(): boolean {
    return this.#prefixBytes === PREFIX_BYTES && this.#messageBytes === this.#length;
  }

  #begin(): void {
    this.#length = new DataView(this.#prefix.buffer).getUint32(1);
    checkPrefix(this.#prefix[0], this.#length);
  }

  #append(bytes: Uint8Array): void {
    const needed = this.#messageBytes + bytes.length;
    // A second message is refused when it is complete: nobody keeps it.
    if (this.#seen === 0) {
      if (needed > this.#message.length) {
        const capacity = Math.min(this.#length, Math.max(2 * needed, BUFFER_BYTES_MIN));
        const larger = new Uint8Array(capacity);
        larger.set(this.#message.subarray(0, this.#messageBytes));
        this.#message = larger;
      }
      this.#message.set(bytes, this.#messageBytes);
    }
    this.#messageBytes = needed;
  }
}

function unimplemented(what: string): ConnectError {
  return new ConnectError(`protocol error: ${what}`, Code.Unimplemented);
}
