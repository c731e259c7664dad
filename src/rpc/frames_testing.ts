/** An HTTP/2 client that does just what a test says, frame by frame; shares no code with what it tests. */
import * as net from "node:net";
import { within } from "./testing.ts";

export const FrameType = { DATA: 0, HEADERS: 1, RST_STREAM: 3, SETTINGS: 4, PING: 6, GOAWAY: 7, WINDOW_UPDATE: 8 };
export const END_STREAM = 1, ACK = 1, END_HEADERS = 4;

export interface Frame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: Uint8Array;
}

const encoder = new TextEncoder();

/** A connection on which the preface and empty settings are sent. */
export class RawClient {
  readonly #socket: net.Socket;
  readonly #frames: Frame[] = [];
  #rest: Uint8Array = new Uint8Array(0);
  #wake = () => {};
  #ended = false;

  constructor(address: string) {
    const [host, port] = address.split(":");
    this.#socket = net.connect({ host, port: Number(port), noDelay: true });
    this.#socket.on("data", (chunk: Uint8Array) => this.#receive(chunk));
    this.#socket.on("error", () => {});
    this.#socket.on("close", () => {
      this.#ended = true;
      this.#wake();
    });
    this.write(encoder.encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"));
    this.send(FrameType.SETTINGS, 0, 0);
  }

  write(bytes: Uint8Array): void {
    this.#socket.write(bytes);
  }

  send(type: number, flags: number, streamId: number, payload: Uint8Array = new Uint8Array(0)): void {
    this.write(frame(type, flags, streamId, payload));
  }

  /** A request's header block, each field as a literal that is not indexed (RFC 7541, 6.2.2). */
  headers(streamId: number, fields: Record<string, string>, endStream: boolean): void {
    this.send(FrameType.HEADERS, END_HEADERS | (endStream ? END_STREAM : 0), streamId, literals(fields));
  }

  /** The frames up to the first that `found` accepts; up to the connection's end where none is left. */
  async until(found: (frame: Frame) => boolean, what: string): Promise<Frame[]> {
    for (let checked = 0;;) {
      for (; checked < this.#frames.length; checked++) {
        if (found(this.#frames[checked])) return this.#frames.splice(0, checked + 1);
      }
      if (this.#ended) return this.#frames.splice(0);
      await within(new Promise<void>((resolve) => this.#wake = resolve), what);
    }
  }

  /** All that the server sent before it answered a ping that was sent now. */
  async untilPong(): Promise<Frame[]> {
    this.send(FrameType.PING, 0, 0, new Uint8Array(8));
    return await this.until(({ type, flags }) => type === FrameType.PING && (flags & ACK) !== 0, "the ping's answer");
  }

  close(): void {
    this.#socket.destroy();
  }

  #receive(chunk: Uint8Array): void {
    let bytes = concat(this.#rest, chunk);
    while (bytes.length >= 9) {
      const length = bytes[0] << 16 | bytes[1] << 8 | bytes[2];
      if (bytes.length < 9 + length) break;
      const streamId = new DataView(bytes.buffer, bytes.byteOffset).getUint32(5);
      this.#frames.push({ type: bytes[3], flags: bytes[4], streamId, payload: bytes.slice(9, 9 + length) });
      bytes = bytes.subarray(9 + length);
    }
    this.#rest = bytes.slice();
    this.#wake();
  }
}

export function frame(type: number, flags: number, streamId: number, payload: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(9 + payload.length);
  const { length } = payload;
  bytes.set([length >> 16, length >> 8 & 255, length & 255, type, flags]);
  new DataView(bytes.buffer).setUint32(5, streamId);
  bytes.set(payload, 9);
  return bytes;
}

export function literals(fields: Record<string, string>): Uint8Array {
  const bytes: number[] = [];
  const text = (value: string) => {
    const encoded = encoder.encode(value);
    // An integer with a prefix of 7 bits (RFC 7541, 5.1).
    if (encoded.length < 127) bytes.push(encoded.length);
    else {
      bytes.push(127);
      let rest = encoded.length - 127;
      for (; rest >= 128; rest >>= 7) bytes.push(rest & 127 | 128);
      bytes.push(rest);
    }
    bytes.push(...encoded);
  };
  for (const [name, value] of Object.entries(fields)) {
    bytes.push(0);
    text(name);
    text(value);
  }
  return new Uint8Array(bytes);
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
