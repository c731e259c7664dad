/** A peer in memory for the tests of this folder: what was sent can be looked at, what comes back is said by hand. */
import { create, type DescMessage, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { ManualClock, type PlatformError, seededRandom } from "../../base/mod.ts";
import { AcquireContainerReplySchema, Scheduler } from "../../../gen/schedulerproto/scheduler_pb.ts";
import type { Fields, HeaderBlock, Stream, StreamReceiver } from "../http2/mod.ts";
import type { CallParts } from "./call.ts";
import { Channel } from "./channel.ts";
import type { Link, LinkEvents } from "./link.ts";
import { RequestHead } from "./method.ts";
import { callUnary } from "./unary.ts";

export const OK_HEAD: Fields = [":status", "200", "content-type", "application/grpc"];
export const OK_TRAILERS: Fields = ["grpc-status", "0"];

/** A stream that keeps what is sent. */
export class FakeStream implements Stream {
  closed = false;
  queuedBytes = 0;
  /** Whether `sendData` says that there is room. */
  hasRoom = true;
  readonly sent: Uint8Array[] = [];
  sentEnd = false;
  resetWith: number | undefined;
  consumed = 0;

  constructor(readonly id: number, readonly fields: Fields, public receiver: StreamReceiver) {}

  sendHeaders(): void {}
  sendTrailers(): void {}

  sendData(bytes: Uint8Array, endStream: boolean): boolean {
    if (bytes.length > 0) this.sent.push(bytes);
    this.sentEnd ||= endStream;
    return this.hasRoom;
  }

  reset(code: number): void {
    this.resetWith = code;
    this.closed = true;
  }

  consume(bytes: number): void {
    this.consumed += bytes;
  }

  /** The peer answers with one message and success. */
  answer<O extends DescMessage>(schema: O, message: MessageInitShape<O>): void {
    this.receiver.onHeaders(OK_HEAD, false);
    this.receiver.onData(frameOf(toBinary(schema, create(schema, message))), false);
    this.closed = true;
    this.receiver.onTrailers(OK_TRAILERS);
  }
}

/** A connection that is ready, full or lost when the test says so. */
export class FakeLink implements Link {
  #lost: PlatformError | undefined;
  accepts = true;
  used = false;
  capacity = Infinity;
  readonly streams: FakeStream[] = [];

  constructor(readonly events: LinkEvents) {}

  open(block: HeaderBlock, receiver: StreamReceiver): FakeStream | undefined {
    if (this.streams.filter((stream) => !stream.closed).length >= this.capacity) return undefined;
    const stream = new FakeStream(this.streams.length * 2 + 1, block as Fields, receiver);
    this.streams.push(stream);
    this.used = true;
    return stream;
  }

  lossBy(): PlatformError | undefined {
    return this.#lost;
  }

  /** The peer says goodbye, and that it has not begun with streams from `refusedFrom` on. */
  goodbye(refusedFrom: number, code: number): void {
    this.accepts = false;
    this.events.onRetired();
    for (const stream of this.streams.filter(({ id, closed }) => id >= refusedFrom && !closed)) {
      stream.closed = true;
      stream.receiver.onReset(code, "");
    }
  }

  close(error: PlatformError): void {
    if (this.#lost) return;
    this.#lost = error;
    this.accepts = false;
    for (const stream of this.streams.filter(({ closed }) => !closed)) {
      stream.closed = true;
      stream.receiver.onReset(-1, "");
    }
    this.events.onEnd(error);
  }
}

/** A channel on a clock that stands still, whose connections are the test's. */
export function fakeChannel() {
  const clock = new ManualClock();
  const links: FakeLink[] = [];
  const channel = new Channel({
    address: "peer:1",
    clock,
    random: seededRandom(1),
    dial: (events) => {
      const link = new FakeLink(events);
      links.push(link);
      return link;
    },
  });
  const parts = (options: Partial<CallParts> = {}): CallParts => {
    const head = new RequestHead([":method", "POST"]);
    return { exchange: channel, head, keepsView: true, signal: undefined, timeoutMs: undefined, ...options };
  };
  /** Calls AcquireContainer and answers with the container's id. */
  const acquire = async (requestId: string, options: Partial<CallParts> = {}): Promise<string> => {
    const reply = await callUnary(Scheduler.method.acquireContainer, { requestId }, parts(options));
    return reply.message.containerId;
  };
  return { channel, clock, links, parts, acquire };
}

/** Answers an acquire. */
export function answerAcquire(stream: FakeStream, containerId: string): void {
  stream.answer(AcquireContainerReplySchema, { containerId });
}

/** `body` as gRPC frames it. */
export function frameOf(body: Uint8Array, flags = 0): Uint8Array {
  const frame = new Uint8Array(5 + body.length);
  frame[0] = flags;
  new DataView(frame.buffer).setUint32(1, body.length);
  frame.set(body, 5);
  return frame;
}

/** Lets what is resolved already take its turn. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await Promise.resolve();
}
