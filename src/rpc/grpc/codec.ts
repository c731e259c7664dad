import type { DescMessage, Message, MessageInitShape } from "@bufbuild/protobuf";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { MESSAGE_BYTES_MAX, messageOf } from "../../base/mod.ts";
import { PREFIX_BYTES } from "./message_reader.ts";
import { plainDecoder } from "./plain_decode.ts";
import { plainEncoder } from "./plain_encode.ts";

/** How one method's messages come from and go to the wire. */
export interface Codec {
  /**
   * The message in `bytes` from `from` on, of which it keeps nothing.
   * @throws ConnectError where it is none
   */
  decode(bytes: Uint8Array, from?: number): Message;
  /** What `normalize` and `encode` make of most answers, in one step; undefined where those must look at it. */
  encodePlain(answer: unknown): Uint8Array | undefined;
  /** The message that a handler's answer stands for. Throws where it stands for none. */
  normalize(answer: unknown): Message;
  /**
   * `message` behind its prefix, in bytes that nobody writes to.
   * @throws ConnectError where it cannot be encoded or is too long
   */
  encode(message: Message): Uint8Array;
}

/** The codec of a method with these types. */
export function createCodec(input: DescMessage, output: DescMessage): Codec {
  const keepsView = holdsBytes(input, new Set());
  const decodePlain = plainDecoder(input);
  return {
    decode(all, from = 0) {
      const message = decodePlain?.(all, from);
      if (message !== undefined) return message;
      try {
        const bytes = from === 0 ? all : all.subarray(from);
        // protobuf-es makes bytes fields out of views of what it reads.
        return fromBinary(input, keepsView ? bytes.slice() : bytes, READ_OPTIONS);
      } catch (error) {
        throw new ConnectError(`parse binary: ${messageOf(error)}`, Code.Internal);
      }
    },
    encodePlain: plainEncoder(output) ?? (() => undefined),
    normalize: (answer) => create(output, answer as MessageInitShape<DescMessage>),
    encode(message) {
      let bytes: Uint8Array;
      try {
        bytes = toBinary(output, message);
      } catch (error) {
        throw new ConnectError(`serialize binary: ${messageOf(error)}`, Code.Internal);
      }
      return envelope(bytes);
    },
  };
}

/** Unknown fields are views too, and no handler hands a request on. */
const READ_OPTIONS = { readUnknownFields: false };

function envelope(bytes: Uint8Array): Uint8Array {
  if (bytes.length > MESSAGE_BYTES_MAX) {
    const limit = `message size ${bytes.length} is larger than configured writeMaxBytes ${MESSAGE_BYTES_MAX}`;
    throw new ConnectError(limit, Code.ResourceExhausted);
  }
  const all = new Uint8Array(PREFIX_BYTES + bytes.length);
  new DataView(all.buffer).setUint32(1, bytes.length);
  all.set(bytes, PREFIX_BYTES);
  return all;
}

/** Whether a message may hold bytes anywhere in it. */
export function holdsBytes(desc: DescMessage, seen: Set<string> = new Set()): boolean {
  if (seen.has(desc.typeName)) return false;
  seen.add(desc.typeName);
  return desc.fields.some((field) =>
    field.message ? holdsBytes(field.message, seen) : field.scalar === 12 /* ScalarType.BYTES */
  );
}
