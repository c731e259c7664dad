/**
 * One HTTP/2 connection of a client that does as little as it can: frames are looked at, header blocks are not decoded,
 * calls are bytes made before. It keeps to the peer's windows and limits, and checks that every call had its message.
 */
import * as net from "node:net";
import { assert, PlatformError } from "../../../base/mod.ts";
import {
  firstBlock,
  frameHeader,
  grpcMessage,
  type Method,
  type Template,
  writeCall,
  writeUint32,
} from "./requests.ts";

const DATA = 0, HEADERS = 1, RST_STREAM = 3, SETTINGS = 4, PING = 6, GOAWAY = 7, WINDOW_UPDATE = 8, CONTINUATION = 9;
/** RFC 9113, 7. */
const CANCEL = 8;
const ACK = 1, END_STREAM = 1, PADDED = 8;
const FRAME_HEADER = 9, MESSAGE_PREFIX = 5;
const WINDOW_MAX = 2 ** 31 - 1, WINDOW_DEFAULT = 65_535;
/** Received bytes after which the peer's window is made whole again. */
const TOP_UP_BYTES = 2 ** 28;
/** Calls at once on one connection, as far as memory goes; a power of two. */
const STREAMS_MAX = 16_384;
/** No call of a bench is longer. */
const CALL_BYTES_MAX = 512;
const OUT_BYTES = 64 * 1024;
const PREFACE = new TextEncoder().encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
/** HEADER_TABLE_SIZE as it is, no push, a window for any reply. */
const OWN_SETTINGS = [0, 2, 0, 0, 0, 0, 0, 4, 0x7f, 0xff, 0xff, 0xff];

/** A call under way. */
export interface Call {
  readonly template: Template;
  readonly id: Uint8Array;
  /** Counts calls, for deadlines that differ. */
  readonly n: number;
  /** When it was written, as `performance.now()` says; all of one write have the same. */
  sentMs: number;
  stream: number;
  /** Bytes of a message so far, with its prefix, where it did not come in one frame. */
  partial?: Uint8Array;
  /** Whole messages that came. */
  messages: number;
  /**
   * A whole message came: from `start` to `end` of `bytes`, only for now. In the end comes `onEnd`, `ok` where the
   * stream ended with no more and no less than one message.
   */
  onMessage(bytes: Uint8Array, start: number, end: number): void;
  onEnd(ok: boolean, nowMs: number): void;
}

export class LoadConnection {
  private readonly calls: (Call | undefined)[] = new Array(STREAMS_MAX);
  private readonly held: Call[] = [];
  private heldFrom = 0;
  private out = new Uint8Array(OUT_BYTES);
  private outLength = 0;
  private rest: Uint8Array = new Uint8Array(0);
  private nextStream = 1;
  private open = 0;
  private streamsMax = 100;
  private agreed = false;
  private sendWindow = WINDOW_DEFAULT;
  private received = 0;
  private nowMs = 0;
  private failure?: Error;
  private readonly settled = Promise.withResolvers<void>();
  readonly closed: Promise<void>;

  private constructor(private readonly socket: net.Socket, private readonly onTrouble: (error: Error) => void) {
    this.closed = new Promise((resolve) => socket.once("close", () => resolve()));
    socket.on("data", (chunk: Uint8Array) => this.receive(chunk));
    socket.on("error", (error) => this.fail(error));
    socket.once("close", () => this.fail(new PlatformError("unavailable", "the server closed the connection")));
  }

  /** Connects, agrees on settings and makes the first call of each method. `onTrouble` hears when it breaks. */
  static async open(address: string, onTrouble: (error: Error) => void): Promise<LoadConnection> {
    const at = address.lastIndexOf(":");
    const socket = net.connect({ host: address.slice(0, at), port: Number(address.slice(at + 1)), noDelay: true });
    const connection = new LoadConnection(socket, onTrouble);
    connection.push(PREFACE);
    connection.push(new Uint8Array([...frameHeader(OWN_SETTINGS.length, SETTINGS, 0), ...OWN_SETTINGS]));
    connection.windowUpdate(WINDOW_MAX - WINDOW_DEFAULT);
    connection.flush();
    await connection.settled.promise;
    await connection.first("ReturnContainer", address);
    await connection.first("AcquireContainer", address);
    return connection;
  }

  /** Sends a call, or holds it back while the peer's limits say so. Written with the next {@linkcode flush}. */
  send(call: Call): void {
    if (this.failure) return queueMicrotask(() => call.onEnd(false, performance.now()));
    if (this.held.length > this.heldFrom || !this.hasRoom(call)) this.held.push(call);
    else this.write(call);
  }

  /** Gives a call up that is under way; nothing more is heard of it. Written with the next {@linkcode flush}. */
  cancel(call: Call): void {
    if (this.callOf(call.stream) !== call) return;
    this.calls[(call.stream >>> 1) & (STREAMS_MAX - 1)] = undefined;
    this.open--;
    const frame = new Uint8Array([...frameHeader(4, RST_STREAM, 0, call.stream), 0, 0, 0, CANCEL]);
    this.push(frame);
  }

  /** Writes what was sent since. */
  flush(): void {
    if (this.outLength === 0) return;
    this.socket.write(this.out.subarray(0, this.outLength));
    // The socket holds on to the bytes, so the next ones need another place.
    this.out = new Uint8Array(OUT_BYTES);
    this.outLength = 0;
  }

  /** Ends the connection; there must be no call under way. */
  async close(): Promise<void> {
    this.failure ??= new PlatformError("cancelled", "closed here");
    this.socket.end();
    this.socket.resume();
    this.socket.once("end", () => this.socket.destroy());
    await this.closed;
  }

  /** Cuts the connection, whatever is under way, with a reset where told so. Calls under way hear nothing. */
  destroy(how: "end" | "reset" = "end"): void {
    this.failure ??= new PlatformError("cancelled", "closed here");
    if (how === "reset") this.socket.resetAndDestroy();
    else this.socket.destroy();
  }

  /** The first call of a method: its answer, most likely a refusal of the empty id, does not matter. */
  private first(method: Method, address: string): Promise<void> {
    const block = firstBlock(method, address);
    const body = grpcMessage(new Uint8Array([0x0a, 0]));
    const head = frameHeader(block.length, HEADERS, 4);
    const bytes = new Uint8Array([...head, ...block, ...frameHeader(body.length, DATA, END_STREAM), ...body]);
    const streamAt = [5, FRAME_HEADER + block.length + 5];
    const idAt = bytes.length - 2;
    const timeoutAt = FRAME_HEADER + block.length - "5000m".length;
    return new Promise((resolve) => {
      this.send({
        template: { bytes, streamAt, timeoutAt, idAt, dataLength: body.length },
        id: new Uint8Array([0x0a, 0]),
        n: 0,
        sentMs: 0,
        stream: 0,
        messages: 0,
        onMessage() {},
        onEnd: () => resolve(),
      });
      this.flush();
    });
  }

  private hasRoom({ template }: Call): boolean {
    return this.open < Math.min(this.streamsMax, STREAMS_MAX) && this.sendWindow >= template.dataLength;
  }

  private write(call: Call): void {
    if (this.outLength + CALL_BYTES_MAX > OUT_BYTES) this.flush();
    const { template } = call;
    assert(template.bytes.length <= CALL_BYTES_MAX, "a call fits its place");
    call.stream = this.nextStream;
    this.nextStream += 2;
    const at = (call.stream >>> 1) & (STREAMS_MAX - 1);
    assert(this.calls[at] === undefined, "a call is not overtaken by 16,384 others");
    this.calls[at] = call;
    this.open++;
    this.sendWindow -= template.dataLength;
    this.outLength = writeCall(template, this.out, this.outLength, call);
  }

  private push(bytes: Uint8Array): void {
    if (this.outLength + bytes.length > OUT_BYTES) this.flush();
    this.out.set(bytes, this.outLength);
    this.outLength += bytes.length;
  }

  private windowUpdate(bytes: number): void {
    const frame = new Uint8Array([...frameHeader(4, WINDOW_UPDATE, 0), 0, 0, 0, 0]);
    writeUint32(frame, FRAME_HEADER, bytes);
    this.push(frame);
  }

  private receive(chunk: Uint8Array): void {
    if (this.failure) return;
    this.nowMs = performance.now();
    let bytes = chunk;
    if (this.rest.length > 0) {
      bytes = new Uint8Array(this.rest.length + chunk.length);
      bytes.set(this.rest);
      bytes.set(chunk, this.rest.length);
    }
    let at = 0;
    while (at + FRAME_HEADER <= bytes.length) {
      const end = at + FRAME_HEADER + ((bytes[at] << 16) | (bytes[at + 1] << 8) | bytes[at + 2]);
      if (end > bytes.length) break;
      this.frame(bytes, bytes[at + 3], bytes[at + 4], readUint32(bytes, at + 5) & WINDOW_MAX, at + FRAME_HEADER, end);
      at = end;
    }
    this.rest = at === bytes.length ? this.rest.subarray(0, 0) : bytes.slice(at);
    while (this.heldFrom < this.held.length && this.hasRoom(this.held[this.heldFrom])) {
      this.write(this.held[this.heldFrom++]);
    }
    if (this.heldFrom === this.held.length) this.held.length = this.heldFrom = 0;
    this.flush();
  }

  private frame(bytes: Uint8Array, type: number, flags: number, stream: number, start: number, end: number): void {
    switch (type) {
      case DATA: {
        this.received += end - start;
        if (this.received > TOP_UP_BYTES) {
          this.windowUpdate(this.received);
          this.received = 0;
        }
        const call = this.callOf(stream);
        if (!call) return;
        const from = flags & PADDED ? start + 1 : start;
        this.data(call, bytes, from, flags & PADDED ? end - bytes[start] : end);
        if (flags & END_STREAM) this.end(call);
        return;
      }
      case HEADERS: {
        const call = flags & END_STREAM ? this.callOf(stream) : undefined;
        if (call) this.end(call);
        return;
      }
      case CONTINUATION:
        return;
      case RST_STREAM: {
        const call = this.callOf(stream);
        if (call) this.end(call, false);
        return;
      }
      case SETTINGS:
        if (flags & ACK) return;
        this.settings(bytes, start, end);
        this.push(new Uint8Array(frameHeader(0, SETTINGS, ACK)));
        this.settled.resolve();
        return;
      case PING:
        if (!(flags & ACK)) this.push(new Uint8Array([...frameHeader(8, PING, ACK), ...bytes.subarray(start, end)]));
        return;
      case WINDOW_UPDATE:
        if (stream === 0) this.sendWindow += readUint32(bytes, start) & WINDOW_MAX;
        return;
      case GOAWAY:
        this.fail(new PlatformError("unavailable", `the server said GOAWAY, code ${readUint32(bytes, start + 4)}`));
    }
  }

  private data(call: Call, bytes: Uint8Array, start: number, end: number): void {
    if (start === end) return;
    if (call.partial) {
      const all = new Uint8Array(call.partial.length + end - start);
      all.set(call.partial);
      all.set(bytes.subarray(start, end), call.partial.length);
      call.partial = undefined;
      return this.data(call, all, 0, all.length);
    }
    if (end - start < MESSAGE_PREFIX || readUint32(bytes, start + 1) !== end - start - MESSAGE_PREFIX) {
      call.partial = bytes.slice(start, end);
      return;
    }
    call.messages++;
    call.onMessage(bytes, start + MESSAGE_PREFIX, end);
  }

  private end(call: Call, inOrder = true): void {
    this.calls[(call.stream >>> 1) & (STREAMS_MAX - 1)] = undefined;
    this.open--;
    call.onEnd(inOrder && call.messages === 1 && call.partial === undefined, this.nowMs);
  }

  private callOf(stream: number): Call | undefined {
    const call = this.calls[(stream >>> 1) & (STREAMS_MAX - 1)];
    return call?.stream === stream ? call : undefined;
  }

  private settings(bytes: Uint8Array, start: number, end: number): void {
    // Without a word on it in the first of them there is no limit.
    if (!this.agreed) this.streamsMax = STREAMS_MAX;
    this.agreed = true;
    for (let at = start; at < end; at += 6) {
      const name = (bytes[at] << 8) | bytes[at + 1];
      const value = readUint32(bytes, at + 2);
      if (name === 3) this.streamsMax = value;
      assert(name !== 1 || value >= 4_096, "the server's HPACK table holds the headers of our calls");
      assert(name !== 4 || value >= CALL_BYTES_MAX, "the server's windows hold a call");
    }
  }

  private fail(error: Error): void {
    if (this.failure) return;
    this.failure = error;
    this.socket.destroy();
    this.settled.reject(error);
    this.onTrouble(error);
    for (const call of this.calls) if (call) call.onEnd(false, performance.now());
    this.calls.fill(undefined);
  }
}

function readUint32(bytes: Uint8Array, at: number): number {
  return ((bytes[at] << 24) | (bytes[at + 1] << 16) | (bytes[at + 2] << 8) | bytes[at + 3]) >>> 0;
}
