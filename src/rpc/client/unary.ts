/** A call with one message each way, without streams or iterators in between. */
import type { DescMessage, DescMethodUnary, DescService, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import type { UnaryResponse } from "@connectrpc/connect";
import { PlatformError } from "../../base/mod.ts";
import type { Fields, Stream } from "../http2/mod.ts";
import { Call, type CallParts } from "./call.ts";
import { decodeMessage, encodeFrame, MessageReader } from "./messages.ts";
import { addToHeaders } from "./metadata.ts";

/** Calls `method` with `input`. Rejects with a `PlatformError`. */
export function callUnary<I extends DescMessage, O extends DescMessage>(
  method: DescMethodUnary<I, O>,
  input: MessageInitShape<I>,
  parts: CallParts,
): Promise<UnaryResponse<I, O>> {
  return new Promise((resolve, reject) => {
    // What cannot be encoded throws here, and so rejects.
    const frame = encodeFrame(method.input, input);
    new UnaryCall<I, O>(method, frame, parts, resolve, reject).begin();
  });
}

class UnaryCall<I extends DescMessage, O extends DescMessage> extends Call {
  readonly #method: DescMethodUnary<I, O>;
  readonly #frame: Uint8Array;
  readonly #keepsView: boolean;
  readonly #resolve: (reply: UnaryResponse<I, O>) => void;
  readonly #reject: (error: PlatformError) => void;
  #reader: MessageReader | undefined;
  #message: Uint8Array | undefined;

  constructor(
    method: DescMethodUnary<I, O>,
    frame: Uint8Array,
    parts: CallParts,
    resolve: (reply: UnaryResponse<I, O>) => void,
    reject: (error: PlatformError) => void,
  ) {
    super(parts);
    this.#keepsView = parts.keepsView;
    this.#method = method;
    this.#frame = frame;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  override onData(bytes: Uint8Array, endStream: boolean): void {
    const error = (this.#reader ??= new MessageReader((message) => this.#take(message), !this.#keepsView)).push(bytes);
    if (error) return this.fail(error);
    this.stream?.consume(bytes.length);
    if (endStream) this.cutShort();
  }

  protected override send(stream: Stream): void {
    this.sentAll = true;
    stream.sendData(this.#frame, true);
  }

  protected override mayRepeat(): boolean {
    return true;
  }

  protected override isWhole(): boolean {
    return this.#reader?.isWhole ?? true;
  }

  protected override answered(): void {}

  protected override succeeded(): void {
    if (this.#message === undefined) return this.#reject(wrongCount("no message"));
    try {
      const message = decodeMessage(this.#method.output, this.#message);
      this.#resolve(new UnaryReply(this.#method, message, this.head!, this.end!));
    } catch (error) {
      this.#reject(error as PlatformError);
    }
  }

  protected override failed(error: PlatformError): void {
    this.#reject(error);
  }

  #take(message: Uint8Array): void {
    if (this.#message !== undefined) return this.fail(wrongCount("more than one message"));
    this.#message = message;
  }
}

/** Connect's form of a reply; headers are made of the fields only where somebody asks for them. */
class UnaryReply<I extends DescMessage, O extends DescMessage> implements UnaryResponse<I, O> {
  readonly stream = false;
  readonly #head: Fields;
  readonly #end: Fields;
  #header: Headers | undefined;
  #trailer: Headers | undefined;

  constructor(readonly method: DescMethodUnary<I, O>, readonly message: MessageShape<O>, head: Fields, end: Fields) {
    this.#head = head;
    this.#end = end;
  }

  get service(): DescService {
    return this.method.parent;
  }

  get header(): Headers {
    return this.#header ??= addToHeaders(new Headers(), this.#head);
  }

  get trailer(): Headers {
    return this.#trailer ??= addToHeaders(new Headers(), this.#end);
  }
}

/** Connect's code for it, and its conformance suite's. */
function wrongCount(found: string): PlatformError {
  return new PlatformError("unimplemented", `the reply of a unary call has ${found}, must have one`);
}
