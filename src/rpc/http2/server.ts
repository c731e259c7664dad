/** The server's side of a connection: RFC 9113, 5.1.1, 6.8, 8.1 and 8.3.1. */
import type { StreamEnding } from "./connection.ts";
import { IncomingConnection } from "./incoming.ts";
import { UINT31_MAX, writeGoaway, writeRstStream } from "./frames.ts";
import { encodeStateless } from "./hpack/mod.ts";
import { DEFAULT_LIMITS, type Http2Limits } from "./limits.ts";
import { checkRequest, checkTrailers } from "./messages.ts";
import { foreignStream } from "./payloads.ts";
import { Setting } from "./settings.ts";
import { type Http2Stream, UNTAKEN } from "./stream.ts";
import { type Connection, ErrorCode, type Fields, type Surroundings } from "./types.ts";

/** RFC 6585, 5: what a request with too large header fields is answered with. */
const FIELDS_TOO_LARGE = encodeStateless([":status", "431", "content-length", "0"]);

/** A connection whose peer is a client. `surroundings.onStream` must be there. */
export function createServerConnection(surroundings: Surroundings, limits: Http2Limits = DEFAULT_LIMITS): Connection {
  return new ServerConnection(surroundings, limits);
}

class ServerConnection extends IncomingConnection {
  /** After the final GOAWAY: streams above it are refused. */
  #lastTaken: number | undefined = undefined;
  #shuttingDown = false;
  /** Streams that are answered and whose request is not over, with the time they have had. */
  readonly #discarding = new Map<Http2Stream, number>();

  constructor(surroundings: Surroundings, limits: Http2Limits) {
    super(surroundings, limits, true, [
      [Setting.HEADER_TABLE_SIZE, limits.tableBytesMax],
      [Setting.MAX_CONCURRENT_STREAMS, limits.streamsMax],
      [Setting.INITIAL_WINDOW_SIZE, limits.streamWindowBytes],
      [Setting.MAX_FRAME_SIZE, limits.frameBytesMax],
      [Setting.MAX_HEADER_LIST_SIZE, limits.headerListBytesMax],
    ]);
  }

  /** Two steps, so that no request that is under way is lost: RFC 9113, 6.8. */
  shutdown(): void {
    if (this.ended || this.#shuttingDown) return;
    this.#shuttingDown = true;
    writeGoaway(this.out, UINT31_MAX, ErrorCode.NO_ERROR, "shutting down");
    this.announce();
    this.wake();
  }

  protected override announced(): void {
    this.#lastTaken = this.lastId;
    this.leaving = true;
    writeGoaway(this.out, this.#lastTaken, ErrorCode.NO_ERROR, "shutting down");
    this.wake();
  }

  protected override lastTaken(): number {
    return this.#lastTaken ?? this.lastId;
  }

  protected override isIdle(id: number): boolean {
    return id > this.lastId || (id & 1) === 0;
  }

  protected override headerBlock(id: number, fields: Fields | undefined, endStream: boolean): void {
    if ((id & 1) === 0) throw foreignStream(id);
    const stream = this.opened.get(id);
    if (stream !== undefined) this.#trailers(stream, fields, endStream);
    else if (id <= this.lastId) this.lateBlock(id);
    else this.#request(id, fields, endStream);
  }

  #request(id: number, fields: Fields | undefined, endStream: boolean): void {
    this.lastId = id;
    if (this.#lastTaken !== undefined) {
      this.rejectStream(id, ErrorCode.REFUSED_STREAM);
      return this.floods.refusal();
    }
    if (this.streams >= this.limits.streamsMax) {
      this.surroundings.onViolation?.("too_many_streams", ErrorCode.REFUSED_STREAM);
      this.rejectStream(id, ErrorCode.REFUSED_STREAM);
      return this.floods.refusal();
    }
    this.floods.streamOpened();
    const contentLength = fields === undefined ? -1 : checkRequest(fields);
    const stream = this.openStream(id);
    stream.remoteBegun = true;
    stream.remoteEnded = endStream;
    if (fields === undefined) {
      stream.sendHeaders(FIELDS_TOO_LARGE, true);
      return this.floods.streamFault();
    }
    stream.contentLength = contentLength;
    if (endStream && contentLength > 0) {
      return this.streamFault(stream, ErrorCode.PROTOCOL_ERROR, "malformed", "the body is not content-length long");
    }
    this.surroundings.onStream!(stream, fields, endStream);
    if (stream.receiver === UNTAKEN && !stream.closed && !stream.endAsked) stream.reset(ErrorCode.INTERNAL_ERROR);
  }

  #trailers(stream: Http2Stream, fields: Fields | undefined, endStream: boolean): void {
    if (stream.remoteEnded) {
      return this.streamFault(stream, ErrorCode.STREAM_CLOSED, "stream_closed", "HEADERS behind the end");
    }
    if (!endStream) {
      return this.streamFault(stream, ErrorCode.PROTOCOL_ERROR, "malformed", "trailers must end the request");
    }
    if (fields === undefined) {
      return this.streamFault(
        stream,
        ErrorCode.ENHANCE_YOUR_CALM,
        "header_list_too_large",
        "the trailers are too large",
      );
    }
    checkTrailers(fields, true);
    if (stream.contentLength > 0 && stream.receivedBytes !== stream.contentLength) {
      return this.streamFault(stream, ErrorCode.PROTOCOL_ERROR, "malformed", "the body is not content-length long");
    }
    stream.remoteEnded = true;
    if (!stream.endAsked) stream.receiver.onTrailers(fields);
    if (stream.localEnded && !stream.closed) this.over(stream, "ended");
  }

  protected override body(stream: Http2Stream, bytes: Uint8Array, endStream: boolean): void {
    if (!stream.endAsked) return stream.receiver.onData(bytes, endStream);
    stream.discardedBytes += bytes.length;
    if (!endStream) this.#discard(stream);
  }

  /** What has come for a stream that is answered is dropped and given back, up to a limit. */
  #discard(stream: Http2Stream): void {
    if (stream.discardedBytes <= this.limits.discardBytesMax) this.consume(stream, stream.unconsumedBytes);
    else if (stream.localEnded) this.#cutOff(stream);
  }

  /** The whole answer is sent: the client need not go on with its request (RFC 9113, 8.1). */
  #cutOff(stream: Http2Stream): void {
    writeRstStream(this.out, stream.id, ErrorCode.NO_ERROR);
    this.over(stream, "reset by us");
  }

  protected override answeredEarly(stream: Http2Stream): void {
    this.#discard(stream);
  }

  protected override endedEarly(stream: Http2Stream): void {
    this.#discarding.set(stream, 0);
  }

  protected override over(stream: Http2Stream, ending: StreamEnding): void {
    if (this.#discarding.size > 0) this.#discarding.delete(stream);
    super.over(stream, ending);
  }

  protected override onTick(elapsedMs: number): void {
    for (const [stream, beforeMs] of this.#discarding) {
      this.#discarding.set(stream, beforeMs + elapsedMs);
      if (beforeMs + elapsedMs > this.limits.discardMsMax) this.#cutOff(stream);
    }
  }

  protected override hears(stream: Http2Stream): boolean {
    return !stream.closed && !stream.localEnded;
  }

  protected override goaway(lastStreamId: number, code: number, reason: string): void {
    this.leaving = true;
    this.surroundings.onGoaway?.(lastStreamId, code, reason);
  }
}
