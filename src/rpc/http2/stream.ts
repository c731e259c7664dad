/** One stream: RFC 9113, 5. It holds its state; what is sent goes through the connection it belongs to. */
import { assert } from "../../base/mod.ts";
import { ReceiveWindow } from "./flow.ts";
import { LENGTH_UNKNOWN } from "./messages.ts";
import type { HeaderBlock, Stream, StreamReceiver } from "./types.ts";

/** What a stream needs of its connection. */
export interface StreamHost {
  sendHeaders(stream: Http2Stream, block: HeaderBlock, endStream: boolean): void;
  sendData(stream: Http2Stream, bytes: Uint8Array, endStream: boolean): boolean;
  sendTrailers(stream: Http2Stream, block: HeaderBlock): void;
  reset(stream: Http2Stream, code: number): void;
  consume(stream: Http2Stream, bytes: number): void;
}

/** The receiver of a stream that nobody has taken yet. */
export const UNTAKEN: StreamReceiver = {
  onHeaders() {},
  onData() {},
  onTrailers() {},
  onDrain() {},
  onReset() {},
};

const NO_BYTES = new Uint8Array(0);

export class Http2Stream implements Stream {
  readonly id: number;
  receiver: StreamReceiver = UNTAKEN;
  closed = false;
  readonly #host: StreamHost;

  // What comes in. Written by the connection.
  /** The peer has sent END_STREAM. */
  remoteEnded = false;
  /** The peer's header block that body and trailers may follow has come. */
  remoteBegun = false;
  /** What the body must add up to. */
  contentLength = LENGTH_UNKNOWN;
  receivedBytes = 0;
  readonly receiveWindow: ReceiveWindow;
  /** Received, handed over and not consumed. */
  unconsumedBytes = 0;
  /** Received and dropped after the answer. */
  discardedBytes = 0;
  /** Informational answers so far. */
  informational = 0;
  /** Client: the request was HEAD, whose answer has no body whatever its content-length. */
  headRequest = false;

  // What goes out. Written by the sender.
  /** The header block that body and trailers may follow was sent. */
  begun = false;
  /** The last of what is to be sent has been handed in. */
  endAsked = false;
  /** END_STREAM has been sent. */
  localEnded = false;
  /** What the peer takes now; negative after its setting was lowered (RFC 9113, 6.9.2). */
  sendWindow: number;
  queuedBytes = 0;
  /** Trailers that wait behind queued data. */
  trailers: HeaderBlock | undefined = undefined;
  /** `sendData` has answered false, so that `onDrain` is owed. */
  drainOwed = false;
  /** Pieces of queued data from `#head` on; the first one from `#offset` on. */
  #queue: Uint8Array[] | undefined = undefined;
  #head = 0;
  #offset = 0;

  /** Neighbours in the sender's round of streams that may send. */
  inRound = false;
  previous: Http2Stream | undefined = undefined;
  next: Http2Stream | undefined = undefined;

  constructor(id: number, host: StreamHost, receiveWindowBytes: number, sendWindow: number) {
    this.id = id;
    this.#host = host;
    this.receiveWindow = new ReceiveWindow(receiveWindowBytes);
    this.sendWindow = sendWindow;
  }

  sendHeaders(block: HeaderBlock, endStream: boolean): void {
    if (this.closed) return;
    assert(!this.begun, `stream ${this.id}: the header block was sent before`);
    this.#host.sendHeaders(this, block, endStream);
  }

  sendData(bytes: Uint8Array, endStream: boolean): boolean {
    if (this.closed) return true;
    assert(this.begun && !this.endAsked, `stream ${this.id}: data must stand between header block and end`);
    return this.#host.sendData(this, bytes, endStream);
  }

  sendTrailers(block: HeaderBlock): void {
    if (this.closed) return;
    assert(this.begun && !this.endAsked, `stream ${this.id}: trailers must stand between header block and end`);
    this.#host.sendTrailers(this, block);
  }

  reset(code: number): void {
    if (!this.closed) this.#host.reset(this, code);
  }

  consume(bytes: number): void {
    if (!this.closed) this.#host.consume(this, bytes);
  }

  /** Puts `bytes` behind what is queued. */
  enqueue(bytes: Uint8Array): void {
    if (this.#queue === undefined) this.#queue = [bytes];
    else this.#queue.push(bytes);
    this.queuedBytes += bytes.length;
  }

  /** Moves the first `count` queued bytes to `into` at `at`. */
  dequeue(count: number, into: Uint8Array, at: number): void {
    const queue = this.#queue!;
    this.queuedBytes -= count;
    while (count > 0) {
      const piece = queue[this.#head];
      const taken = Math.min(count, piece.length - this.#offset);
      into.set(
        this.#offset === 0 && taken === piece.length ? piece : piece.subarray(this.#offset, this.#offset + taken),
        at,
      );
      at += taken;
      count -= taken;
      this.#offset += taken;
      if (this.#offset < piece.length) continue;
      queue[this.#head++] = NO_BYTES;
      this.#offset = 0;
      if (this.#head < 64 || this.#head * 2 < queue.length) continue;
      queue.splice(0, this.#head);
      this.#head = 0;
    }
    if (this.queuedBytes === 0) this.dropQueue();
  }

  /** Forgets what is queued. */
  dropQueue(): void {
    this.#queue = undefined;
    this.#head = 0;
    this.#offset = 0;
    this.queuedBytes = 0;
  }
}
