/** The agent's side of the frames that a container answers with. Nothing in them is trusted. */
import { type HeaderList, KIB } from "../../../base/mod.ts";

const HEAD = 0, DATA = 1, END = 2, EXCEPTION = 3;
const FRAME_HEADER_BYTES = 5;
/** Status and headers of one answer: more than any client accepts. */
const HEAD_BYTES_MAX = 64 * KIB;
const HEADERS_MAX = 256;
/** An exception's message; the harness cuts it far below this. */
const EXCEPTION_BYTES_MAX = 16 * KIB;

export type Frame =
  | { readonly type: "head"; readonly status: number; readonly headers: HeaderList }
  | { readonly type: "data"; readonly bytes: Uint8Array }
  | { readonly type: "end" }
  | { readonly type: "exception"; readonly message: string };

/** Thrown where a container sends what is no answer. */
export class FrameError extends Error {
  override name = "FrameError";
}

/**
 * Reads frames off `source`. A data frame may come in several pieces, as its bytes arrive, so that no length a
 * container claims is ever buffered. Ends early, without an `end`, where the source does; throws {@linkcode FrameError}.
 */
export async function* readFrames(source: AsyncIterable<Uint8Array>): AsyncGenerator<Frame, void> {
  let pending = new Uint8Array(0);
  let dataLeft = 0;
  for await (const chunk of source) {
    let bytes: Uint8Array = pending.length === 0 ? chunk : concat(pending, chunk);
    for (;;) {
      if (dataLeft > 0) {
        if (bytes.length === 0) break;
        const part = bytes.subarray(0, dataLeft);
        dataLeft -= part.length;
        bytes = bytes.subarray(part.length);
        yield { type: "data", bytes: part };
        continue;
      }
      if (bytes.length < FRAME_HEADER_BYTES) break;
      const type = bytes[0];
      const length = ((bytes[1] << 24) | (bytes[2] << 16) | (bytes[3] << 8) | bytes[4]) >>> 0;
      if (type === DATA) {
        dataLeft = length;
        bytes = bytes.subarray(FRAME_HEADER_BYTES);
        continue;
      }
      if (type === HEAD && length > HEAD_BYTES_MAX) {
        throw new FrameError(
          `status and headers of its answer are ${length} bytes, at most ${HEAD_BYTES_MAX} are allowed`,
        );
      }
      if (type > EXCEPTION || (type !== HEAD && length > EXCEPTION_BYTES_MAX)) {
        throw new FrameError("its process sent what is no answer");
      }
      if (bytes.length < FRAME_HEADER_BYTES + length) break;
      const payload = bytes.subarray(FRAME_HEADER_BYTES, FRAME_HEADER_BYTES + length);
      bytes = bytes.subarray(FRAME_HEADER_BYTES + length);
      if (type === END) yield { type: "end" };
      else if (type === HEAD) yield parseHead(payload);
      else yield { type: "exception", message: exceptionMessage(payload) };
    }
    pending = bytes.slice();
  }
}

function parseHead(payload: Uint8Array): Frame {
  const { status, headers } = parseJson(payload);
  if (!Number.isInteger(status) || (status as number) < 100 || (status as number) > 599) {
    throw new FrameError(`the status of its answer is ${String(status).slice(0, 20)}, must be from 100 to 599`);
  }
  if (!Array.isArray(headers) || headers.length > HEADERS_MAX) {
    throw new FrameError(`its answer has more than ${HEADERS_MAX} headers`);
  }
  for (const header of headers) {
    if (!Array.isArray(header) || header.length !== 2 || !isHeader(header[0], header[1])) {
      throw new FrameError("its answer has a header that is not allowed in HTTP");
    }
  }
  return { type: "head", status: status as number, headers };
}

function isHeader(name: unknown, value: unknown): boolean {
  return typeof name === "string" && typeof value === "string" && /^[\w!#$%&'*+.^`|~-]+$/.test(name) &&
    !/[\0\r\n]/.test(value);
}

function exceptionMessage(payload: Uint8Array): string {
  const { message } = parseJson(payload);
  if (typeof message !== "string") throw new FrameError("its process sent what is no answer");
  return message.replaceAll(/\s*\n\s*/g, " ");
}

function parseJson(payload: Uint8Array): Record<string, unknown> {
  try {
    const value = JSON.parse(new TextDecoder().decode(payload));
    if (typeof value === "object" && value !== null) return value;
  } catch {
    // Told below, as for any other value.
  }
  throw new FrameError("its process sent what is no answer");
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(a.length + b.length);
  whole.set(a);
  whole.set(b, a.length);
  return whole;
}
