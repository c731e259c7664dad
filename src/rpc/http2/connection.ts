/**
 * What servers and clients share of an HTTP/2 connection (RFC 9113): its turns, its streams, its end. One turn is
 * everything between a call of the owner's and the one write at its end; whatever callbacks send during a turn is
 * appended, whatever is sent outside of one asks for a turn. The peer's frames are read in `incoming.ts`.
 */
import { assert } from "../../base/mod.ts";
import { ByteWriter } from "./bytes.ts";
import { ClosedStreams, type Ending } from "./closed_streams.ts";
import { OpenStreams } from "./open_streams.ts";
import { ConnectionFault } from "./faults.ts";
import { Floods } from "./floods.ts";
import { ReceiveWindow, WINDOW_BYTES_DEFAULT } from "./flow.ts";
import { PREFACE, writeGoaway, writePing, writeRstStream, writeSettings, writeWindowUpdate } from "./frames.ts";
import type { Http2Limits } from "./limits.ts";
import { FrameReader, type FrameSink, PrefaceReader } from "./reader.ts";
import { Sender, type SenderHost } from "./sender.ts";
import { PeerSettings } from "./settings.ts";
import { Http2Stream, type StreamHost } from "./stream.ts";
import { type Connection, CONNECTION_LOST, ErrorCode, type HeaderBlock, type Surroundings } from "./types.ts";
import { Watch } from "./watch.ts";

/** What we send in PINGs, to tell the answers apart. */
const KEEP_ALIVE_PING: Uint8Array = new TextEncoder().encode("mf-alive");
export const SHUTDOWN_PING: Uint8Array = new TextEncoder().encode("mf-leave");

/** What a side says in its SETTINGS: identifiers and values. */
export type OwnSettings = readonly (readonly [id: number, value: number])[];

/** An ending that is worth remembering. */
export type StreamEnding = Exclude<Ending, "unused" | "forgotten">;

export abstract class ConnectionBase implements Connection, StreamHost, SenderHost, FrameSink {
  protected readonly isServer: boolean;
  protected readonly surroundings: Surroundings;
  protected readonly limits: Http2Limits;
  protected readonly out = new ByteWriter();
  protected readonly floods: Floods;
  protected readonly sender: Sender;
  protected readonly peer: PeerSettings;
  protected readonly watch: Watch;
  protected readonly opened = new OpenStreams();
  protected readonly closedStreams = new ClosedStreams();
  /** What the peer may send on all streams. */
  protected readonly window: ReceiveWindow;
  /** The highest stream number that was used; those above are idle. */
  protected lastId = 0;
  /** No further streams: `end` follows when the open ones are over. */
  protected leaving = false;

  readonly #reader: FrameReader;
  readonly #preface: PrefaceReader | undefined;
  #ended = false;
  #inTurn = false;
  #flushWanted = false;
  /** Streams that were reset from within their own methods; their receivers hear of it at the turn's end. */
  #overflowed: Http2Stream[] = [];

  protected constructor(surroundings: Surroundings, limits: Http2Limits, isServer: boolean, settings: OwnSettings) {
    this.isServer = isServer;
    this.surroundings = surroundings;
    this.limits = limits;
    this.floods = new Floods(limits);
    this.sender = new Sender(this.out, limits, this.floods, this);
    this.peer = new PeerSettings(!isServer);
    this.watch = new Watch(limits, isServer);
    this.#reader = new FrameReader(limits.frameBytesMax);
    this.#preface = isServer ? new PrefaceReader() : undefined;
    this.window = new ReceiveWindow(WINDOW_BYTES_DEFAULT);
    if (!isServer) this.out.bytes(PREFACE);
    writeSettings(this.out, settings);
    const more = limits.connectionWindowBytes - WINDOW_BYTES_DEFAULT;
    if (more > 0) {
      this.window.resize(more);
      writeWindowUpdate(this.out, 0, more);
    }
  }

  // ---- for the owner ----

  get streams(): number {
    return this.opened.size;
  }

  get ended(): boolean {
    return this.#ended;
  }

  receive(chunk: Uint8Array): void {
    if (this.#ended) return;
    assert(!this.#inTurn, "receive must not be called from a callback");
    this.#inTurn = true;
    this.watch.heard = true;
    try {
      const at = this.#preface === undefined || this.#preface.complete ? 0 : this.#preface.read(chunk);
      this.#reader.read(chunk, at, this);
    } catch (error) {
      this.#caught(error);
    }
    this.#endTurn();
  }

  flush(): void {
    this.#flushWanted = false;
    if (this.#ended || this.#inTurn) return;
    this.#inTurn = true;
    this.#endTurn();
  }

  writable(): void {
    this.sender.blocked = false;
    this.flush();
  }

  tick(nowMs: number): void {
    if (this.#ended || this.#inTurn) return;
    this.#inTurn = true;
    try {
      const elapsedMs = this.watch.advance(nowMs);
      this.floods.refill(elapsedMs);
      this.onTick(elapsedMs);
      const verdict = this.watch.judge(elapsedMs, {
        streams: this.opened.size,
        blocked: this.sender.blocked,
        queuedBytes: this.sender.queuedBytes,
        sentBytes: this.sender.sentBytes,
      });
      if (verdict?.kind === "ping") writePing(this.out, false, KEEP_ALIVE_PING);
      else if (verdict?.kind === "shutdown") this.shutdown();
      else if (verdict?.kind === "goodbye") this.goodbye();
      else if (verdict?.kind === "fail") throw new ConnectionFault(verdict.code, verdict.violation, verdict.message);
    } catch (error) {
      this.#caught(error);
    }
    this.#endTurn();
  }

  abstract shutdown(): void;

  close(code: number, reason: string): void {
    if (this.#ended) return;
    writeGoaway(this.out, this.lastTaken(), code, reason);
    this.#end(code === ErrorCode.NO_ERROR ? CONNECTION_LOST : code, reason, true);
  }

  closed(): void {
    if (this.#ended) return;
    this.#end(CONNECTION_LOST, "the connection was lost", false);
  }

  // ---- for the roles ----

  /** The last of the peer's streams that was or may be taken up, for GOAWAY. */
  protected abstract lastTaken(): number;
  /** The whole answer or request has been handed in, sent or not, and the peer has not ended yet. */
  protected answeredEarly(_stream: Http2Stream): void {}
  /** END_STREAM of `stream` was sent, and the peer has not ended yet. */
  protected endedEarly(_stream: Http2Stream): void {}
  abstract frame(type: number, flags: number, id: number, bytes: Uint8Array, from: number, to: number): void;
  /** Whether nobody has ever used the stream number `id`. */
  protected abstract isIdle(id: number): boolean;
  /** A stream is over, or the peer's settings have changed. */
  protected onRoom(): void {}
  protected onTick(_elapsedMs: number): void {}
  /** Whether the role has to call somebody at the end of a turn. */
  protected owesCalls(): boolean {
    return false;
  }
  protected callOwed(): void {}

  /** Makes a stream and opens it. */
  protected openStream(id: number): Http2Stream {
    const receiveWindow = this.watch.acknowledged ? this.limits.streamWindowBytes : WINDOW_BYTES_DEFAULT;
    const stream = new Http2Stream(id, this, receiveWindow, this.peer.initialWindowBytes);
    this.opened.add(stream);
    return stream;
  }

  /** The stream is over, one way or the other. */
  protected over(stream: Http2Stream, ending: StreamEnding): void {
    stream.closed = true;
    this.opened.delete(stream.id);
    this.closedStreams.remember(stream.id, ending);
    this.sender.drop(stream);
    if (stream.unconsumedBytes > 0) this.returnToConnection(stream.unconsumedBytes);
    if (ending === "ended") this.floods.streamEnded();
    this.onRoom();
  }

  /** The peer has broken a rule on `stream`: RFC 9113, 5.4.2. */
  protected streamFault(stream: Http2Stream, code: number, violation: string, reason: string): void {
    this.surroundings.onViolation?.(violation, code);
    writeRstStream(this.out, stream.id, code);
    const hears = this.hears(stream);
    this.over(stream, "reset by us");
    if (hears) stream.receiver.onReset(code, reason);
    this.floods.streamFault();
  }

  /** Whether the stream's receiver is still told what happens. */
  protected hears(stream: Http2Stream): boolean {
    return !stream.closed;
  }

  /** Refuses a stream that is not open. */
  protected rejectStream(id: number, code: number): void {
    writeRstStream(this.out, id, code);
    this.closedStreams.remember(id, "reset by us");
  }

  protected returnToConnection(bytes: number): void {
    const increment = this.window.giveBack(bytes);
    if (increment > 0) writeWindowUpdate(this.out, 0, increment);
  }

  protected returnToStream(stream: Http2Stream, bytes: number): void {
    if (stream.remoteEnded || stream.closed) return;
    const increment = stream.receiveWindow.giveBack(bytes);
    if (increment > 0) writeWindowUpdate(this.out, stream.id, increment);
  }

  /** What was sent outside of a turn goes out soon. */
  protected wake(): void {
    if (this.#inTurn || this.#flushWanted || this.#ended) return;
    this.#flushWanted = true;
    this.surroundings.wantFlush();
  }

  /** Writes a PING by which the peer shows that it has seen what was sent before. */
  protected announce(): void {
    this.watch.announcing = true;
    writePing(this.out, false, SHUTDOWN_PING);
  }

  /** The announcement has been seen. */
  protected announced(): void {}

  /** The second step of a shutdown: the announcement has been seen, or nobody waits for that any longer. */
  protected goodbye(): void {
    this.watch.announcing = false;
    this.announced();
  }

  // ---- for the streams ----

  sendHeaders(stream: Http2Stream, block: HeaderBlock, endStream: boolean): void {
    const final = endStream || block instanceof Uint8Array || block[0] !== ":status" || block[1].charCodeAt(0) !== 0x31;
    this.sender.headers(stream, block, endStream, final);
    this.#sent(stream);
  }

  sendData(stream: Http2Stream, bytes: Uint8Array, endStream: boolean): boolean {
    if (!this.sender.hasRoom(bytes.length)) {
      this.surroundings.onViolation?.("send_queue", ErrorCode.ENHANCE_YOUR_CALM);
      this.reset(stream, ErrorCode.ENHANCE_YOUR_CALM);
      this.#overflowed.push(stream);
      return false;
    }
    const goesOn = this.sender.data(stream, bytes, endStream);
    this.#sent(stream);
    return goesOn;
  }

  sendTrailers(stream: Http2Stream, block: HeaderBlock): void {
    this.sender.trailers(stream, block);
    this.#sent(stream);
  }

  #sent(stream: Http2Stream): void {
    if (stream.endAsked && !stream.remoteEnded && !stream.closed) this.answeredEarly(stream);
    this.wake();
  }

  reset(stream: Http2Stream, code: number): void {
    writeRstStream(this.out, stream.id, code);
    this.over(stream, "reset by us");
    this.wake();
  }

  consume(stream: Http2Stream, bytes: number): void {
    const count = Math.min(bytes, stream.unconsumedBytes);
    stream.unconsumedBytes -= count;
    const before = this.out.length;
    this.returnToConnection(count);
    this.returnToStream(stream, count);
    if (this.out.length > before) this.wake();
  }

  localEnded(stream: Http2Stream): void {
    if (stream.remoteEnded) this.over(stream, "ended");
    else this.endedEarly(stream);
  }

  // ---- turns and ends ----

  #endTurn(): void {
    try {
      this.#writeOut();
      if (this.#owes()) {
        this.#callBack();
        this.#writeOut();
      }
      if (this.leaving && this.opened.size === 0 && !this.#ended) {
        this.#end(ErrorCode.NO_ERROR, "", true);
      }
    } catch (error) {
      this.#caught(error);
    }
    this.#inTurn = false;
    if (this.#owes()) this.wake();
  }

  #writeOut(): void {
    const { sender, out } = this;
    while (!this.#ended) {
      sender.emit();
      if (out.length === 0) return;
      if (sender.blocked) {
        if (out.length <= this.limits.blockedBytesMax) return;
        throw new ConnectionFault(ErrorCode.ENHANCE_YOUR_CALM, "output_backlog", "answers are asked for and not read");
      }
      if (this.surroundings.write(out.take()) === false) sender.blocked = true;
    }
  }

  /** Whether somebody must be called of whom this turn's frames said nothing. */
  #owes(): boolean {
    return this.sender.drained.length > 0 || this.#overflowed.length > 0 || this.owesCalls();
  }

  #callBack(): void {
    if (this.owesCalls()) this.callOwed();
    const { drained } = this.sender;
    this.sender.drained = [];
    for (const stream of drained) {
      if (!stream.closed) stream.receiver.onDrain();
    }
    this.#tellOverflowed();
  }

  #tellOverflowed(): void {
    const overflowed = this.#overflowed;
    this.#overflowed = [];
    for (const stream of overflowed) this.#tellReset(stream, ErrorCode.ENHANCE_YOUR_CALM, "too much is queued");
  }

  /** At a connection's end one receiver's trouble must not keep the others from hearing of it. */
  #tellReset(stream: Http2Stream, code: number, reason: string): void {
    try {
      stream.receiver.onReset(code, reason);
    } catch (error) {
      this.surroundings.onFault?.(error);
    }
  }

  #caught(error: unknown): void {
    if (this.#ended) {
      if (!(error instanceof ConnectionFault)) this.surroundings.onFault?.(error);
      return;
    }
    if (error instanceof ConnectionFault) {
      this.surroundings.onViolation?.(error.violation, error.code);
      return this.close(error.code, error.message);
    }
    this.surroundings.onFault?.(error);
    this.close(ErrorCode.INTERNAL_ERROR, "internal error");
  }

  #end(code: number, reason: string, tell: boolean): void {
    this.#ended = true;
    const streams = this.opened.all();
    this.opened.clear();
    for (const stream of streams) {
      const hears = this.hears(stream);
      stream.closed = true;
      this.sender.drop(stream);
      if (hears) this.#tellReset(stream, code, reason);
    }
    this.#tellOverflowed();
    if (!tell) return;
    if (this.out.length > 0) this.surroundings.write(this.out.take());
    this.surroundings.end();
  }
}
