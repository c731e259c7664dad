/**
 * The direct path of a unary gRPC call: header fields and one message in, the handler, one message and trailers out, with
 * no streams, iterators or timers in between. What is said and when is what Connect says, as a differential test checks.
 */
import type { DescMethod, Message } from "@bufbuild/protobuf";
import { Code, ConnectError, type HandlerContext } from "@connectrpc/connect";
import { type Clock, type Log, messageOf } from "../../base/mod.ts";
import type { CheckAuthorization } from "../auth.ts";
import { toConnectError } from "../errors.ts";
import { serverError } from "../interceptors.ts";
import { resetReason } from "../reset_reason.ts";
import type { Fields, Stream, StreamReceiver } from "../http2/types.ts";
import { type Codec, createCodec } from "./codec.ts";
import { CallContext } from "./context.ts";
import { Deadlines } from "./deadlines.ts";
import { checkPrefix, MessageReader, PREFIX_BYTES } from "./message_reader.ts";
import type { PartialMessages, Windows } from "./partial_messages.ts";
import type { RequestHead } from "./request_head.ts";
import { answerHeaders, answerTrailers, errorTrailers, trailersOnly } from "./status.ts";
import { parseTimeoutMs, timeoutError } from "./timeout.ts";

/**
 * What a handler whose time is over may take to say why in its own words. Then the caller is answered without it; its
 * own deadline is over too, so nobody waits for this.
 */
const LAST_WORDS_MS = 100;

/** Throws where a call may not go on; looks at the context, or is `authorize` alone where that needs no context. */
export type Gate = ((context: HandlerContext) => void | Promise<void>) | undefined;

/** A handler that is reached directly. */
export interface UnaryMethod {
  readonly method: DescMethod;
  readonly handler: (request: never, context: HandlerContext) => unknown;
  /** Who may call; undefined for the token's check. */
  readonly gate: Gate;
  readonly codec: Codec;
}

export interface UnaryOptions {
  readonly authorize: CheckAuthorization;
  /** Its signal ends every call under way, with its reason. */
  readonly cut: () => AbortSignal;
  readonly log: Log;
  readonly clock: Clock;
}

/** All unary methods of a service that gRPC's binary format reaches directly. */
export class UnaryCalls {
  readonly #methods = new Map<string, UnaryMethod>();
  /** In no order. No `Set`, for the reason that `OpenStreams` gives. */
  readonly #running: UnaryCall[] = [];
  #watched: AbortSignal | undefined;
  readonly deadlines: Deadlines;

  constructor(readonly options: UnaryOptions) {
    this.deadlines = new Deadlines(options.clock);
  }

  add(method: DescMethod, handler: UnaryMethod["handler"], gate: Gate): void {
    const codec = createCodec(method.input, method.output);
    this.#methods.set(`/${method.parent.typeName}/${method.name}`, { method, handler, gate, codec });
  }

  /** Calls whose handlers have not answered. */
  get running(): number {
    return this.#running.length;
  }

  /** Takes the request where it is for this path. `partials` are the connection's. False where others must answer it. */
  take(stream: Stream, head: RequestHead, fields: Fields, endStream: boolean, partials: PartialMessages): boolean {
    const method = this.#methods.get(head.path);
    if (method === undefined || !isDirect(head)) return false;
    const { timeout } = head;
    const timeoutMs = timeout === undefined ? Infinity : parseTimeoutMs(timeout);
    const nowMs = this.options.clock.nowMs();
    const call = new UnaryCall(this, stream, method, head, fields, nowMs + timeoutMs, partials);
    stream.receiver = call;
    call.begin(head, endStream, nowMs);
    return true;
  }

  /** @internal The handler of `call` is at work; false where it must not begin since the server is to end. */
  enter(call: UnaryCall): AbortSignal | undefined {
    const signal = this.options.cut();
    if (signal.aborted) return signal;
    if (this.#watched !== signal) {
      this.#watched = signal;
      signal.addEventListener("abort", () => {
        for (const running of [...this.#running]) running.cut(signal.reason);
      }, { once: true });
    }
    call.place = this.#running.push(call) - 1;
  }

  /** @internal */
  leave(call: UnaryCall): void {
    const { place } = call;
    if (place < 0) return;
    // The last one takes its place.
    const last = this.#running.pop()!;
    last.place = place;
    if (last !== call) this.#running[place] = last;
    call.place = -1;
  }
}

/** Whether a request is gRPC in its binary format without compression. All others take the way through Connect. */
function isDirect(head: RequestHead): boolean {
  const { contentType, encoding } = head;
  return head.method === "POST" && !head.repeats &&
    (contentType === "application/grpc" || contentType === "application/grpc+proto") &&
    (encoding === undefined || encoding === "identity");
}

const enum State {
  /** The gate has not let it in. */
  WAITING,
  READING,
  RUNNING,
  /** Answered, or nobody is there to answer. */
  OVER,
}

class UnaryCall extends CallContext implements StreamReceiver, Windows {
  /** Where it stands among those whose handlers are at work; −1: nowhere. Written by `UnaryCalls`. */
  place = -1;
  readonly #calls: UnaryCalls;
  readonly #stream: Stream;
  readonly #method: UnaryMethod;
  readonly #partials: PartialMessages;
  #state = State.READING;
  #message: Message | undefined = undefined;
  #reader: MessageReader | undefined = undefined;
  #ended = false;
  #timedOut = false;

  constructor(
    calls: UnaryCalls,
    stream: Stream,
    method: UnaryMethod,
    head: RequestHead,
    fields: Fields,
    deadlineMs: number,
    partials: PartialMessages,
  ) {
    super(method.method, head, fields, calls.options.clock, Number.isNaN(deadlineMs) ? Infinity : deadlineMs);
    this.#calls = calls;
    this.#stream = stream;
    this.#method = method;
    this.#partials = partials;
  }

  begin(head: RequestHead, endStream: boolean, nowMs: number): void {
    const { gate } = this.#method;
    try {
      if (gate === undefined) this.#calls.options.authorize(head.authorization ?? null);
      else {
        const passed = gate(this);
        if (passed instanceof Promise) return this.#await(passed, head, endStream, nowMs);
      }
    } catch (error) {
      return this.#fail(toConnectError(error));
    }
    this.#admit(head, endStream, nowMs);
  }

  #await(passed: Promise<void>, head: RequestHead, endStream: boolean, nowMs: number): void {
    this.#state = State.WAITING;
    this.#ended = endStream;
    passed.then(() => {
      if (this.#state !== State.WAITING) return;
      this.#state = State.READING;
      this.#admit(head, false, nowMs);
      if (this.#state === State.READING && this.#ended) this.#end();
    }, (error) => this.#fail(toConnectError(error)));
  }

  #admit(head: RequestHead, endStream: boolean, nowMs: number): void {
    if (head.timeout !== undefined && this.deadlineMs === Infinity) return this.#fail(timeoutError(head.timeout)!);
    if (this.deadlineMs !== Infinity) {
      if (this.deadlineMs <= nowMs) return this.#fail(outOfTime());
      this.#calls.deadlines.add(this, this.deadlineMs, nowMs);
    }
    if (endStream) this.#end();
  }

  /* What the connection tells. */

  onHeaders(): void {}

  onData(bytes: Uint8Array, endStream: boolean): void {
    if (this.#state === State.OVER) return this.#stream.consume(bytes.length);
    try {
      if (this.#message !== undefined || this.#reader !== undefined || !this.#takeWhole(bytes)) this.#takePart(bytes);
    } catch (error) {
      return this.#fail(toConnectError(error));
    }
    if (endStream) this.#end();
  }

  onTrailers(): void {
    this.#end();
  }

  onDrain(): void {}

  onReset(code: number, reason: string): void {
    if (this.#state === State.OVER) return;
    this.abort(resetReason(code, reason));
    this.#over();
  }

  /** Takes a message that is all there is in `bytes`, as nearly all are. */
  #takeWhole(bytes: Uint8Array): boolean {
    if (bytes.length < PREFIX_BYTES) return false;
    const length = (bytes[1] << 24 | bytes[2] << 16 | bytes[3] << 8 | bytes[4]) >>> 0;
    checkPrefix(bytes[0], length);
    if (bytes.length !== PREFIX_BYTES + length) return false;
    this.#message = this.#method.codec.decode(bytes, PREFIX_BYTES);
    this.#stream.consume(bytes.length);
    return true;
  }

  #takePart(bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    this.#reader ??= new MessageReader(this.#message === undefined ? 0 : 1);
    this.#partials.hold(this, bytes.length);
    const whole = this.#reader.take(bytes);
    if (whole !== undefined) this.#message = this.#method.codec.decode(whole);
  }

  consume(bytes: number): void {
    this.#stream.consume(bytes);
  }

  #end(): void {
    this.#ended = true;
    if (this.#state !== State.READING) return;
    if (this.#reader !== undefined || this.#message === undefined) {
      try {
        (this.#reader ?? new MessageReader()).end();
      } catch (error) {
        return this.#fail(toConnectError(error));
      }
      this.#partials.release(this);
      this.#reader = undefined;
    }
    this.#run(this.#message!);
  }

  /* The handler. */

  #run(message: Message): void {
    this.#state = State.RUNNING;
    const cut = this.#calls.enter(this);
    if (cut !== undefined) return this.#failed(cut.reason);
    let answer: unknown;
    try {
      answer = this.#method.handler(message as never, this);
    } catch (error) {
      return this.#failed(error);
    }
    if (isPromise(answer)) answer.then((value) => this.#succeeded(value), (error) => this.#failed(error));
    else this.#succeeded(answer);
  }

  #succeeded(answer: unknown): void {
    if (this.#state === State.OVER) return;
    // Its caller has given up, and its handler was told: it may have taken back what it answers.
    if (this.#timedOut) return this.#fail(outOfTime());
    const { codec } = this.#method;
    let bytes = codec.encodePlain(answer);
    if (bytes === undefined) {
      let message: Message;
      try {
        message = codec.normalize(answer);
      } catch (error) {
        return this.#failed(error);
      }
      try {
        bytes = codec.encode(message);
      } catch (error) {
        return this.#fail(toConnectError(error));
      }
    }
    const stream = this.#stream, { ownHeaders, ownTrailers } = this;
    try {
      stream.sendHeaders(answerHeaders(ownHeaders), false);
      stream.sendData(bytes, false);
      stream.sendTrailers(answerTrailers(ownTrailers));
    } catch (error) {
      this.#unsendable(error);
    }
    this.abort();
    this.#over();
  }

  #failed(error: unknown): void {
    this.#fail(serverError(error, this.knownSignal, this.method, this.#calls.options.log));
  }

  /** Answers with `error`, unless it was answered before. */
  #fail(error: ConnectError): void {
    if (this.#state === State.OVER) return;
    const stream = this.#stream, { ownHeaders, ownTrailers } = this;
    try {
      if (ownHeaders === undefined) stream.sendHeaders(trailersOnly(error, ownTrailers), true);
      else {
        stream.sendHeaders(answerHeaders(ownHeaders), false);
        stream.sendTrailers(errorTrailers(error, ownTrailers));
      }
    } catch (cause) {
      this.#unsendable(cause);
    }
    this.abort(error);
    this.#over();
  }

  /** A field that a handler or an error's metadata set is none that HTTP/2 can carry. */
  #unsendable(error: unknown): void {
    const { log } = this.#calls.options;
    log.error("an answer cannot be sent", {
      method: `${this.service.typeName}/${this.method.name}`,
      error: messageOf(error),
    });
    this.#stream.reset(2 /* INTERNAL_ERROR */);
  }

  #over(): void {
    this.#state = State.OVER;
    this.#calls.leave(this);
    this.#calls.deadlines.remove(this);
    if (this.#reader !== undefined) {
      this.#partials.release(this);
      this.#reader = undefined;
    }
    this.#message = undefined;
  }

  /* What ends it from outside. */

  override onDeadline(): void {
    if (this.#state !== State.RUNNING || this.#timedOut) return this.#fail(outOfTime());
    this.#timedOut = true;
    const nowMs = this.#calls.options.clock.nowMs();
    this.#calls.deadlines.add(this, nowMs + LAST_WORDS_MS, nowMs);
    this.abort(outOfTime());
  }

  /** The server must end. */
  cut(reason: unknown): void {
    this.#failed(reason);
  }
}

function outOfTime(): ConnectError {
  return new ConnectError("the operation timed out", Code.DeadlineExceeded);
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && "then" in value && typeof value.then === "function";
}
