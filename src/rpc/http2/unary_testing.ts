/**
 * Unary calls for the benchmark, many in one chunk: HEADERS and DATA in, HEADERS, DATA and HEADERS out, without sockets,
 * protobuf or handlers.
 */
import { ByteWriter } from "./bytes.ts";
import { Flag, FrameType, PREFACE, writeFrameHeader, writeSettings, writeSettingsAck } from "./frames.ts";
import { writeHeaderBlock } from "./header_blocks.ts";
import { encodeStateless, HpackEncoder } from "./hpack/mod.ts";
import { createServerConnection } from "./server.ts";
import type { Connection, Stream, StreamReceiver } from "./types.ts";

/** Calls in a chunk. */
export const CALLS = 128;
const MESSAGE = new Uint8Array(96);
const FIELDS = [
  ...[":method", "POST", ":scheme", "http", ":path", "/schedulerproto.Scheduler/AcquireContainer"],
  ...[":authority", "127.0.0.1:10600", "content-type", "application/grpc", "te", "trailers", "grpc-timeout", "10S"],
  ...["user-agent", "grpc-go/1.33.1"],
];
const ANSWER = encodeStateless([":status", "200", "content-type", "application/grpc"]);
const TRAILERS = encodeStateless(["grpc-status", "0"]);

/** One call: answers when the request is whole. */
class Responder implements StreamReceiver {
  readonly #stream: Stream;

  constructor(stream: Stream) {
    this.#stream = stream;
  }
  onData(_bytes: Uint8Array, endStream: boolean): void {
    if (!endStream) return;
    this.#stream.sendHeaders(ANSWER, false);
    this.#stream.sendData(MESSAGE, false);
    this.#stream.sendTrailers(TRAILERS);
  }
  onHeaders(): void {}
  onTrailers(): void {}
  onDrain(): void {}
  onReset(): void {}
}

/** A connection and a chunk of calls whose stream ids are moved on before each use. */
export class UnaryCalls {
  readonly connection: Connection;
  writtenBytes = 0;
  readonly #chunk: Uint8Array;
  readonly #idsAt: number[] = [];
  #nextId: number;

  constructor() {
    const connection = this.connection = createServerConnection({
      write: (bytes) => {
        this.writtenBytes += bytes.length;
      },
      wantFlush() {},
      end() {
        throw new Error("the connection has ended");
      },
      onStream: (stream) => stream.receiver = new Responder(stream),
    });
    const out = new ByteWriter();
    const encoder = new HpackEncoder();
    out.bytes(PREFACE);
    writeSettings(out, [[4, 0x7fffffff]]);
    writeSettingsAck(out);
    // So much that the bench never has to give any back.
    writeFrameHeader(out, 4, FrameType.WINDOW_UPDATE, 0, 0);
    out.uint32(0x7fffffff - 65535);
    this.#call(out, encoder, 1);
    connection.receive(out.take());
    this.#nextId = 3;
    for (let i = 0; i < CALLS; i++) this.#call(out, encoder, this.#nextId);
    this.#chunk = out.take();
    for (let at = 0; at < this.#chunk.length;) {
      this.#idsAt.push(at + 5);
      at += 9 + ((this.#chunk[at + 1] << 8) | this.#chunk[at + 2]);
    }
  }

  #call(out: ByteWriter, encoder: HpackEncoder, id: number): void {
    writeHeaderBlock(out, encoder, id, FIELDS, false, 16384);
    writeFrameHeader(out, MESSAGE.length, FrameType.DATA, Flag.END_STREAM, id);
    out.bytes(MESSAGE);
  }

  /** Sends the chunk and has its calls answered. */
  step(): void {
    const chunk = this.#chunk, idsAt = this.#idsAt;
    for (let i = 0; i < idsAt.length; i += 2) {
      const id = this.#nextId;
      this.#nextId += 2;
      for (let j = i; j < i + 2; j++) {
        const at = idsAt[j];
        chunk[at] = id >>> 24;
        chunk[at + 1] = id >>> 16;
        chunk[at + 2] = id >>> 8;
        chunk[at + 3] = id;
      }
    }
    this.connection.receive(chunk);
    // 2^31-1 bytes of window are used up at some time; the peer opens it again.
    if (this.writtenBytes < 1 << 29) return;
    this.writtenBytes = 0;
    this.connection.receive(Uint8Array.of(0, 0, 4, 8, 0, 0, 0, 0, 0, 0x1f, 0xff, 0xff, 0xff));
  }
}
