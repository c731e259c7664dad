/** What calls of all kinds have in common: how they begin, how they wait, and that they end once. */
import { type Clock, messageOf, PlatformError } from "../../base/mod.ts";
import { fromConnectError } from "../errors.ts";
import { Timed } from "../grpc/deadlines.ts";
import { ErrorCode, type Fields, type Stream, type StreamReceiver } from "../http2/mod.ts";
import type { Link } from "./link.ts";
import type { RequestHead } from "./method.ts";
import { errorOfEnd, errorOfHead, errorOfReset, isInformational, missingStatus } from "./status.ts";

/** What stands behind all calls of one transport. */
export interface Exchange {
  readonly address: string;
  readonly clock: Clock;
  /** Tells `call` when its deadline has passed, unless it is unwatched before. */
  watch(call: Call): void;
  unwatch(call: Call): void;
  /** Starts `call` now, or when there is a stream for it. Ends it where that will not be. */
  submit(call: Call): void;
  /** Puts `call` in the line once more, since the peer has not begun with it. */
  resubmit(call: Call): void;
  /** `call` ended while it stood in the line. */
  forget(call: Call): void;
}

/** What a call is made of. */
export interface CallParts {
  readonly exchange: Exchange;
  readonly head: RequestHead;
  /** Whether a decoded answer may keep views of the bytes it was made of. */
  readonly keepsView: boolean;
  readonly signal: AbortSignal | undefined;
  readonly timeoutMs: number | undefined;
}

/** One call: waits for a stream, sends its request, and ends once, with success or an error. */
export abstract class Call extends Timed implements StreamReceiver {
  /** When the call must have ended, on the exchange's clock. */
  readonly deadlineMs: number;
  /** When it began, where it has a deadline: reading the clock costs. */
  readonly begunMs: number;
  ended = false;
  /** The stream, while the call is on one. */
  protected stream: Stream | undefined;
  protected link: Link | undefined;
  /** The answer's head and its end, once they are here; the same block where the answer has no body. */
  protected head: Fields | undefined;
  protected end: Fields | undefined;
  /** Whether the peer's side of the stream has ended, and whether ours was told to. */
  protected peerEnded = false;
  protected sentAll = false;
  protected readonly exchange: Exchange;
  readonly #head: RequestHead;
  readonly #signal: AbortSignal | undefined;
  readonly #timeoutMs: number | undefined;
  #onAbort: (() => void) | undefined;
  #resubmitted = false;

  constructor({ exchange, head, signal, timeoutMs }: CallParts) {
    super();
    this.exchange = exchange;
    this.#head = head;
    this.#signal = signal;
    // As in all Connect transports, 0 and less mean that there is no deadline.
    this.#timeoutMs = timeoutMs === undefined || !(timeoutMs > 0) ? undefined : timeoutMs;
    this.begunMs = this.#timeoutMs === undefined ? 0 : exchange.clock.nowMs();
    this.deadlineMs = this.#timeoutMs === undefined ? Infinity : this.begunMs + this.#timeoutMs;
  }

  /** Puts the call on its way. */
  begin(): void {
    const signal = this.#signal;
    if (signal?.aborted) return this.fail(fromConnectError(signal.reason, signal));
    if (signal) {
      this.#onAbort = () => this.fail(fromConnectError(signal.reason, signal));
      signal.addEventListener("abort", this.#onAbort);
    }
    if (this.deadlineMs !== Infinity) this.exchange.watch(this);
    this.exchange.submit(this);
  }

  /** Opens the call's stream on `link` and sends, at `nowMs`; false where the peer allows no more streams now. */
  start(link: Link, nowMs: number): boolean {
    let stream: Stream | undefined;
    try {
      stream = link.open(this.#head.fields(this.#leftMs(nowMs)), this);
    } catch (error) {
      this.fail(new PlatformError("internal", `the call cannot be sent: ${messageOf(error)}`, { cause: error }));
      return true;
    }
    if (!stream) return false;
    this.stream = stream;
    this.link = link;
    this.send(stream);
    return true;
  }

  /** Ends the call with `error`, and its stream with a reset. Does nothing where it has ended. */
  fail(error: PlatformError): void {
    if (this.ended) return;
    this.#leave();
    this.failed(error, true);
  }

  override onDeadline(): void {
    const { address } = this.exchange;
    const what = this.stream ? `${address} did not answer` : `no connection to ${address} had a free stream`;
    this.fail(new PlatformError("deadline_exceeded", `${what} within ${this.#timeoutMs} ms`));
  }

  onHeaders(fields: Fields, endStream: boolean): void {
    if (isInformational(fields)) return;
    this.head = fields;
    this.peerEnded = endStream;
    const error = errorOfHead(fields, endStream, this.exchange.address);
    if (error) this.fail(error);
    else if (endStream) this.onTrailers(fields);
    else this.answered();
  }

  onTrailers(fields: Fields): void {
    this.end = fields;
    this.peerEnded = true;
    const { address } = this.exchange;
    let error = errorOfEnd(fields, this.head!, address);
    if (!error && !this.isWhole()) {
      error = new PlatformError("internal", `the answer of ${address} ends in the middle of a message`);
    }
    this.finish(error);
  }

  abstract onData(bytes: Uint8Array, endStream: boolean): void;

  /** What was queued has gone out, or the call has left the stream. */
  onDrain(): void {}

  onReset(code: number, reason: string): void {
    if (this.ended) return;
    const unread = code === ErrorCode.REFUSED_STREAM && this.head === undefined;
    if (unread && !this.#resubmitted && this.mayRepeat()) {
      this.#resubmitted = true;
      this.onDrain();
      this.stream = undefined;
      this.link = undefined;
      this.sentAll = false;
      return this.exchange.resubmit(this);
    }
    // A server that keeps the same deadline may be first to end the call.
    if (code === ErrorCode.CANCEL && this.exchange.clock.nowMs() >= this.deadlineMs) return this.onDeadline();
    this.finish(this.link!.lossBy(reason) ?? errorOfReset(code, reason, this.exchange.address));
  }

  /** The body has ended without trailers. */
  protected cutShort(): void {
    this.peerEnded = true;
    this.finish(missingStatus(this.exchange.address));
  }

  /** Ends the call as the peer said: what came before still counts. */
  protected finish(error?: PlatformError): void {
    if (this.ended) return;
    this.#leave();
    if (error) this.failed(error, false);
    else this.succeeded();
  }

  /** Sends the request on its fresh stream. */
  protected abstract send(stream: Stream): void;
  /** Whether all that was sent can be sent again. */
  protected abstract mayRepeat(): boolean;
  /** Whether the answer's body may end here. */
  protected abstract isWhole(): boolean;
  /** The answer's head is here and well. */
  protected abstract answered(): void;
  protected abstract succeeded(): void;
  /** `atOnce` says that what came before counts no more: the caller left, or what came is wrong. */
  protected abstract failed(error: PlatformError, atOnce: boolean): void;

  /** At most the timeout itself, which the difference of two moments may exceed by a rounding. */
  #leftMs(nowMs: number): number {
    return this.#timeoutMs === undefined ? Infinity : Math.max(0, Math.min(this.#timeoutMs, this.deadlineMs - nowMs));
  }

  #leave(): void {
    this.ended = true;
    this.onDrain();
    if (this.deadlineMs !== Infinity) this.exchange.unwatch(this);
    if (this.#onAbort) this.#signal!.removeEventListener("abort", this.#onAbort);
    const stream = this.stream;
    if (!stream) this.exchange.forget(this);
    else if (!this.peerEnded || !this.sentAll || stream.queuedBytes > 0) stream.reset(ErrorCode.CANCEL);
  }
}
