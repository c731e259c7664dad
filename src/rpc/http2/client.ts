/** The client's side of a connection: RFC 9113, 5.1.1, 6.8, 8.1 and 8.3.2. */
import { assert } from "../../base/mod.ts";
import { IncomingConnection } from "./incoming.ts";
import { UINT31_MAX, writeGoaway } from "./frames.ts";
import { DEFAULT_LIMITS, type Http2Limits } from "./limits.ts";
import { checkAnswer, checkTrailers } from "./messages.ts";
import { foreignStream } from "./payloads.ts";
import { Setting } from "./settings.ts";
import type { Http2Stream } from "./stream.ts";
import {
  type ClientConnection,
  ErrorCode,
  type Fields,
  type HeaderBlock,
  type Stream,
  type StreamReceiver,
  type Surroundings,
} from "./types.ts";

/** A connection whose peer is a server. */
export function createClientConnection(
  surroundings: Surroundings,
  limits: Http2Limits = DEFAULT_LIMITS,
): ClientConnection {
  return new ClientSide(surroundings, limits);
}

class ClientSide extends IncomingConnection implements ClientConnection {
  #nextId = 1;
  /** `open` found no room. */
  #capacityWanted = false;
  #capacityGrown = false;
  /** What the peer's last GOAWAY said. */
  #lastServed = UINT31_MAX;

  constructor(surroundings: Surroundings, limits: Http2Limits) {
    super(surroundings, limits, false, [
      [Setting.HEADER_TABLE_SIZE, limits.tableBytesMax],
      [Setting.ENABLE_PUSH, 0],
      [Setting.INITIAL_WINDOW_SIZE, limits.streamWindowBytes],
      [Setting.MAX_FRAME_SIZE, limits.frameBytesMax],
      [Setting.MAX_HEADER_LIST_SIZE, limits.headerListBytesMax],
    ]);
  }

  get accepts(): boolean {
    return !this.ended && !this.leaving && this.#nextId <= UINT31_MAX;
  }

  get capacity(): number {
    return this.accepts ? Math.max(0, this.peer.streamsMax - this.streams) : 0;
  }

  open(block: HeaderBlock, endStream: boolean, receiver: StreamReceiver): Stream | undefined {
    if (!this.accepts) return undefined;
    if (this.streams >= this.peer.streamsMax) {
      this.#capacityWanted = true;
      return undefined;
    }
    const id = this.#nextId;
    const stream = this.openStream(id);
    stream.receiver = receiver;
    stream.headRequest = isHead(block);
    try {
      stream.sendHeaders(block, endStream);
    } catch (error) {
      // Nothing was sent, so the number is not used.
      this.opened.delete(id);
      stream.closed = true;
      throw error;
    }
    this.#nextId = id + 2;
    this.lastId = id;
    return stream;
  }

  shutdown(): void {
    if (this.ended || this.leaving) return;
    this.leaving = true;
    writeGoaway(this.out, 0, ErrorCode.NO_ERROR, "done");
    this.wake();
  }

  protected override lastTaken(): number {
    return 0;
  }

  protected override isIdle(id: number): boolean {
    return id > this.lastId || (id & 1) === 0;
  }

  protected override headerBlock(id: number, fields: Fields | undefined, endStream: boolean): void {
    if (this.isIdle(id)) throw foreignStream(id);
    const stream = this.opened.get(id);
    if (stream === undefined) return this.lateBlock(id);
    if (stream.remoteEnded) {
      return this.streamFault(stream, ErrorCode.STREAM_CLOSED, "stream_closed", "HEADERS behind the end");
    }
    if (fields === undefined) {
      return this.streamFault(
        stream,
        ErrorCode.ENHANCE_YOUR_CALM,
        "header_list_too_large",
        `the answer's header fields exceed ${this.limits.headerListBytesMax} bytes or ${this.limits.headerFieldsMax}`,
      );
    }
    if (stream.remoteBegun) this.#trailers(stream, fields, endStream);
    else this.#answer(stream, fields, endStream);
    if (stream.remoteEnded && stream.localEnded && !stream.closed) this.over(stream, "ended");
  }

  #answer(stream: Http2Stream, fields: Fields, endStream: boolean): void {
    const { status, contentLength } = checkAnswer(fields);
    if (status < 200) {
      if (endStream || ++stream.informational > this.limits.informationalMax) {
        return this.streamFault(stream, ErrorCode.PROTOCOL_ERROR, "malformed", "no final answer comes");
      }
      return stream.receiver.onHeaders(fields, false);
    }
    stream.remoteBegun = true;
    const bodyless = stream.headRequest || status === 204 || status === 304;
    stream.contentLength = bodyless ? 0 : contentLength;
    if (endStream && stream.contentLength > 0) {
      return this.streamFault(stream, ErrorCode.PROTOCOL_ERROR, "malformed", "the body is not content-length long");
    }
    stream.remoteEnded = endStream;
    stream.receiver.onHeaders(fields, endStream);
  }

  #trailers(stream: Http2Stream, fields: Fields, endStream: boolean): void {
    if (!endStream) {
      return this.streamFault(stream, ErrorCode.PROTOCOL_ERROR, "malformed", "trailers must end the answer");
    }
    checkTrailers(fields, false);
    if (stream.contentLength > 0 && stream.receivedBytes !== stream.contentLength) {
      return this.streamFault(stream, ErrorCode.PROTOCOL_ERROR, "malformed", "the body is not content-length long");
    }
    stream.remoteEnded = true;
    stream.receiver.onTrailers(fields);
  }

  protected override body(stream: Http2Stream, bytes: Uint8Array, endStream: boolean): void {
    stream.receiver.onData(bytes, endStream);
  }

  /** Streams that the server will not take up may be tried again elsewhere: RFC 9113, 6.8. */
  protected override goaway(lastStreamId: number, code: number, reason: string): void {
    this.leaving = true;
    this.#lastServed = Math.min(this.#lastServed, lastStreamId);
    this.surroundings.onGoaway?.(lastStreamId, code, reason);
    for (const stream of this.opened.all()) {
      if (stream.id <= this.#lastServed || stream.closed) continue;
      this.over(stream, "reset by us");
      stream.receiver.onReset(ErrorCode.REFUSED_STREAM, "the server takes no more requests");
    }
  }

  protected override onRoom(): void {
    if (this.#capacityWanted && this.capacity > 0) {
      this.#capacityGrown = true;
      this.wake();
    }
  }

  protected override owesCalls(): boolean {
    return this.#capacityGrown;
  }

  protected override callOwed(): void {
    this.#capacityGrown = this.#capacityWanted = false;
    this.surroundings.onCapacity?.();
  }
}

function isHead(block: HeaderBlock): boolean {
  if (block instanceof Uint8Array) return false;
  const at = block.indexOf(":method");
  assert(at >= 0, "a request needs a :method");
  return block[at + 1] === "HEAD";
}
