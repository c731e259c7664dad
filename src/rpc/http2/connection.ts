/**
 * What servers and clients share of an HTTP/2 connection (RFC 9113): frames in, streams and windows kept, frames out.
 * One turn is everything between a call of the owner's and the one write at its end; whatever callbacks send during a
 * turn is appended, whatever is sent outside of one asks for a turn.
 */
import { assert } from "../../base/mod.ts";
import { ByteWriter } from "./bytes.ts";
import { ClosedStreams, type Ending } from "./closed_streams.ts";
import { ConnectionFault, MalformedMessage } from "./faults.ts";
import { Floods } from "./floods.ts";
import { grownWindow, ReceiveWindow, WINDOW_BYTES_DEFAULT } from "./flow.ts";
import {
  Flag,
  FrameType,
  PREFACE,
  readUint31,
  readUint32,
  UINT31_MAX,
  writeGoaway,
  writePing,
  writeRstStream,
  writeSettings,
  writeSettingsAck,
  writeWindowUpdate,
} from "./frames.ts";
import { HeaderAssembly } from "./header_blocks.ts";
import { FieldsTooLarge, HpackDecoder, HpackError } from "./hpack/mod.ts";
import type { Http2Limits } from "./limits.ts";
import { LENGTH_UNKNOWN } from "./messages.ts";
import { FrameReader, PrefaceReader } from "./reader.ts";
import { Sender } from "./sender.ts";
import { PeerSettings, SETTING_BYTES } from "./settings.ts";
import { Http2Stream, type StreamHost } from "./stream.ts";
import {
  type Connection,
  CONNECTION_LOST,
  ErrorCode,
  type Fields,
  type HeaderBlock,
  type Surroundings,
} from "./types.ts";
import { Watch } from "./watch.ts";

/** What we send in PINGs, to tell the answers apart. */
const KEEP_ALIVE_PING = new TextEncoder().encode("mf-alive");
const SHUTDOWN_PING = new TextEncoder().encode("mf-leave");

/** What a side says in its first SETTINGS besides what both do. */
export type OwnSettings = readonly (readonly [id: number, value: number])[];

export abstract class BaseConnection implements Connection, StreamHost {
  protected readonly surroundings: Surroundings;
  protected readonly limits: Http2Limits;
  protected readonly out = new ByteWriter();
  protected readonly floods: Floods;
  protected readonly sender: Sender;
  protected readonly peer: PeerSettings;
  protected readonly watch: Watch;
  protected readonly open_ = new Map<number, Http2Stream>();
  protected readonly closedStreams = new ClosedStreams();
  /** The highest stream number that was used; those above are idle. */
  protected lastId = 0;
  /** No further streams: `end` follows when the open ones are over. */
  protected leaving = false;

  readonly #decoder: HpackDecoder;
  readonly #reader: FrameReader;
  readonly #preface: PrefaceReader | undefined;
  readonly #window: ReceiveWindow;
  #assembly: HeaderAssembly | undefined = undefined;
  #ended = false;
  #inTurn = false;
  #flushWanted = false;
  /** Streams that were reset from within their own methods; their receivers hear of it at the turn's end. */
  #overflowed: Http2Stream[] = [];

  protected constructor(surroundings: Surroundings, limits: Http2Limits, isServer: boolean, settings: OwnSettings) {
    this.surroundings = surroundings;
    this.limits = limits;
    this.floods = new Floods(limits);
    this.sender = new Sender(this.out, limits, this.floods, this);
    this.peer = new PeerSettings(!isServer);
    this.watch = new Watch(limits, isServer);
    this.#decoder = new HpackDecoder({
      tableBytesMax: limits.tableBytesMax,
      listBytesMax: limits.headerListBytesMax,
      fieldsMax: limits.headerFieldsMax,
    });
    this.#reader = new FrameReader(limits.frameBytesMax);
    this.#preface = isServer ? new PrefaceReader() : undefined;
    this.#window = new ReceiveWindow(WINDOW_BYTES_DEFAULT);
    if (!isServer) this.out.bytes(PREFACE);
    writeSettings(this.out, settings);
    const more = limits.connectionWindowBytes - WINDOW_BYTES_DEFAULT;
    if (more > 0) {
      this.#window.resize(more);
      writeWindowUpdate(this.out, 0, more);
    }
  }

  // ---- for the owner ----

  get streams(): number {
    return this.open_.size;
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
        streams: this.open_.size,
        blocked: this.sender.blocked,
        queuedBytes: this.sender.queuedBytes,
        sentBytes: this.sender.sentBytes,
      });
      if (verdict?.kind === "ping") writePing(this.out, false, KEEP_ALIVE_PING);
      else if (verdict?.kind === "shutdown") this.shutdown();
      else if (verdict?.kind === "goodbye") this.#goodbye();
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
  /** A whole header block for stream `id`. `fields` are missing where they were too large. */
  protected abstract headerBlock(id: number, fields: Fields | undefined, endStream: boolean): void;
  /** DATA of an open stream that is to be read, all checks passed. */
  protected abstract body(stream: Http2Stream, bytes: Uint8Array, endStream: boolean): void;
  /** The peer's GOAWAY. */
  protected abstract goaway(lastStreamId: number, code: number, reason: string): void;
  /** END_STREAM of `stream` was sent, and the peer has not ended yet. */
  protected abstract endedEarly(stream: Http2Stream): void;
  /** Whether nobody has ever used the stream number `id`. */
  protected abstract isIdle(id: number): boolean;
  /** A stream is over, or the peer's settings have changed. */
  protected onRoom(): void {}
  protected onTick(_elapsedMs: number): void {}
  /** Callbacks that the role owes, at the end of a turn; whether there were any. */
  protected owedCallbacks(): boolean {
    return false;
  }

  /** Makes a stream and opens it. */
  protected openStream(id: number): Http2Stream {
    const receiveWindow = this.watch.acknowledged ? this.limits.streamWindowBytes : WINDOW_BYTES_DEFAULT;
    const stream = new Http2Stream(id, this, receiveWindow, this.peer.initialWindowBytes);
    this.open_.set(id, stream);
    return stream;
  }

  /** The stream is over, one way or the other. */
  protected over(stream: Http2Stream, ending: Exclude<Ending, "unused" | "forgotten">): void {
    stream.closed = true;
    this.open_.delete(stream.id);
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
    const increment = this.#window.giveBack(bytes);
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

  // ---- for the streams ----

  sendHeaders(stream: Http2Stream, block: HeaderBlock, endStream: boolean): void {
    const final = endStream || block instanceof Uint8Array || block[0] !== ":status" || block[1].charCodeAt(0) !== 0x31;
    this.sender.headers(stream, block, endStream, final);
    this.wake();
  }

  sendData(stream: Http2Stream, bytes: Uint8Array, endStream: boolean): boolean {
    if (!this.sender.hasRoom(bytes.length)) {
      this.surroundings.onViolation?.("send_queue", ErrorCode.ENHANCE_YOUR_CALM);
      this.reset(stream, ErrorCode.ENHANCE_YOUR_CALM);
      this.#overflowed.push(stream);
      return false;
    }
    const goesOn = this.sender.data(stream, bytes, endStream);
    this.wake();
    return goesOn;
  }

  sendTrailers(stream: Http2Stream, block: HeaderBlock): void {
    this.sender.trailers(stream, block);
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

  // ---- for the reader ----

  frame(type: number, flags: number, id: number, bytes: Uint8Array, from: number, to: number): void {
    if (this.#assembly !== undefined && (type !== FrameType.CONTINUATION || id !== this.#assembly.streamId)) {
      throw protocolFault("header_block_interrupted", "another frame stands between those of a header block");
    }
    if (!this.watch.greeted && (type !== FrameType.SETTINGS || (flags & Flag.ACK) !== 0)) {
      throw protocolFault("bad_preface", "the first frame must be SETTINGS");
    }
    switch (type) {
      case FrameType.DATA:
        return this.#data(flags, id, bytes, from, to);
      case FrameType.HEADERS:
        return this.#headers(flags, id, bytes, from, to);
      case FrameType.PRIORITY:
        return this.#priority(id, bytes, from, to);
      case FrameType.RST_STREAM:
        return this.#rstStream(id, bytes, from, to);
      case FrameType.SETTINGS:
        return this.#settings(flags, id, bytes, from, to);
      case FrameType.PUSH_PROMISE:
        throw protocolFault("push_promise", "PUSH_PROMISE is not allowed here");
      case FrameType.PING:
        return this.#ping(flags, id, bytes, from, to);
      case FrameType.GOAWAY:
        return this.#goaway(id, bytes, from, to);
      case FrameType.WINDOW_UPDATE:
        return this.#windowUpdate(id, bytes, from, to);
      case FrameType.CONTINUATION:
        return this.#continuation(flags, bytes, from, to);
      default:
        this.floods.ignored();
    }
  }

  #data(flags: number, id: number, bytes: Uint8Array, from: number, to: number): void {
    mustHaveStream(id, "DATA");
    const length = to - from;
    if (!this.#window.take(length)) {
      throw new ConnectionFault(ErrorCode.FLOW_CONTROL_ERROR, "window_exceeded", "more than the connection's window");
    }
    if ((flags & Flag.PADDED) !== 0) {
      to -= paddingOf(bytes, from, to);
      from++;
    }
    const endStream = (flags & Flag.END_STREAM) !== 0;
    if (from === to && !endStream) this.floods.emptyData();
    const stream = this.open_.get(id);
    if (stream === undefined || stream.remoteEnded) {
      this.returnToConnection(length);
      if (stream === undefined) return this.#late(id, length);
      return this.streamFault(stream, ErrorCode.STREAM_CLOSED, "stream_closed", "DATA behind the end");
    }
    stream.unconsumedBytes += length;
    if (!stream.receiveWindow.take(length)) {
      return this.streamFault(stream, ErrorCode.FLOW_CONTROL_ERROR, "window_exceeded", "more than the window");
    }
    if (!stream.remoteBegun) {
      return this.streamFault(stream, ErrorCode.PROTOCOL_ERROR, "malformed", "DATA before the header block");
    }
    const size = to - from;
    stream.receivedBytes += size;
    if (stream.contentLength !== LENGTH_UNKNOWN && !fitsContentLength(stream, endStream)) {
      return this.streamFault(stream, ErrorCode.PROTOCOL_ERROR, "malformed", "the body is not content-length long");
    }
    if (endStream) stream.remoteEnded = true;
    if (size < length) this.consume(stream, length - size);
    this.body(stream, bytes.subarray(from, to), endStream);
    if (endStream && stream.localEnded && !stream.closed) this.over(stream, "ended");
  }

  /** A frame for a stream that is not open, and may never have been. `bytes`: how much it carries. */
  #late(id: number, bytes: number): void {
    if (this.isIdle(id)) throw protocolFault("idle_stream", `stream ${id} has not begun`);
    if (bytes < 1024) this.floods.lateFrame();
    switch (this.closedStreams.endingOf(id, this.lastId)) {
      case "ended":
        throw new ConnectionFault(ErrorCode.STREAM_CLOSED, "stream_closed", `stream ${id} has ended`);
      case "reset by the peer":
      case "unused":
        this.surroundings.onViolation?.("stream_closed", ErrorCode.STREAM_CLOSED);
        this.floods.streamFault();
        this.rejectStream(id, ErrorCode.STREAM_CLOSED);
    }
  }

  /** A header block for a stream number that the peer may not use. */
  protected failStreamId(id: number): never {
    throw protocolFault("stream_id", `stream ${id} is not the peer's to open`);
  }

  /** A header block for a stream that is over: RFC 9113, 5.1 and 5.1.1. */
  protected lateBlock(id: number): void {
    if (this.closedStreams.endingOf(id, this.lastId) === "unused") {
      throw protocolFault("stream_id", `stream ${id} is lower than ${this.lastId}`);
    }
    this.#late(id, 0);
  }

  #headers(flags: number, id: number, bytes: Uint8Array, from: number, to: number): void {
    mustHaveStream(id, "HEADERS");
    if ((flags & Flag.PADDED) !== 0) {
      to -= paddingOf(bytes, from, to);
      from++;
    }
    if ((flags & Flag.PRIORITY) !== 0) {
      if (to - from < 5) throw sizeFault("HEADERS", "too short for its priority");
      mustNotDependOnItself(id, bytes, from);
      from += 5;
    }
    const endStream = (flags & Flag.END_STREAM) !== 0;
    const fragment = bytes.subarray(from, to);
    if ((flags & Flag.END_HEADERS) !== 0) return this.#block(id, endStream, fragment);
    this.#assembly = new HeaderAssembly(id, endStream, this.limits);
    this.#assembly.append(fragment, false);
  }

  #continuation(flags: number, bytes: Uint8Array, from: number, to: number): void {
    const assembly = this.#assembly;
    if (assembly === undefined) throw protocolFault("continuation", "CONTINUATION without HEADERS");
    assembly.append(bytes.subarray(from, to), true);
    if ((flags & Flag.END_HEADERS) === 0) return;
    this.#assembly = undefined;
    this.#block(assembly.streamId, assembly.endStream, assembly.block);
  }

  #block(id: number, endStream: boolean, block: Uint8Array): void {
    let fields: Fields | undefined;
    try {
      fields = this.#decoder.decode(block);
    } catch (error) {
      if (error instanceof HpackError) {
        throw new ConnectionFault(ErrorCode.COMPRESSION_ERROR, "compression", error.message);
      }
      if (!(error instanceof FieldsTooLarge)) throw error;
      this.surroundings.onViolation?.("header_list_too_large", ErrorCode.ENHANCE_YOUR_CALM);
    }
    try {
      this.headerBlock(id, fields, endStream);
    } catch (error) {
      if (!(error instanceof MalformedMessage)) throw error;
      this.#malformed(id, error.message);
    }
  }

  #malformed(id: number, reason: string): void {
    const stream = this.open_.get(id);
    if (stream !== undefined) return this.streamFault(stream, ErrorCode.PROTOCOL_ERROR, "malformed", reason);
    this.surroundings.onViolation?.("malformed", ErrorCode.PROTOCOL_ERROR);
    this.rejectStream(id, ErrorCode.PROTOCOL_ERROR);
    this.floods.streamFault();
  }

  #priority(id: number, bytes: Uint8Array, from: number, to: number): void {
    mustHaveStream(id, "PRIORITY");
    this.floods.ignored();
    if (to - from !== 5) {
      const stream = this.open_.get(id);
      if (stream === undefined) throw sizeFault("PRIORITY", "not five bytes long");
      return this.streamFault(stream, ErrorCode.FRAME_SIZE_ERROR, "frame_size", "PRIORITY is not five bytes long");
    }
    mustNotDependOnItself(id, bytes, from);
  }

  #rstStream(id: number, bytes: Uint8Array, from: number, to: number): void {
    mustHaveStream(id, "RST_STREAM");
    if (to - from !== 4) throw sizeFault("RST_STREAM", "not four bytes long");
    const stream = this.open_.get(id);
    if (stream === undefined) {
      if (this.isIdle(id)) throw protocolFault("idle_stream", `stream ${id} has not begun`);
      return this.floods.lateFrame();
    }
    const hears = this.hears(stream);
    this.over(stream, "reset by the peer");
    if (hears) stream.receiver.onReset(readUint32(bytes, from), "reset by the peer");
    this.floods.reset();
  }

  #settings(flags: number, id: number, bytes: Uint8Array, from: number, to: number): void {
    if (id !== 0) throw protocolFault("settings_stream", "SETTINGS belong to no stream");
    const length = to - from;
    if ((flags & Flag.ACK) !== 0) {
      if (length > 0) throw sizeFault("SETTINGS", "an acknowledgement that is not empty");
      if (this.watch.acknowledged) return this.floods.settings();
      return this.#acknowledged();
    }
    if (length % SETTING_BYTES !== 0) throw sizeFault("SETTINGS", "not a multiple of six bytes long");
    this.floods.settings();
    const windowBefore = this.peer.initialWindowBytes;
    this.peer.apply(bytes, from, to);
    this.watch.greeted = true;
    this.sender.encoder.setTableBytesMax(this.peer.headerTableBytes);
    this.sender.frameBytesMax = this.peer.frameBytesMax;
    this.#shiftWindows(this.peer.initialWindowBytes - windowBefore);
    writeSettingsAck(this.out);
    this.onRoom();
  }

  /** The peer keeps to our settings from here on. */
  #acknowledged(): void {
    this.watch.acknowledged = true;
    this.#decoder.settingsAcknowledged();
    const delta = this.limits.streamWindowBytes - WINDOW_BYTES_DEFAULT;
    for (const stream of this.open_.values()) stream.receiveWindow.resize(delta);
  }

  /** The peer's initial window has changed, and with it every stream's: RFC 9113, 6.9.2. */
  #shiftWindows(delta: number): void {
    if (delta === 0) return;
    for (const stream of this.open_.values()) {
      stream.sendWindow += delta;
      if (stream.sendWindow > UINT31_MAX) {
        throw new ConnectionFault(ErrorCode.FLOW_CONTROL_ERROR, "window_overflow", "a stream's window exceeds 2^31-1");
      }
      this.sender.resume(stream);
    }
  }

  #ping(flags: number, id: number, bytes: Uint8Array, from: number, to: number): void {
    if (id !== 0) throw protocolFault("ping_stream", "PING belongs to no stream");
    if (to - from !== 8) throw sizeFault("PING", "not eight bytes long");
    const payload = bytes.subarray(from, to);
    if ((flags & Flag.ACK) === 0) {
      this.floods.ping();
      return writePing(this.out, true, payload);
    }
    if (this.watch.announcing && payload.every((byte, i) => byte === SHUTDOWN_PING[i])) return this.#goodbye();
    if (!payload.every((byte, i) => byte === KEEP_ALIVE_PING[i])) this.floods.ping();
  }

  #goodbye(): void {
    this.watch.announcing = false;
    this.announced();
  }

  #goaway(id: number, bytes: Uint8Array, from: number, to: number): void {
    if (id !== 0) throw protocolFault("goaway_stream", "GOAWAY belongs to no stream");
    if (to - from < 8) throw sizeFault("GOAWAY", "shorter than eight bytes");
    const reason = printable(bytes.subarray(from + 8, Math.min(to, from + 8 + 200)));
    this.goaway(readUint31(bytes, from), readUint32(bytes, from + 4), reason);
  }

  #windowUpdate(id: number, bytes: Uint8Array, from: number, to: number): void {
    if (to - from !== 4) throw sizeFault("WINDOW_UPDATE", "not four bytes long");
    this.floods.windowUpdate();
    const increment = readUint31(bytes, from);
    if (id === 0) {
      if (increment === 0) throw protocolFault("window_update_zero", "WINDOW_UPDATE by nothing");
      const grown = grownWindow(this.sender.window, increment);
      if (grown < 0) {
        throw new ConnectionFault(ErrorCode.FLOW_CONTROL_ERROR, "window_overflow", "the window exceeds 2^31-1");
      }
      this.sender.window = grown;
      return;
    }
    const stream = this.open_.get(id);
    if (stream === undefined) {
      if (this.isIdle(id)) throw protocolFault("idle_stream", `stream ${id} has not begun`);
      return;
    }
    if (increment === 0) {
      return this.streamFault(stream, ErrorCode.PROTOCOL_ERROR, "window_update_zero", "WINDOW_UPDATE by nothing");
    }
    const grown = grownWindow(stream.sendWindow, increment);
    if (grown < 0) {
      return this.streamFault(stream, ErrorCode.FLOW_CONTROL_ERROR, "window_overflow", "the window exceeds 2^31-1");
    }
    stream.sendWindow = grown;
    this.sender.resume(stream);
  }

  // ---- turns and ends ----

  #endTurn(): void {
    try {
      this.#writeOut();
      if (this.#callBack() && !this.#ended) this.#writeOut();
      if (this.leaving && this.open_.size === 0 && !this.#ended) {
        this.#end(ErrorCode.NO_ERROR, "", true);
      }
    } catch (error) {
      this.#caught(error);
    }
    this.#inTurn = false;
    if (this.sender.drained.length > 0 || this.#overflowed.length > 0) this.wake();
  }

  #writeOut(): void {
    const { sender, out } = this;
    for (;;) {
      sender.emit();
      if (out.length === 0) return;
      if (sender.blocked) {
        if (out.length <= this.limits.blockedBytesMax) return;
        throw new ConnectionFault(ErrorCode.ENHANCE_YOUR_CALM, "output_backlog", "answers are asked for and not read");
      }
      if (this.surroundings.write(out.take()) === false) sender.blocked = true;
      if (this.#ended) return;
    }
  }

  /** Calls what is owed from outside of turns; whether there was anything. */
  #callBack(): boolean {
    let any = this.owedCallbacks();
    if (this.sender.drained.length > 0) {
      const drained = this.sender.drained;
      this.sender.drained = [];
      for (const stream of drained) {
        if (!stream.closed) stream.receiver.onDrain();
      }
      any = true;
    }
    if (this.#overflowed.length > 0) {
      const overflowed = this.#overflowed;
      this.#overflowed = [];
      for (const stream of overflowed) {
        stream.receiver.onReset(ErrorCode.ENHANCE_YOUR_CALM, "too much is queued on the connection");
      }
      any = true;
    }
    return any;
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
    const streams = [...this.open_.values()];
    this.open_.clear();
    for (const stream of streams) {
      const hears = this.hears(stream);
      stream.closed = true;
      this.sender.drop(stream);
      if (!hears) continue;
      try {
        stream.receiver.onReset(code, reason);
      } catch (error) {
        this.surroundings.onFault?.(error);
      }
    }
    if (!tell) return;
    if (this.out.length > 0) this.surroundings.write(this.out.take());
    this.surroundings.end();
  }
}

function protocolFault(violation: string, message: string): ConnectionFault {
  return new ConnectionFault(ErrorCode.PROTOCOL_ERROR, violation, message);
}

function sizeFault(frame: string, message: string): ConnectionFault {
  return new ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, "frame_size", `${frame}: ${message}`);
}

function mustHaveStream(id: number, frame: string): void {
  if (id === 0) throw protocolFault("stream_zero", `${frame} on stream 0`);
}

/** RFC 7540, 5.3.1: the only thing about priorities that is still looked at, since nobody sane says it. */
function mustNotDependOnItself(id: number, bytes: Uint8Array, from: number): void {
  if (readUint31(bytes, from) === id) throw protocolFault("priority", `stream ${id} depends on itself`);
}

/** How many bytes stand behind the content: RFC 9113, 6.1. */
function paddingOf(bytes: Uint8Array, from: number, to: number): number {
  if (from === to) throw sizeFault("padding", "its length is missing");
  const padding = bytes[from];
  if (padding >= to - from) throw protocolFault("padding", "the padding is longer than its frame");
  return padding;
}

function fitsContentLength(stream: Http2Stream, endStream: boolean): boolean {
  const { receivedBytes, contentLength } = stream;
  return endStream ? receivedBytes === contentLength : receivedBytes <= contentLength;
}

/** The peer's words for our log: one line of printable ASCII. */
function printable(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "?";
  return text;
}
