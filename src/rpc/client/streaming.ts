/** Calls with a stream of messages in one or both directions, each read and sent at the other side's pace. */
import type { DescMessage, DescMethodStreaming, DescService, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import type { StreamResponse } from "@connectrpc/connect";
import { PlatformError } from "../../base/mod.ts";
import { fromConnectError } from "../errors.ts";
import type { Stream } from "../http2/mod.ts";
import { Call, type CallParts } from "./call.ts";
import { Inbox } from "./inbox.ts";
import { encodeFrame, MessageReader } from "./messages.ts";
import { addToHeaders } from "./metadata.ts";
import { REPLAY_BYTES_MAX } from "./limits.ts";

const NOTHING = new Uint8Array(0);

/**
 * Calls `method` with the messages of `input`. Resolves with the answer's head; rejects with a `PlatformError`, as does
 * the iterator of the answer's messages. Leaving that iterator early (`return`, as `break` does) cancels the call.
 */
export function callStreaming<I extends DescMessage, O extends DescMessage>(
  method: DescMethodStreaming<I, O>,
  input: AsyncIterable<MessageInitShape<I>>,
  parts: CallParts,
): Promise<StreamResponse<I, O>> {
  return new Promise((resolve, reject) => {
    new StreamingCall<I, O>(method, input[Symbol.asyncIterator](), parts, resolve, reject).begin();
  });
}

class StreamingCall<I extends DescMessage, O extends DescMessage> extends Call {
  readonly #method: DescMethodStreaming<I, O>;
  readonly #input: AsyncIterator<MessageInitShape<I>>;
  readonly #resolve: (reply: StreamResponse<I, O>) => void;
  readonly #reject: (error: PlatformError) => void;
  readonly #inbox: Inbox<O>;
  readonly #reader: MessageReader;
  readonly #trailer = new Headers();
  /** Frames that may have to be sent again; undefined once the peer has begun or they became too many. */
  #sent: Uint8Array[] | undefined = [];
  #sentBytes = 0;
  #sending = false;
  #inputEnded = false;
  #onRoom: (() => void) | undefined;

  constructor(
    method: DescMethodStreaming<I, O>,
    input: AsyncIterator<MessageInitShape<I>>,
    parts: CallParts,
    resolve: (reply: StreamResponse<I, O>) => void,
    reject: (error: PlatformError) => void,
  ) {
    super(parts);
    this.#method = method;
    this.#input = input;
    this.#resolve = resolve;
    this.#reject = reject;
    this.#inbox = new Inbox(method.output, {
      consumed: (bytes) => this.stream?.consume(bytes),
      left: () => this.fail(new PlatformError("cancelled", "the reader of the answer left")),
      fail: (error) => this.fail(error),
    });
    this.#reader = new MessageReader((message) => this.#inbox.add(message));
  }

  override onData(bytes: Uint8Array, endStream: boolean): void {
    const error = this.#reader.push(bytes);
    if (error) return this.fail(error);
    this.#inbox.received(bytes.length);
    if (endStream) this.cutShort();
  }

  override onDrain(): void {
    this.#onRoom?.();
  }

  protected override send(stream: Stream): void {
    for (const frame of this.#sent!) stream.sendData(frame, false);
    if (this.#inputEnded) this.#endSide();
    if (this.#sending) return this.#onRoom?.();
    this.#sending = true;
    this.#sendAll();
  }

  protected override mayRepeat(): boolean {
    return this.#sent !== undefined;
  }

  protected override isWhole(): boolean {
    return this.#reader.isWhole;
  }

  protected override answered(): void {
    this.#sent = undefined;
    this.#resolve(this.#reply());
  }

  protected override succeeded(): void {
    // An answer without a body has one header block, which is head and end.
    if (this.head === this.end) this.#resolve(this.#reply());
    else addToHeaders(this.#trailer, this.end!);
    this.#inbox.end();
    this.#leaveInput();
  }

  protected override failed(error: PlatformError, atOnce: boolean): void {
    if (this.end && this.end !== this.head) addToHeaders(this.#trailer, this.end);
    // Settled before where the head was well; then the messages' iterator tells.
    this.#reject(error);
    if (atOnce) this.#inbox.drop();
    this.#inbox.end(error);
    this.#leaveInput();
  }

  #reply(): StreamResponse<I, O> {
    const header = addToHeaders(new Headers(), this.head!);
    const service: DescService = this.#method.parent;
    const message: AsyncIterable<MessageShape<O>> = this.#inbox.messages();
    return { stream: true, service, method: this.#method, header, trailer: this.#trailer, message };
  }

  async #sendAll(): Promise<void> {
    try {
      while (!this.ended) {
        const next = await this.#input.next();
        if (this.ended) return;
        if (next.done) {
          this.#inputEnded = true;
          this.#endSide();
          return;
        }
        const frame = encodeFrame(this.#method.input, next.value);
        this.#keep(frame);
        const hasRoom = this.stream?.sendData(frame, false) ?? true;
        if (!hasRoom) await new Promise<void>((resolve) => this.#onRoom = resolve);
      }
    } catch (error) {
      this.fail(fromConnectError(error));
    }
  }

  #endSide(): void {
    if (!this.stream) return;
    this.sentAll = true;
    this.stream.sendData(NOTHING, true);
  }

  #keep(frame: Uint8Array): void {
    if (!this.#sent) return;
    this.#sentBytes += frame.length;
    if (this.#sentBytes > REPLAY_BYTES_MAX) this.#sent = undefined;
    else this.#sent.push(frame);
  }

  /** Nobody takes from the input any more, and nobody waits for it to see that. */
  #leaveInput(): void {
    this.#onRoom?.();
    if (this.#inputEnded) return;
    this.#inputEnded = true;
    Promise.resolve(this.#input.return?.()).catch(() => {});
  }
}
