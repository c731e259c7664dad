import { ChunkQueue } from "./chunk_queue.ts";
import type { Fields, Stream, StreamReceiver } from "./http2/types.ts";
import { resetReason } from "./reset_reason.ts";

/**
 * One request's stream as a body to be read at the reader's pace, and a way to write the answer at the peer's. What is
 * received is given back to the peer's windows as it is read, so a reader that stops makes the peer stop.
 */
export class RequestStream implements StreamReceiver {
  readonly #stream: Stream;
  readonly #leaving = new AbortController();
  /** Received and not yet read. */
  readonly #chunks = new ChunkQueue();
  #ended: boolean;
  /** The reader wants no more. */
  #unwanted = false;
  #wakeReader = () => {};
  #wakeWriter = () => {};

  constructor(stream: Stream, endStream: boolean) {
    this.#stream = stream;
    this.#ended = endStream;
    stream.receiver = this;
  }

  /** Aborted, with a `ConnectError` as its reason, when the peer gives the stream up or goes away. */
  get signal(): AbortSignal {
    return this.#leaving.signal;
  }

  /* What the connection tells. */

  onHeaders(): void {}

  onData(bytes: Uint8Array, endStream: boolean): void {
    if (this.#unwanted) this.#stream.consume(bytes.length);
    else this.#chunks.push(bytes);
    if (endStream) this.#ended = true;
    this.#wakeReader();
  }

  onTrailers(_fields: Fields): void {
    this.#ended = true;
    this.#wakeReader();
  }

  onDrain(): void {
    this.#wakeWriter();
  }

  onReset(code: number, reason: string): void {
    this.#leaving.abort(resetReason(code, reason));
    this.discard();
    this.#wakeReader();
    this.#wakeWriter();
  }

  /* The request's body. */

  /** The next part of the body; undefined at its end. Rejects with the signal's reason where it will never end. */
  async read(): Promise<Uint8Array<ArrayBuffer> | undefined> {
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk !== undefined) {
        this.#stream.consume(chunk.length);
        return chunk;
      }
      if (this.#ended || this.#unwanted && !this.signal.aborted) return undefined;
      if (this.signal.aborted) throw this.signal.reason;
      await new Promise<void>((resolve) => this.#wakeReader = resolve);
    }
  }

  /** Reads no more; what still comes is thrown away. */
  discard(): void {
    this.#unwanted = true;
    this.#stream.consume(this.#chunks.clear());
  }

  /** The body as Connect reads it. */
  async *body(): AsyncGenerator<Uint8Array> {
    try {
      for (let chunk; (chunk = await this.read()) !== undefined;) yield chunk;
    } finally {
      this.discard();
    }
  }

  /** The body as fetch reads it. */
  bodyStream(): ReadableStream<Uint8Array<ArrayBuffer>> {
    return new ReadableStream({
      pull: async (controller) => {
        const chunk = await this.read();
        if (chunk === undefined) controller.close();
        else controller.enqueue(chunk);
      },
      cancel: () => this.discard(),
    }, { highWaterMark: 0 });
  }

  /* The answer. */

  /** Whether nobody is there to answer. */
  get gone(): boolean {
    return this.signal.aborted || this.#stream.closed;
  }

  sendHeaders(fields: Fields, endStream: boolean): void {
    this.#stream.sendHeaders(fields, endStream);
    if (endStream) this.#finish();
  }

  sendTrailers(fields: Fields): void {
    this.#stream.sendTrailers(fields);
    this.#finish();
  }

  /** Sends a part of the answer's body; resolves when there is room for more, or nobody left to send it to. */
  async write(bytes: Uint8Array): Promise<void> {
    if (bytes.length === 0 || this.#stream.sendData(bytes, false)) return;
    if (this.gone) return;
    await new Promise<void>((resolve) => this.#wakeWriter = resolve);
  }

  end(bytes: Uint8Array = NOTHING): void {
    this.#stream.sendData(bytes, true);
    this.#finish();
  }

  /** Says that the answer will not be whole. */
  reset(code: number): void {
    this.#stream.reset(code);
    this.#finish();
  }

  /** The answer is complete: the connection tells nothing more of the body. */
  #finish(): void {
    this.discard();
    this.#wakeReader();
  }
}

const NOTHING = new Uint8Array(0);
