/**
 * What goes out on streams: header blocks at once, data as far as the windows and the socket take it, the rest queued.
 * Streams that have something queued and window for it take turns, a frame each, so that none starves another.
 */
import type { ByteWriter } from "./bytes.ts";
import type { Floods } from "./floods.ts";
import { WINDOW_BYTES_DEFAULT } from "./flow.ts";
import { Flag, FRAME_BYTES_DEFAULT, FrameType, writeFrameHeader } from "./frames.ts";
import { writeHeaderBlock } from "./header_blocks.ts";
import { encodeStateless, HpackEncoder } from "./hpack/mod.ts";
import type { Http2Limits } from "./limits.ts";
import type { Http2Stream } from "./stream.ts";
import type { HeaderBlock } from "./types.ts";

/** Whoever keeps the streams' states. */
export interface SenderHost {
  /** END_STREAM of `stream` has been sent. */
  localEnded(stream: Http2Stream): void;
}

/** A frame that the peer's window made smaller than this earns the peer no credit. */
const CUT_BYTES = 1024;

export class Sender {
  /** What the peer takes on all streams now. */
  window = WINDOW_BYTES_DEFAULT;
  /** The largest payload the peer takes. */
  frameBytesMax = FRAME_BYTES_DEFAULT;
  /** Queued on all streams. */
  queuedBytes = 0;
  /** Grows with all data sent: a connection with data queued that it does not grow on stands still. */
  sentBytes = 0;
  /** The socket takes no more: data is queued until it does. */
  blocked = false;
  /** Streams whose `onDrain` is due. */
  drained: Http2Stream[] = [];

  readonly encoder = new HpackEncoder();
  readonly #out: ByteWriter;
  readonly #limits: Http2Limits;
  readonly #floods: Floods;
  readonly #host: SenderHost;
  /** The round: who is first in it sends next, and then goes to its end. */
  #first: Http2Stream | undefined = undefined;
  #last: Http2Stream | undefined = undefined;

  constructor(out: ByteWriter, limits: Http2Limits, floods: Floods, host: SenderHost) {
    this.#out = out;
    this.#limits = limits;
    this.#floods = floods;
    this.#host = host;
  }

  /** Sends a header block. `final`: body or trailers may follow, no other header block. */
  headers(stream: Http2Stream, block: HeaderBlock, endStream: boolean, final: boolean): void {
    writeHeaderBlock(this.#out, this.encoder, stream.id, block, endStream, this.frameBytesMax);
    if (final) stream.begun = true;
    this.#floods.contentSent(false);
    if (endStream) this.#end(stream);
  }

  /** Whether `bytes` more may be queued. */
  hasRoom(bytes: number): boolean {
    return this.queuedBytes + bytes <= this.#limits.connectionQueueBytesMax;
  }

  /** Sends or queues; false when the stream should wait for its `onDrain`. There must be room. */
  data(stream: Http2Stream, bytes: Uint8Array, endStream: boolean): boolean {
    const length = bytes.length;
    if (endStream) stream.endAsked = true;
    if (stream.queuedBytes === 0 && (length === 0 || this.#fits(stream, length))) {
      if (length > 0 || endStream) this.#writeWhole(stream, bytes, endStream);
      return true;
    }
    if (length > 0) {
      stream.enqueue(bytes);
      this.queuedBytes += length;
      this.#enter(stream);
    }
    const { streamQueueBytesHigh, connectionQueueBytesHigh } = this.#limits;
    if (stream.queuedBytes < streamQueueBytesHigh && this.queuedBytes < connectionQueueBytesHigh) return true;
    stream.drainOwed = true;
    return false;
  }

  /** Sends trailers, or keeps them until queued data is out. */
  trailers(stream: Http2Stream, block: HeaderBlock): void {
    // Encoded now, so that what is wrong with them is the caller's error and not the connection's later.
    if (stream.queuedBytes > 0) stream.trailers = block instanceof Uint8Array ? block : encodeStateless(block);
    else this.headers(stream, block, true, true);
    stream.endAsked = true;
  }

  /** The stream's window or the socket's has grown. */
  resume(stream: Http2Stream): void {
    if (stream.queuedBytes > 0) this.#enter(stream);
  }

  /** The stream is over: what it has queued is dropped. */
  drop(stream: Http2Stream): void {
    if (stream.queuedBytes > 0) {
      this.queuedBytes -= stream.queuedBytes;
      stream.dropQueue();
    }
    stream.trailers = undefined;
    if (stream.inRound) this.#leave(stream);
  }

  /** Sends what is queued as far as the windows and one write allow. */
  emit(): void {
    while (this.#first !== undefined && this.window > 0 && this.#takesMore()) {
      const stream = this.#first;
      this.#leave(stream);
      if (stream.sendWindow <= 0) continue;
      this.#writeQueued(stream);
      if (stream.queuedBytes > 0) this.#enter(stream);
    }
  }

  #takesMore(): boolean {
    return !this.blocked && this.#out.length < this.#limits.writeBytesMax;
  }

  /** Whether data may go out at once: it fits, and nobody stands in the queue for the same window. */
  #fits(stream: Http2Stream, length: number): boolean {
    return length <= this.frameBytesMax && length <= stream.sendWindow && length <= this.window &&
      this.#first === undefined && this.#takesMore();
  }

  #writeWhole(stream: Http2Stream, bytes: Uint8Array, endStream: boolean): void {
    writeFrameHeader(this.#out, bytes.length, FrameType.DATA, endStream ? Flag.END_STREAM : 0, stream.id);
    this.#out.bytes(bytes);
    this.#count(stream, bytes.length);
    this.#floods.contentSent(false);
    if (endStream) this.#end(stream);
  }

  #writeQueued(stream: Http2Stream): void {
    const queued = stream.queuedBytes;
    const allowed = Math.min(stream.sendWindow, this.window);
    const length = Math.min(this.frameBytesMax, allowed, queued);
    const ends = length === queued && stream.endAsked && stream.trailers === undefined;
    const out = this.#out;
    writeFrameHeader(out, length, FrameType.DATA, ends ? Flag.END_STREAM : 0, stream.id);
    stream.dequeue(length, out.buffer, out.length);
    out.length += length;
    this.queuedBytes -= length;
    this.#count(stream, length);
    this.#floods.contentSent(length < queued && length < CUT_BYTES);
    if (stream.drainOwed && stream.queuedBytes * 2 <= this.#limits.streamQueueBytesHigh) {
      stream.drainOwed = false;
      if (!stream.endAsked) this.drained.push(stream);
    }
    if (ends) this.#end(stream);
    else if (stream.queuedBytes === 0 && stream.trailers !== undefined) {
      const block = stream.trailers;
      stream.trailers = undefined;
      this.headers(stream, block, true, true);
    }
  }

  #count(stream: Http2Stream, length: number): void {
    stream.sendWindow -= length;
    this.window -= length;
    this.sentBytes += length;
  }

  #end(stream: Http2Stream): void {
    stream.endAsked = true;
    stream.localEnded = true;
    this.#host.localEnded(stream);
  }

  #enter(stream: Http2Stream): void {
    if (stream.inRound || stream.sendWindow <= 0) return;
    stream.inRound = true;
    stream.previous = this.#last;
    if (this.#last === undefined) this.#first = stream;
    else this.#last.next = stream;
    this.#last = stream;
  }

  #leave(stream: Http2Stream): void {
    stream.inRound = false;
    const { previous, next } = stream;
    if (previous === undefined) this.#first = next;
    else previous.next = next;
    if (next === undefined) this.#last = previous;
    else next.previous = previous;
    stream.previous = stream.next = undefined;
  }
}
