/** Messages of an answer that wait for their reader, and how much of the window they hold. */
import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import type { PlatformError } from "../../base/mod.ts";
import { decodeMessage } from "./messages.ts";

const PREFIX_BYTES = 5;

interface Owner {
  /** So many bytes were taken by the reader. */
  consumed(bytes: number): void;
  /** The reader wants no more. */
  left(): void;
  /** What was received is no message of its kind. */
  fail(error: PlatformError): void;
}

interface Waiter<T> {
  resolve(result: IteratorResult<T, undefined>): void;
  reject(error: PlatformError): void;
}

/**
 * A queue of messages, encoded until they are taken. What waits is bounded by the stream's window: its bytes are given
 * back as the reader takes messages. While none waits, bytes of a message that is still coming are given back at once,
 * since a message may be larger than the window.
 */
export class Inbox<O extends DescMessage> {
  readonly #schema: O;
  readonly #owner: Owner;
  /** The oldest is at `#first`: a window full of small messages makes `shift` slow. */
  #messages: Uint8Array[] = [];
  #first = 0;
  readonly #waiters: Waiter<MessageShape<O>>[] = [];
  /** Bytes received and not given back. */
  #heldBytes = 0;
  #ended = false;
  #error: PlatformError | undefined;

  constructor(schema: O, owner: Owner) {
    this.#schema = schema;
    this.#owner = owner;
  }

  /** A message is whole. */
  add(message: Uint8Array): void {
    if (this.#ended) return;
    const waiter = this.#waiters.shift();
    if (waiter) this.#give(message, waiter);
    else this.#messages.push(message);
  }

  /** So many bytes came; the messages that they made whole have been added. */
  received(bytes: number): void {
    this.#heldBytes += bytes;
    if (this.#messages.length === 0) this.#giveBack(this.#heldBytes);
  }

  /** Forgets the messages that wait. */
  drop(): void {
    this.#messages = [];
    this.#first = 0;
  }

  /** No more messages come. Those that wait are still read, then the error. */
  end(error?: PlatformError): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#error = error;
    for (const waiter of this.#waiters.splice(0)) this.#finish(waiter);
  }

  /** The reader's side. */
  messages(): AsyncIterableIterator<MessageShape<O>, undefined> {
    const leave = () => {
      this.drop();
      this.end();
      this.#error = undefined;
      this.#owner.left();
    };
    const iterator: AsyncIterableIterator<MessageShape<O>, undefined> = {
      [Symbol.asyncIterator]: () => iterator,
      next: () => new Promise((resolve, reject) => this.#next({ resolve, reject })),
      return: () => {
        leave();
        return Promise.resolve({ done: true, value: undefined });
      },
      throw: (error) => {
        leave();
        return Promise.reject(error);
      },
    };
    return iterator;
  }

  #next(waiter: Waiter<MessageShape<O>>): void {
    const message = this.#messages[this.#first];
    if (message) {
      if (++this.#first === this.#messages.length) this.drop();
      this.#giveBack(this.#messages.length === 0 ? this.#heldBytes : message.length + PREFIX_BYTES);
      this.#give(message, waiter);
    } else if (this.#ended) {
      this.#finish(waiter);
    } else {
      this.#waiters.push(waiter);
    }
  }

  #give(message: Uint8Array, waiter: Waiter<MessageShape<O>>): void {
    try {
      waiter.resolve({ done: false, value: decodeMessage(this.#schema, message) });
    } catch (error) {
      waiter.reject(error as PlatformError);
      this.#owner.fail(error as PlatformError);
      this.#error = undefined;
    }
  }

  /** As with generators, an error is told once; after it the iterator is done. */
  #finish(waiter: Waiter<MessageShape<O>>): void {
    const error = this.#error;
    this.#error = undefined;
    if (error) waiter.reject(error);
    else waiter.resolve({ done: true, value: undefined });
  }

  #giveBack(bytes: number): void {
    const given = Math.min(bytes, this.#heldBytes);
    this.#heldBytes -= given;
    if (given > 0) this.#owner.consumed(given);
  }
}
