import { create, type DescMessage, type Message } from "@bufbuild/protobuf";
import { latin1 } from "../http2/hpack/text.ts";
import { LENGTH_DELIMITED, type PlainField, plainFields, VARINT } from "./plain_fields.ts";

/** The message in `bytes` from `from` on; undefined where it takes protobuf-es to say what it is. */
export type PlainDecoder = (bytes: Uint8Array, from: number) => Message | undefined;

type Values = Message & Record<string, unknown>;
type ReadField = (message: Values, reader: Reader) => void;

/** The short way from the wire for `desc`; undefined where it has none. */
export function plainDecoder(desc: DescMessage): PlainDecoder | undefined {
  const fields = plainFields(desc);
  if (fields === undefined) return undefined;
  const read = compile(desc, fields);
  return (bytes, from) => {
    reader.bytes = bytes;
    reader.at = from;
    reader.end = bytes.length;
    reader.plain = true;
    const message = read(reader);
    reader.bytes = NO_BYTES;
    return reader.plain ? message : undefined;
  };
}

function compile(desc: DescMessage, fields: readonly PlainField[]): (reader: Reader) => Values {
  const byTag = new Map<number, ReadField>();
  for (const field of fields) {
    const wireType = field.kind === "string" || field.kind === "message" ? LENGTH_DELIMITED : VARINT;
    byTag.set(field.number << 3 | wireType, compileField(field));
  }
  return (reader) => {
    const message = create(desc) as Values;
    while (reader.at < reader.end) {
      const readField = byTag.get(reader.varint());
      if (readField === undefined) reader.fail();
      else readField(message, reader);
    }
    return message;
  };
}

function compileField({ name, kind, repeated, message: desc }: PlainField): ReadField {
  switch (kind) {
    case "string":
      return repeated
        ? (message, reader) => void (message[name] as unknown[]).push(reader.text())
        : (message, reader) => void (message[name] = reader.text());
    case "bool":
      return (message, reader) => void (message[name] = reader.integer(1) === 1);
    case "int":
      return (message, reader) => void (message[name] = reader.integer(0x7fffffff));
    case "bigint":
      return (message, reader) => void (message[name] = BigInt(reader.varint()));
    case "message": {
      const read = compile(desc!, plainFields(desc!)!);
      return (message, reader) => {
        // A second occurrence is merged into the first.
        if (!repeated && message[name] !== undefined) return reader.fail();
        const length = reader.length(), { end } = reader;
        reader.end = reader.at + length;
        const child = read(reader);
        if (reader.plain) reader.end = end;
        if (repeated) (message[name] as unknown[]).push(child);
        else message[name] = child;
      };
    }
  }
}

const NO_BYTES = new Uint8Array(0);
/** Bits of a varint that are read here: as many as multiples of seven fit a number. */
const VARINT_BITS_MAX = 49;

/** Reads forward; what is not plain ends it at once, and what it has read then means nothing. */
class Reader {
  bytes: Uint8Array = NO_BYTES;
  at = 0;
  end = 0;
  plain = true;

  fail(): void {
    this.plain = false;
    this.at = this.end = 0;
  }

  varint(): number {
    const { bytes, end } = this;
    if (this.at < end && bytes[this.at] < 0x80) return bytes[this.at++];
    let value = 0, factor = 1;
    for (let bits = 0; bits < VARINT_BITS_MAX && this.at < end; bits += 7) {
      const byte = bytes[this.at++];
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
      factor *= 128;
    }
    this.fail();
    return 0;
  }

  integer(max: number): number {
    const value = this.varint();
    if (value > max) this.fail();
    return value;
  }

  /** Of what follows, which is there in full. */
  length(): number {
    const length = this.varint();
    if (length <= this.end - this.at) return length;
    this.fail();
    return 0;
  }

  text(): string {
    const length = this.length();
    const { bytes, at } = this;
    const end = at + length;
    let all = 0;
    for (let i = at; i < end; i++) all |= bytes[i];
    if (all > 0x7f) {
      this.fail();
      return "";
    }
    this.at = end;
    return latin1(bytes, at, end);
  }
}

/** One for all: reading takes no turns. */
const reader = new Reader();
