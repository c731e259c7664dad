/** Cuts what comes from the peer into frames: RFC 9113, 4.1. Chunks may end anywhere. */
import { ConnectionFault } from "./faults.ts";
import { FRAME_HEADER_BYTES, PREFACE, readUint24, readUint31 } from "./frames.ts";
import { ErrorCode } from "./types.ts";

/** Who is given the frames. */
export interface FrameSink {
  /** The connection is over: no more frames are wanted. */
  readonly ended: boolean;
  /** One frame; its payload is `bytes[from, to)`, valid only during the call. May throw: the rest is not read then. */
  frame(type: number, flags: number, streamId: number, bytes: Uint8Array, from: number, to: number): void;
}

const NOTHING = new Uint8Array(0);

export class FrameReader {
  readonly #frameBytesMax: number;
  /** The beginning of a frame whose rest has not come. */
  #partial = NOTHING;
  #filled = 0;

  /** `frameBytesMax`: the largest payload that is taken. */
  constructor(frameBytesMax: number) {
    this.#frameBytesMax = frameBytesMax;
  }

  /**
   * Hands all whole frames of `chunk` from `at` on to `sink`, without copying those that it holds whole.
   * @throws ConnectionFault when a frame is larger than is taken
   */
  read(chunk: Uint8Array, at: number, sink: FrameSink): void {
    if (this.#filled > 0) at = this.#complete(chunk, at, sink);
    const length = chunk.length;
    while (length - at >= FRAME_HEADER_BYTES && !sink.ended) {
      const end = at + FRAME_HEADER_BYTES + this.#payloadBytes(chunk, at);
      if (end > length) break;
      sink.frame(chunk[at + 3], chunk[at + 4], readUint31(chunk, at + 5), chunk, at + FRAME_HEADER_BYTES, end);
      at = end;
    }
    if (at < length && !sink.ended) this.#keep(chunk, at, length);
  }

  /** Whether a frame has begun and not ended. */
  get withinFrame(): boolean {
    return this.#filled > 0;
  }

  /** Completes the frame that has begun; the answer is where the next one begins. */
  #complete(chunk: Uint8Array, at: number, sink: FrameSink): number {
    if (this.#filled < FRAME_HEADER_BYTES) {
      at = this.#fill(chunk, at, FRAME_HEADER_BYTES);
      if (this.#filled < FRAME_HEADER_BYTES) return at;
    }
    const end = FRAME_HEADER_BYTES + this.#payloadBytes(this.#partial, 0);
    at = this.#fill(chunk, at, end);
    if (this.#filled < end) return at;
    const bytes = this.#partial;
    this.#filled = 0;
    // The buffer goes with the frame, so that idle connections hold none.
    this.#partial = NOTHING;
    sink.frame(bytes[3], bytes[4], readUint31(bytes, 5), bytes, FRAME_HEADER_BYTES, end);
    return at;
  }

  #keep(chunk: Uint8Array, from: number, to: number): void {
    if (to - from >= FRAME_HEADER_BYTES) this.#room(FRAME_HEADER_BYTES + this.#payloadBytes(chunk, from));
    this.#fill(chunk, from, to - from);
  }

  /** Copies until `wanted` bytes are there or the chunk ends; the answer is where it stands then. */
  #fill(chunk: Uint8Array, at: number, wanted: number): number {
    const count = Math.min(wanted - this.#filled, chunk.length - at);
    this.#room(wanted);
    this.#partial.set(chunk.subarray(at, at + count), this.#filled);
    this.#filled += count;
    return at + count;
  }

  #room(bytes: number): void {
    if (this.#partial.length >= bytes) return;
    const larger = new Uint8Array(bytes);
    larger.set(this.#partial.subarray(0, this.#filled));
    this.#partial = larger;
  }

  #payloadBytes(bytes: Uint8Array, at: number): number {
    const length = readUint24(bytes, at);
    if (length <= this.#frameBytesMax) return length;
    throw new ConnectionFault(
      ErrorCode.FRAME_SIZE_ERROR,
      "frame_too_large",
      `a frame has ${length} bytes, ${this.#frameBytesMax} are allowed`,
    );
  }
}

/** Reads a client's preface: RFC 9113, 3.4. */
export class PrefaceReader {
  #matched = 0;

  /** Whether all of it has come. */
  get complete(): boolean {
    return this.#matched === PREFACE.length;
  }

  /**
   * Takes what of `chunk` belongs to the preface; the answer is where the frames begin.
   * @throws ConnectionFault when the peer speaks something else
   */
  read(chunk: Uint8Array): number {
    let at = 0;
    while (this.#matched < PREFACE.length && at < chunk.length) {
      if (chunk[at++] !== PREFACE[this.#matched++]) {
        throw new ConnectionFault(ErrorCode.PROTOCOL_ERROR, "bad_preface", "this is not HTTP/2");
      }
    }
    return at;
  }
}
