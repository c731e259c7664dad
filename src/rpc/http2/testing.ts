/** For tests: a server's and a client's connection wired back to back, and a peer that says frames by hand. */
import { ByteWriter } from "./bytes.ts";
import { createClientConnection } from "./client.ts";
import {
  Flag,
  FRAME_HEADER_BYTES,
  FrameType,
  PREFACE,
  readUint24,
  readUint31,
  readUint32,
  writeFrameHeader,
} from "./frames.ts";
import { HpackEncoder } from "./hpack/mod.ts";
import { type Http2Limits, http2Limits } from "./limits.ts";
import { createServerConnection } from "./server.ts";
import type { ClientConnection, Connection, Fields, Stream, StreamReceiver, Surroundings } from "./types.ts";

/** Everything a stream's receiver has heard, in order and as text, and the bytes. */
export class Heard implements StreamReceiver {
  readonly events: string[] = [];
  headers: Fields[] = [];
  trailers: Fields | undefined;
  body: number[] = [];
  reset: number | undefined;
  ended = false;
  /** Called after each event. */
  then: (event: string) => void = () => {};

  onHeaders(fields: Fields, endStream: boolean): void {
    this.headers.push(fields);
    this.#note("headers", endStream);
  }
  onData(bytes: Uint8Array, endStream: boolean): void {
    for (const byte of bytes) this.body.push(byte);
    this.#note(`data ${bytes.length}`, endStream);
  }
  onTrailers(fields: Fields): void {
    this.trailers = fields;
    this.#note("trailers", true);
  }
  onDrain(): void {
    this.#note("drain", false);
  }
  onReset(code: number): void {
    this.reset = code;
    this.#note(`reset ${code}`, false);
  }

  #note(event: string, end: boolean): void {
    this.ended ||= end;
    this.events.push(end ? `${event} end` : event);
    this.then(event);
  }
}

/** One side's surroundings: collects what is written until it is carried over. */
export class Wire implements Surroundings {
  written: Uint8Array[] = [];
  flushWanted = false;
  hasEnded = false;
  /** Whether `write` answers false. */
  full = false;
  readonly violations: string[] = [];
  readonly faults: unknown[] = [];
  readonly goaways: { lastStreamId: number; code: number; reason: string }[] = [];
  capacityCalls = 0;
  onStream: (stream: Stream, fields: Fields, endStream: boolean) => void = (stream) => stream.reset(7);

  write(bytes: Uint8Array): boolean {
    this.written.push(bytes);
    return !this.full;
  }
  wantFlush(): void {
    this.flushWanted = true;
  }
  end(): void {
    this.hasEnded = true;
  }
  onViolation(name: string): void {
    this.violations.push(name);
  }
  onFault(error: unknown): void {
    this.faults.push(error);
  }
  onGoaway(lastStreamId: number, code: number, reason: string): void {
    this.goaways.push({ lastStreamId, code, reason });
  }
  onCapacity(): void {
    this.capacityCalls++;
  }

  /** What was written since the last take, in one piece. */
  take(): Uint8Array<ArrayBuffer> {
    const whole = new Uint8Array(this.written.reduce((sum, piece) => sum + piece.length, 0));
    let at = 0;
    for (const piece of this.written) {
      whole.set(piece, at);
      at += piece.length;
    }
    this.written = [];
    return whole;
  }
}

export interface Pair {
  readonly server: Connection;
  readonly client: ClientConnection;
  readonly serverWire: Wire;
  readonly clientWire: Wire;
  /** Carries bytes both ways, cut by `cut`, until nothing moves any more. */
  run(cut?: (length: number) => number): void;
}

/** A client and a server, each with its own limits. Nothing has been carried yet. */
export function pair(serverLimits: Partial<Http2Limits> = {}, clientLimits: Partial<Http2Limits> = {}): Pair {
  const serverWire = new Wire(), clientWire = new Wire();
  const server = createServerConnection(serverWire, http2Limits(serverLimits));
  const client = createClientConnection(clientWire, http2Limits(clientLimits));
  const carry = (from: Connection, wire: Wire, to: Connection, cut: (length: number) => number) => {
    wire.flushWanted = false;
    from.flush();
    const bytes = wire.take();
    for (let at = 0; at < bytes.length;) {
      const count = Math.max(1, Math.min(bytes.length - at, cut(bytes.length - at)));
      // A copy that is wiped afterwards: whoever keeps a view must notice.
      const chunk = bytes.slice(at, at + count);
      to.receive(chunk);
      chunk.fill(0xee);
      at += count;
    }
    return bytes.length > 0;
  };
  return {
    server,
    client,
    serverWire,
    clientWire,
    run(cut = (length) => length) {
      for (let moved = true; moved;) {
        moved = carry(client, clientWire, server, cut);
        moved = carry(server, serverWire, client, cut) || moved;
        moved ||= clientWire.flushWanted || serverWire.flushWanted;
      }
    },
  };
}

/** The fields of a small request. */
export const REQUEST: Fields = [":method", "POST", ":scheme", "http", ":path", "/test", ":authority", "test"];

/** A frame as the peer saw it. */
export interface SeenFrame {
  readonly type: number;
  readonly flags: number;
  readonly id: number;
  readonly payload: Uint8Array<ArrayBuffer>;
}

/** All frames of `bytes`, which must be whole. */
export function framesIn(bytes: Uint8Array<ArrayBuffer>): SeenFrame[] {
  const frames: SeenFrame[] = [];
  let at = 0;
  while (at < bytes.length) {
    const end = at + FRAME_HEADER_BYTES + readUint24(bytes, at);
    if (end > bytes.length) throw new Error(`a frame is cut: ${end - bytes.length} bytes are missing`);
    const payload = bytes.slice(at + FRAME_HEADER_BYTES, end);
    frames.push({ type: bytes[at + 3], flags: bytes[at + 4], id: readUint31(bytes, at + 5), payload });
    at = end;
  }
  return frames;
}

/** One frame's bytes. */
export function frameBytes(type: number, flags: number, id: number, payload: Uint8Array | readonly number[] = []) {
  const out = new ByteWriter(FRAME_HEADER_BYTES + payload.length);
  writeFrameHeader(out, payload.length, type, flags, id);
  out.bytes(payload instanceof Uint8Array ? payload : Uint8Array.from(payload));
  return out.take();
}

/** A number of 32 bits as four bytes. */
export function uint32Bytes(value: number): number[] {
  return [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
}

/** Says frames to one of our connections by hand, and reads what it answers. */
export class RawPeer {
  readonly wire = new Wire();
  readonly connection: Connection;
  /** The connection, where it is a client's. */
  readonly client: ClientConnection | undefined;
  readonly encoder = new HpackEncoder();
  #nowMs = 0;

  /** A peer whose greetings are over, unless `greet` is false. */
  constructor(role: "server" | "client", limits: Partial<Http2Limits> = {}, greet = true) {
    const whole = http2Limits(limits);
    this.client = role === "client" ? createClientConnection(this.wire, whole) : undefined;
    this.connection = this.client ?? createServerConnection(this.wire, whole);
    if (!greet) return;
    this.greet();
    this.seen();
  }

  greet(): void {
    if (this.client === undefined) this.connection.receive(PREFACE);
    this.say(FrameType.SETTINGS, 0, 0);
    this.say(FrameType.SETTINGS, Flag.ACK, 0);
  }

  say(type: number, flags: number, id: number, payload: Uint8Array | readonly number[] = []): void {
    this.connection.receive(frameBytes(type, flags, id, payload));
  }

  /** HEADERS with `fields`. */
  headers(id: number, fields: Fields = REQUEST, flags: number = Flag.END_STREAM): void {
    const out = new ByteWriter();
    this.encoder.encode(fields, out);
    this.say(FrameType.HEADERS, flags | Flag.END_HEADERS, id, out.take());
  }

  /** Many frames in one chunk. */
  sayTimes(times: number, type: number, flags: number, id: number, payload: readonly number[] = []): void {
    const one = frameBytes(type, flags, id, payload);
    const all = new Uint8Array(one.length * times);
    for (let i = 0; i < times; i++) all.set(one, i * one.length);
    this.connection.receive(all);
  }

  /** Lets `seconds` go by, a tick each. */
  wait(seconds: number, each: () => void = () => {}): void {
    for (let i = 0; i < seconds; i++) {
      this.connection.tick(this.#nowMs);
      this.#nowMs += 1000;
      each();
    }
    this.connection.tick(this.#nowMs);
  }

  /** What the connection has written since the last look. */
  seen(): SeenFrame[] {
    this.connection.flush();
    const bytes = this.wire.take();
    return framesIn(this.client !== undefined && bytes[0] === PREFACE[0] ? bytes.slice(PREFACE.length) : bytes);
  }

  /** What was seen, as words: `RST_STREAM 1 8`, `GOAWAY 0 11`, `HEADERS 1`. */
  words(): string[] {
    return this.seen().map((frame) => {
      const name = Object.entries(FrameType).find(([, type]) => type === frame.type)?.[0] ?? `type ${frame.type}`;
      const at = frame.type === FrameType.GOAWAY ? 4 : 0;
      const coded = frame.type === FrameType.RST_STREAM || at > 0;
      return coded ? `${name} ${frame.id} ${readUint32(frame.payload, at)}` : `${name} ${frame.id}`;
    });
  }
}
