import type { DescMessage } from "@bufbuild/protobuf";
import { PREFIX_BYTES } from "./message_reader.ts";
import { LENGTH_DELIMITED, type PlainField, plainFields, VARINT } from "./plain_fields.ts";

/** The message that a handler's answer stands for, behind its prefix; undefined where protobuf-es must look at it. */
export type PlainEncoder = (answer: unknown) => Uint8Array | undefined;

/** Writes what is there; false where it is not plain. */
type Write = (values: Values, writer: Writer) => boolean;
type Values = Record<string, unknown>;

/**
 * Messages share memory of this size, since memory of their own costs them more than they do. Small, since one that
 * waits to be sent keeps its neighbours' too.
 */
const SLAB_BYTES = 4096;
/** Longer ones are not worth the hurry. With its prefix. */
const PLAIN_BYTES_MAX = 1024;

/** The short way to the wire for `desc`; undefined where it has none. */
export function plainEncoder(desc: DescMessage): PlainEncoder | undefined {
  const fields = plainFields(desc);
  if (fields === undefined) return undefined;
  const write = compile(desc, fields);
  return (answer) => {
    writer.begin();
    return typeof answer === "object" && answer !== null && write(answer as Values, writer)
      ? writer.finish()
      : undefined;
  };
}

function compile(desc: DescMessage, fields: readonly PlainField[]): Write {
  const { typeName } = desc;
  const writes = fields.map(compileField);
  return (values, writer) => {
    if (values.$typeName !== undefined && values.$typeName !== typeName || values.$unknown !== undefined) return false;
    for (let i = 0; i < writes.length; i++) {
      if (!writes[i](values, writer)) return false;
    }
    return true;
  };
}

function compileField(field: PlainField): Write {
  const { name, kind, repeated } = field;
  const tag = field.number << 3 | (kind === "string" || kind === "message" ? LENGTH_DELIMITED : VARINT);
  const one = kind === "message" ? compileMessage(tag, field.message!) : WRITES[kind](tag, repeated);
  if (!repeated) {
    return (values, writer) => {
      const value = values[name];
      return value === undefined || one(value, writer);
    };
  }
  return (values, writer) => {
    const items = values[name];
    if (items === undefined) return true;
    if (!Array.isArray(items)) return false;
    for (let i = 0; i < items.length; i++) {
      if (!one(items[i], writer)) return false;
    }
    return true;
  };
}

type WriteValue = (value: unknown, writer: Writer) => boolean;

/** Zero is not written. */
const WRITES: Record<"string" | "bool" | "int" | "bigint", (tag: number, always: boolean) => WriteValue> = {
  string: (tag, always) => (value, writer) =>
    typeof value === "string" && (value === "" && !always || writer.varint(tag) && writer.text(value)),
  bool: (tag) => (value, writer) => value === false || value === true && writer.varint(tag) && writer.varint(1),
  int: (tag) => (value, writer) =>
    value === 0 || typeof value === "number" && Number.isInteger(value) && value > 0 && value <= 0x7fffffff &&
      writer.varint(tag) && writer.varint(value),
  bigint: (tag) => (value, writer) => {
    if (typeof value !== "bigint") return false;
    const number = Number(value);
    if (number === 0) return true;
    return number > 0 && number <= Number.MAX_SAFE_INTEGER && writer.varint(tag) && writer.varint(number);
  },
};

function compileMessage(tag: number, desc: DescMessage): WriteValue {
  const write = compile(desc, plainFields(desc)!);
  return (value, writer) => {
    if (typeof value !== "object" || value === null || !writer.varint(tag)) return false;
    const start = writer.at;
    // Room for the length of a short one; a longer one is moved.
    return writer.varint(0) && write(value as Values, writer) && writer.setLength(start);
  };
}

class Writer {
  /** Where the next byte goes. */
  at = 0;
  #slab = new Uint8Array(SLAB_BYTES);
  #start = 0;
  #end = 0;

  begin(): void {
    if (this.#start + PLAIN_BYTES_MAX > SLAB_BYTES) {
      this.#slab = new Uint8Array(SLAB_BYTES);
      this.#start = 0;
    }
    this.at = this.#start + PREFIX_BYTES;
    this.#end = this.#start + PLAIN_BYTES_MAX;
  }

  /** What was written, which nobody writes to again. */
  finish(): Uint8Array {
    const slab = this.#slab, start = this.#start, length = this.at - start - PREFIX_BYTES;
    // The flags and upper bytes of the length are 0, but an attempt that was given up may have written here.
    slab[start] = slab[start + 1] = slab[start + 2] = 0;
    slab[start + 3] = length >> 8;
    slab[start + 4] = length & 0xff;
    this.#start = this.at;
    return slab.subarray(start, this.at);
  }

  varint(value: number): boolean {
    const slab = this.#slab;
    while (value > 0x7f && this.at < this.#end) {
      slab[this.at++] = value & 0x7f | 0x80;
      value = Math.floor(value / 128);
    }
    if (this.at >= this.#end) return false;
    slab[this.at++] = value;
    return true;
  }

  text(text: string): boolean {
    const { length } = text;
    if (!this.varint(length) || this.at + length > this.#end) return false;
    const slab = this.#slab;
    let { at } = this, all = 0;
    for (let i = 0; i < length; i++) {
      const code = text.charCodeAt(i);
      all |= code;
      slab[at++] = code;
    }
    this.at = at;
    return all <= 0x7f;
  }

  /** Puts the length of all since `start` into the byte that was left there for it. */
  setLength(start: number): boolean {
    const length = this.at - start - 1;
    if (length > 0x7f) {
      if (this.at >= this.#end) return false;
      // At most PLAIN_BYTES_MAX: two bytes do.
      this.#slab.copyWithin(start + 2, start + 1, this.at);
      this.#slab[start] = length & 0x7f | 0x80;
      this.#slab[start + 1] = length >> 7;
      this.at++;
    } else this.#slab[start] = length;
    return true;
  }
}

/** One for all: writing takes no turns. */
const writer = new Writer();
