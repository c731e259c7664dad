/** Messages and their frames in the body of a stream: one byte of flags, four of length, the message. */
import {
  create,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { MESSAGE_BYTES_MAX, messageOf, PlatformError } from "../../base/mod.ts";
import { type PlainDecoder, plainDecoder } from "../grpc/plain_decode.ts";
import { type PlainEncoder, plainEncoder } from "../grpc/plain_encode.ts";
import { ByteWriter } from "../http2/mod.ts";

const PREFIX_BYTES = 5;
/** Messages up to an eighth of this share a buffer, since making one costs more than all else that is done with them. */
const SLAB_BYTES = 64 * 1024;
/** What is set aside at once for a message that is still coming: a prefix alone must not cost memory. */
const SET_ASIDE_BYTES_MAX = 64 * 1024;

/** `message` with its prefix. Throws `internal` where it cannot be encoded, `resource_exhausted` where it is too long. */
export function encodeFrame<T extends DescMessage>(schema: T, message: MessageInitShape<T>): Uint8Array {
  const plain = plainWays(schema).encode?.(message);
  if (plain !== undefined) return plain;
  let body: Uint8Array;
  try {
    body = toBinary(schema, create(schema, message));
  } catch (error) {
    throw new PlatformError("internal", `${schema.typeName} cannot be encoded: ${messageOf(error)}`, { cause: error });
  }
  const length = body.length;
  if (length > MESSAGE_BYTES_MAX) throw tooLong("the request", length);
  const frame = allocate(PREFIX_BYTES + length);
  frame[0] = 0;
  frame[1] = length >>> 24;
  frame[2] = length >>> 16;
  frame[3] = length >>> 8;
  frame[4] = length;
  frame.set(body, PREFIX_BYTES);
  return frame;
}

/** The message in `body`. Throws `internal` where it is none of that kind. */
export function decodeMessage<T extends DescMessage>(schema: T, body: Uint8Array): MessageShape<T> {
  const plain = plainWays(schema).decode?.(body, 0);
  if (plain !== undefined) return plain as MessageShape<T>;
  try {
    return fromBinary(schema, body);
  } catch (error) {
    throw new PlatformError("internal", `the reply is no ${schema.typeName}: ${messageOf(error)}`, { cause: error });
  }
}

interface PlainWays {
  readonly encode: PlainEncoder | undefined;
  readonly decode: PlainDecoder | undefined;
}

const known = new WeakMap<DescMessage, PlainWays>();

/** The short ways of a type, made once. */
function plainWays(schema: DescMessage): PlainWays {
  let ways = known.get(schema);
  if (ways === undefined) known.set(schema, ways = { encode: plainEncoder(schema), decode: plainDecoder(schema) });
  return ways;
}

let slab = new Uint8Array(SLAB_BYTES);
let slabUsedBytes = 0;

/** Room for `bytes` bytes, whatever stands in it. */
function allocate(bytes: number): Uint8Array {
  if (bytes > SLAB_BYTES / 8) return new Uint8Array(bytes);
  if (slabUsedBytes + bytes > SLAB_BYTES) {
    slab = new Uint8Array(SLAB_BYTES);
    slabUsedBytes = 0;
  }
  return slab.subarray(slabUsedBytes, slabUsedBytes += bytes);
}

function copyOf(bytes: Uint8Array): Uint8Array {
  const copy = allocate(bytes.length);
  copy.set(bytes);
  return copy;
}

/** Puts messages together again from the pieces that DATA frames carry. */
export class MessageReader {
  readonly #take: (message: Uint8Array) => void;
  readonly #isShared: boolean;
  /** The piece of a message or prefix that is here so far. */
  readonly #part = new ByteWriter(0);
  /** Bytes that the message under way has; -1 until its prefix is whole. */
  #length = -1;

  /**
   * `take` is handed every message, in bytes that do not change. With `isShared`, messages are decoded soon and leave no
   * view of their bytes behind, so that they may stand in a shared buffer until then.
   */
  constructor(take: (message: Uint8Array) => void, isShared = false) {
    this.#take = take;
    this.#isShared = isShared;
  }

  /** Whether the body may end here. */
  get isWhole(): boolean {
    return this.#length < 0 && this.#part.length === 0;
  }

  /** Reads the body's next `bytes`, which are not kept; answers with what is wrong with them. */
  push(bytes: Uint8Array): PlatformError | undefined {
    let at = 0;
    const end = bytes.length;
    while (at < end || this.#length === 0) {
      if (this.#length < 0) {
        if (this.#part.length === 0 && end - at >= PREFIX_BYTES) {
          const fault = this.#open(bytes, at);
          if (fault) return fault;
          at += PREFIX_BYTES;
        } else {
          const until = Math.min(end, at + PREFIX_BYTES - this.#part.length);
          this.#part.bytes(bytes.subarray(at, until));
          at = until;
          if (this.#part.length < PREFIX_BYTES) return undefined;
          const fault = this.#open(this.#part.take(), 0);
          if (fault) return fault;
        }
      }
      const length = this.#length;
      if (this.#part.length === 0 && end - at >= length) {
        this.#length = -1;
        const message = bytes.subarray(at, at += length);
        this.#take(this.#isShared ? copyOf(message) : message.slice());
        continue;
      }
      if (this.#part.length === 0) this.#part.ensure(Math.min(length, SET_ASIDE_BYTES_MAX));
      const until = Math.min(end, at + length - this.#part.length);
      this.#part.bytes(bytes.subarray(at, until));
      at = until;
      if (this.#part.length === length) {
        this.#length = -1;
        this.#take(this.#part.take());
      }
    }
    return undefined;
  }

  #open(prefix: Uint8Array, at: number): PlatformError | undefined {
    const flags = prefix[at];
    if (flags === 1) return new PlatformError("internal", "the reply is compressed, which was not asked for");
    if (flags !== 0) return new PlatformError("internal", `the reply has a message with flags ${flags}, must be 0`);
    const length = prefix[at + 1] * 2 ** 24 + (prefix[at + 2] << 16) + (prefix[at + 3] << 8) + prefix[at + 4];
    if (length > MESSAGE_BYTES_MAX) return tooLong("the reply", length);
    this.#length = length;
  }
}

function tooLong(what: string, length: number): PlatformError {
  return new PlatformError("resource_exhausted", `${what} has ${length} bytes, must be at most ${MESSAGE_BYTES_MAX}`);
}
