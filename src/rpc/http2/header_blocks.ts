/** Header blocks over several frames, both ways: RFC 9113, 4.3, 6.2 and 6.10. */
import { ByteWriter } from "./bytes.ts";
import { ConnectionFault } from "./faults.ts";
import { Flag, FRAME_HEADER_BYTES, FrameType, writeFrameHeader, writeFrameHeaderAt } from "./frames.ts";
import type { HpackEncoder } from "./hpack/mod.ts";
import type { Http2Limits } from "./limits.ts";
import { ErrorCode, type HeaderBlock } from "./types.ts";

/**
 * Appends `block` as HEADERS, and CONTINUATION where it is larger than the peer's frames.
 * @throws RangeError when a character is not one byte; nothing is appended then
 */
export function writeHeaderBlock(
  out: ByteWriter,
  encoder: HpackEncoder,
  streamId: number,
  block: HeaderBlock,
  endStream: boolean,
  frameBytesMax: number,
): void {
  const start = out.length;
  const end = endStream ? Flag.END_STREAM : 0;
  out.ensure(FRAME_HEADER_BYTES);
  out.length += FRAME_HEADER_BYTES;
  try {
    encoder.encode(block, out);
  } catch (error) {
    out.length = start;
    throw error;
  }
  const length = out.length - start - FRAME_HEADER_BYTES;
  if (length <= frameBytesMax) {
    writeFrameHeaderAt(out.buffer, start, length, FrameType.HEADERS, end | Flag.END_HEADERS, streamId);
    return;
  }
  const bytes = out.buffer.slice(start + FRAME_HEADER_BYTES, out.length);
  out.length = start;
  for (let at = 0; at < length; at += frameBytesMax) {
    const part = bytes.subarray(at, at + frameBytesMax);
    const last = at + frameBytesMax >= length ? Flag.END_HEADERS : 0;
    if (at === 0) writeFrameHeader(out, part.length, FrameType.HEADERS, end, streamId);
    else writeFrameHeader(out, part.length, FrameType.CONTINUATION, last, streamId);
    out.bytes(part);
  }
}

/** A header block whose END_HEADERS has not come. Between its frames no others may stand. */
export class HeaderAssembly {
  readonly streamId: number;
  readonly endStream: boolean;
  readonly #limits: Http2Limits;
  readonly #bytes = new ByteWriter(1024);
  #continuations = 0;

  constructor(streamId: number, endStream: boolean, limits: Http2Limits) {
    this.streamId = streamId;
    this.endStream = endStream;
    this.#limits = limits;
  }

  /**
   * Takes the next fragment.
   * @throws ConnectionFault when there are too many of them, or too many bytes
   */
  append(fragment: Uint8Array, continuation: boolean): void {
    const { headerBlockBytesMax, continuationsMax } = this.#limits;
    if (continuation && ++this.#continuations > continuationsMax) {
      throw new ConnectionFault(
        ErrorCode.ENHANCE_YOUR_CALM,
        "continuation_flood",
        `a header block has more than ${continuationsMax} CONTINUATION frames`,
      );
    }
    if (this.#bytes.length + fragment.length > headerBlockBytesMax) {
      throw new ConnectionFault(
        ErrorCode.ENHANCE_YOUR_CALM,
        "header_block_too_large",
        `a header block has more than ${headerBlockBytesMax} bytes`,
      );
    }
    this.#bytes.bytes(fragment);
  }

  /** The whole block. */
  get block(): Uint8Array {
    return this.#bytes.view();
  }
}
