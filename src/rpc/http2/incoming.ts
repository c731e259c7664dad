/** The peer's frames, one method each: RFC 9113, 6. What servers and clients treat differently they do themselves. */
import { ConnectionBase, type OwnSettings, SHUTDOWN_PING } from "./connection.ts";
import { ConnectionFault, MalformedMessage } from "./faults.ts";
import { overflows, WINDOW_BYTES_DEFAULT } from "./flow.ts";
import { Flag, FrameType, readUint31, readUint32, UINT31_MAX, writePing, writeSettingsAck } from "./frames.ts";
import { HeaderAssembly } from "./header_blocks.ts";
import { FieldsTooLarge, HpackDecoder, HpackError } from "./hpack/mod.ts";
import type { Http2Limits } from "./limits.ts";
import { LENGTH_UNKNOWN } from "./messages.ts";
import { mustHaveStream, mustNotDependOnItself, paddingOf, printable, protocolFault, sizeFault } from "./payloads.ts";
import { SETTING_BYTES } from "./settings.ts";
import type { Http2Stream } from "./stream.ts";
import { ErrorCode, type Fields, type Surroundings } from "./types.ts";

/** A late frame that carries less than this counts as one that costs more than it is worth. */
const SUBSTANTIAL_BYTES = 1024;

export abstract class IncomingConnection extends ConnectionBase {
  readonly #decoder: HpackDecoder;
  #assembly: HeaderAssembly | undefined = undefined;

  protected constructor(surroundings: Surroundings, limits: Http2Limits, isServer: boolean, settings: OwnSettings) {
    super(surroundings, limits, isServer, settings);
    this.#decoder = new HpackDecoder({
      tableBytesMax: limits.tableBytesMax,
      listBytesMax: limits.headerListBytesMax,
      fieldsMax: limits.headerFieldsMax,
    });
  }

  /** A whole header block for stream `id`. `fields` are missing where they were too large. May throw MalformedMessage. */
  protected abstract headerBlock(id: number, fields: Fields | undefined, endStream: boolean): void;
  /** DATA of an open stream, all checks passed. */
  protected abstract body(stream: Http2Stream, bytes: Uint8Array, endStream: boolean): void;
  /** The peer's GOAWAY. */
  protected abstract goaway(lastStreamId: number, code: number, reason: string): void;

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
    if (!this.window.take(length)) {
      throw new ConnectionFault(ErrorCode.FLOW_CONTROL_ERROR, "window_exceeded", "more than the connection's window");
    }
    if ((flags & Flag.PADDED) !== 0) {
      to -= paddingOf(bytes, from, to);
      from++;
    }
    const endStream = (flags & Flag.END_STREAM) !== 0;
    if (from === to && !endStream) this.floods.emptyData();
    const stream = this.opened.get(id);
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
    if (bytes < SUBSTANTIAL_BYTES) this.floods.lateFrame();
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
    const stream = this.opened.get(id);
    if (stream !== undefined) return this.streamFault(stream, ErrorCode.PROTOCOL_ERROR, "malformed", reason);
    this.surroundings.onViolation?.("malformed", ErrorCode.PROTOCOL_ERROR);
    this.rejectStream(id, ErrorCode.PROTOCOL_ERROR);
    this.floods.streamFault();
  }

  #priority(id: number, bytes: Uint8Array, from: number, to: number): void {
    mustHaveStream(id, "PRIORITY");
    this.floods.ignored();
    if (to - from !== 5) {
      const stream = this.opened.get(id);
      if (stream === undefined) throw sizeFault("PRIORITY", "not five bytes long");
      return this.streamFault(stream, ErrorCode.FRAME_SIZE_ERROR, "frame_size", "PRIORITY is not five bytes long");
    }
    mustNotDependOnItself(id, bytes, from);
  }

  #rstStream(id: number, bytes: Uint8Array, from: number, to: number): void {
    mustHaveStream(id, "RST_STREAM");
    if (to - from !== 4) throw sizeFault("RST_STREAM", "not four bytes long");
    const stream = this.opened.get(id);
    if (stream === undefined) {
      if (this.isIdle(id)) throw protocolFault("idle_stream", `stream ${id} has not begun`);
      return this.floods.lateFrame();
    }
    const hears = this.hears(stream);
    this.over(stream, "reset by the peer");
    if (hears) stream.receiver.onReset(readUint32(bytes, from), "reset by the peer");
    // A client has opened its streams itself; and behind the whole answer a reset costs nothing (grpc-go sends one
    // wherever the server ended first).
    if (this.isServer && hears) this.floods.reset();
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
    this.sender.encoder.setTableBytesMax(this.peer.headerTableBytesLowest);
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
    for (const stream of this.opened.all()) stream.receiveWindow.resize(delta);
  }

  /** The peer's initial window has changed, and with it every stream's: RFC 9113, 6.9.2. */
  #shiftWindows(delta: number): void {
    if (delta === 0) return;
    for (const stream of this.opened.all()) {
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
    if (this.watch.announcing && payload.every((byte, i) => byte === SHUTDOWN_PING[i])) return this.goodbye();
    // Those that answer our own are too few to be told apart.
    this.floods.ping();
  }

  #goaway(id: number, bytes: Uint8Array, from: number, to: number): void {
    if (id !== 0) throw protocolFault("goaway_stream", "GOAWAY belongs to no stream");
    if (to - from < 8) throw sizeFault("GOAWAY", "shorter than eight bytes");
    this.floods.ignored();
    const reason = printable(bytes.subarray(from + 8, Math.min(to, from + 8 + 200)));
    this.goaway(readUint31(bytes, from), readUint32(bytes, from + 4), reason);
  }

  #windowUpdate(id: number, bytes: Uint8Array, from: number, to: number): void {
    if (to - from !== 4) throw sizeFault("WINDOW_UPDATE", "not four bytes long");
    this.floods.windowUpdate();
    const increment = readUint31(bytes, from);
    if (id === 0) {
      if (increment === 0) throw protocolFault("window_update_zero", "WINDOW_UPDATE by nothing");
      if (overflows(this.sender.window, increment)) {
        throw new ConnectionFault(ErrorCode.FLOW_CONTROL_ERROR, "window_overflow", "the window exceeds 2^31-1");
      }
      this.sender.window += increment;
      return;
    }
    const stream = this.opened.get(id);
    if (stream === undefined) {
      if (this.isIdle(id)) throw protocolFault("idle_stream", `stream ${id} has not begun`);
      return;
    }
    if (increment === 0) {
      return this.streamFault(stream, ErrorCode.PROTOCOL_ERROR, "window_update_zero", "WINDOW_UPDATE by nothing");
    }
    if (overflows(stream.sendWindow, increment)) {
      return this.streamFault(stream, ErrorCode.FLOW_CONTROL_ERROR, "window_overflow", "the window exceeds 2^31-1");
    }
    // A negative window may stay so.
    stream.sendWindow += increment;
    this.sender.resume(stream);
  }
}

function fitsContentLength(stream: Http2Stream, endStream: boolean): boolean {
  const { receivedBytes, contentLength } = stream;
  return endStream ? receivedBytes === contentLength : receivedBytes <= contentLength;
}
