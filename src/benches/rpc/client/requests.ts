/** The bytes of a call, made once and patched for each: a client that encodes anew would measure itself. */
import { create, toBinary } from "@bufbuild/protobuf";
import { assert } from "../../../base/mod.ts";
import { AcquireContainerRequestSchema } from "../../../../gen/schedulerproto/scheduler_pb.ts";

export type Method = "AcquireContainer" | "ReturnContainer";

/** As long as a UUID. */
export const ID_LENGTH = 36;
const DATA = 0, HEADERS = 1;
const END_STREAM = 1, END_HEADERS = 4;
const FRAME_HEADER = 9, MESSAGE_PREFIX = 5;
const MEMORY_BYTES = 128 * 2 ** 20;

const encoder = new TextEncoder();
const ascii = (text: string): number[] => [...encoder.encode(text)];
const text = (value: string): number[] => [value.length, ...ascii(value)];

/** Deadlines of a call in milliseconds, written with four digits: `grpc-timeout` differs from call to call. */
export const TIMEOUT_MS_FROM = 5_000;
const TIMEOUT_SPREAD = 4_000;

const pathOf = (method: Method) => `/schedulerproto.Scheduler/${method}`;

/**
 * Header blocks of a connection's calls (RFC 7541). The first call of each method puts its fields into the peer's
 * dynamic table, as every client in use does; from then on a block is a dozen bytes.
 */
export function firstBlock(method: Method, authority: string): Uint8Array {
  const newName = (name: string, value: string) => [0x40, ...text(name), ...text(value)];
  const known = (index: number, value: string) => [0x40 | index, ...text(value)];
  const path = known(4, pathOf(method));
  if (method === "AcquireContainer") return new Uint8Array([0x83, 0x86, ...path, ...NEXT_COMMON, ...timeoutField(0)]);
  return new Uint8Array([
    ...[0x83, 0x86, ...path],
    ...known(1, authority),
    ...known(31, "application/grpc"),
    ...newName("te", "trailers"),
    ...known(58, "bench/1.0"),
    ...newName("grpc-timeout", "5000m"),
  ]);
}

// Newest first from 62 on, once both first calls were made, ReturnContainer's before AcquireContainer's.
const TIMEOUT = 63, USER_AGENT = 64, TE = 65, CONTENT_TYPE = 66, AUTHORITY = 67;
const PATH: Record<Method, number> = { AcquireContainer: 62, ReturnContainer: 68 };
/** The same fields as seen from AcquireContainer's first call, whose path is in the table already. */
const NEXT_COMMON = [AUTHORITY, CONTENT_TYPE, TE, USER_AGENT].map((index) => 0x80 | index);

/** `grpc-timeout` as a literal that enters no table. */
function timeoutField(n: number): number[] {
  return [0x0f, TIMEOUT - 15, ...text(`${TIMEOUT_MS_FROM + n % TIMEOUT_SPREAD}m`)];
}

/** A call of which only the request id, the deadline and the stream still have to be filled in. */
export interface Template {
  readonly bytes: Uint8Array;
  readonly streamAt: readonly number[];
  readonly timeoutAt: number;
  readonly idAt: number;
  /** Bytes that count against the peer's windows. */
  readonly dataLength: number;
}

function template(method: Method, message: Uint8Array, idAt: number): Template {
  const block = [0x83, 0x86, 0x80 | PATH[method], ...NEXT_COMMON, ...timeoutField(0)];
  const head = frameHeader(block.length, HEADERS, END_HEADERS);
  const body = grpcMessage(message);
  const data = frameHeader(body.length, DATA, END_STREAM);
  const dataAt = FRAME_HEADER + block.length;
  return {
    bytes: new Uint8Array([...head, ...block, ...data, ...body]),
    streamAt: [5, dataAt + 5],
    timeoutAt: dataAt - "5000m".length,
    idAt: dataAt + FRAME_HEADER + MESSAGE_PREFIX + idAt,
    dataLength: body.length,
  };
}

/** Writes calls into a buffer. */
export class Requests {
  /** An acquire of the function. */
  readonly acquire: Template;
  private readonly returns = new Map<number, { readonly containerId: Uint8Array; readonly template: Template }>();

  constructor(functionName: string, concurrency: number, timeoutMs = 60_000) {
    const message = toBinary(
      AcquireContainerRequestSchema,
      create(AcquireContainerRequestSchema, {
        requestId: "0".repeat(ID_LENGTH),
        accountId: "default",
        functionName,
        functionConfig: {
          timeoutInMs: BigInt(timeoutMs),
          memoryInBytes: BigInt(MEMORY_BYTES),
          concurrency: BigInt(concurrency),
        },
      }),
    );
    this.acquire = template("AcquireContainer", message, 2);
  }

  /** The message of one acquire with gRPC's prefix, for clients that send the same one for ever. */
  acquireMessage(id: Uint8Array): Uint8Array {
    const { bytes, idAt } = this.acquire;
    const message = bytes.slice(idAt - 2 - MESSAGE_PREFIX);
    message.set(id, 2 + MESSAGE_PREFIX);
    return message;
  }

  /** A return to whatever container the request has. */
  get returnToAny(): Template {
    return this.returnTo(new Uint8Array(0), 0, 0);
  }

  /** A return to the container whose id stands in `bytes` from `start` to `end`. */
  returnTo(bytes: Uint8Array, start: number, end: number): Template {
    let hash = end - start;
    for (let i = start; i < end; i++) hash = Math.imul(hash ^ bytes[i], 0x01000193);
    const known = this.returns.get(hash);
    if (known && isEqual(known.containerId, bytes, start, end)) return known.template;
    const containerId = bytes.slice(start, end);
    const made = returnTemplate(containerId);
    this.returns.set(hash, { containerId, template: made });
    return made;
  }
}

function isEqual(known: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (known.length !== end - start) return false;
  for (let i = 0; i < known.length; i++) if (known[i] !== bytes[start + i]) return false;
  return true;
}

function returnTemplate(containerId: Uint8Array): Template {
  assert(containerId.length < 128, "a container id's length fits one byte");
  const id = [0x0a, ID_LENGTH, ...new Uint8Array(ID_LENGTH)];
  // duration_in_nanos: 50 ms; max_memory_usage_in_bytes: 32 MiB.
  const rest = [0x18, ...varint(50_000_000), 0x20, ...varint(32 * 2 ** 20)];
  const message = new Uint8Array([...id, 0x12, containerId.length, ...containerId, ...rest]);
  return template("ReturnContainer", message, 2);
}

/** Copies a call into `target` at `at` and fills it in; the answer is where it ends. */
export function writeCall(
  { bytes, streamAt, timeoutAt, idAt }: Template,
  target: Uint8Array,
  at: number,
  call: { readonly stream: number; readonly n: number; readonly id: Uint8Array },
): number {
  target.set(bytes, at);
  for (const offset of streamAt) writeUint32(target, at + offset, call.stream);
  let digits = TIMEOUT_MS_FROM + call.n % TIMEOUT_SPREAD;
  for (let i = 3; i >= 0; i--) {
    target[at + timeoutAt + i] = 48 + digits % 10;
    digits = Math.floor(digits / 10);
  }
  target.set(call.id, at + idAt);
  return at + bytes.length;
}

/** A frame's header with stream 0 (RFC 9113, 4.1). */
export function frameHeader(length: number, type: number, flags: number, stream = 0): number[] {
  const word = (value: number) => [value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255];
  return [...word(length).slice(1), type, flags, ...word(stream)];
}

/** A message with the prefix that gRPC puts before it: not compressed, its length. */
export function grpcMessage(message: Uint8Array): Uint8Array {
  const framed = new Uint8Array(MESSAGE_PREFIX + message.length);
  writeUint32(framed, 1, message.length);
  framed.set(message, MESSAGE_PREFIX);
  return framed;
}

export function writeUint32(target: Uint8Array, at: number, value: number): void {
  target[at] = value >>> 24;
  target[at + 1] = value >>> 16;
  target[at + 2] = value >>> 8;
  target[at + 3] = value;
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  for (; value > 127; value = Math.floor(value / 128)) bytes.push(value % 128 + 128);
  return [...bytes, value];
}

const HEX = encoder.encode("0123456789abcdef");

/** Ids that never repeat: a prefix of this run and a count, as long and as random-looking as UUIDs. */
export class RequestIds {
  private readonly prefix: Uint8Array;
  private count = 0;

  constructor(run: number) {
    this.prefix = encoder.encode(run.toString(16).padStart(8, "0").slice(-8) + "-7c3e-4b1a-9d52-");
  }

  next(): Uint8Array {
    const id = new Uint8Array(ID_LENGTH);
    id.set(this.prefix);
    let count = ++this.count;
    for (let i = ID_LENGTH - 1; i >= this.prefix.length; i--) {
      id[i] = HEX[count & 15];
      count = Math.floor(count / 16);
    }
    return id;
  }
}
