/**
 * What an HTTP/2 connection and those who use it know of one another. A connection is bytes in, bytes out: it never
 * sees a socket, a timer or a handler's promise, so that every rule can be tested without them.
 */

/** Header fields in order: name, value, name, value, … Names in lower case, pseudo-headers first. */
export type Fields = readonly string[];

/**
 * A header block: fields, or bytes encoded before by `encodeStateless`, which touch no compression table and so may be
 * sent on any connection at any time.
 */
export type HeaderBlock = Fields | Uint8Array;

/** Error codes of RFC 9113, 7. */
export const ErrorCode = {
  NO_ERROR: 0,
  PROTOCOL_ERROR: 1,
  INTERNAL_ERROR: 2,
  FLOW_CONTROL_ERROR: 3,
  SETTINGS_TIMEOUT: 4,
  STREAM_CLOSED: 5,
  FRAME_SIZE_ERROR: 6,
  REFUSED_STREAM: 7,
  CANCEL: 8,
  COMPRESSION_ERROR: 9,
  CONNECT_ERROR: 10,
  ENHANCE_YOUR_CALM: 11,
  INADEQUATE_SECURITY: 12,
  HTTP_1_1_REQUIRED: 13,
} as const;

/** What happens on a stream, told to whoever took it, always from within the connection's `receive` or `closed`. */
export interface StreamReceiver {
  /** The peer's header block: on a client's stream the answer's, once for each informational answer and the final one. */
  onHeaders(fields: Fields, endStream: boolean): void;
  /**
   * Part of the body. `bytes` is a view that is valid only during the call: copy what must stay. What was received
   * counts against the windows until {@linkcode Stream.consume} gives it back.
   */
  onData(bytes: Uint8Array, endStream: boolean): void;
  /** The trailers, which end the peer's side. */
  onTrailers(fields: Fields): void;
  /** What was queued by `sendData` has gone below the low-water mark: more may be sent. */
  onDrain(): void;
  /**
   * The stream is over before both sides ended it: reset by the peer, by an error of the peer's, or by the connection's
   * end. Called at most once, and nothing after it. `code` is an {@linkcode ErrorCode}; REFUSED_STREAM means that the
   * peer has not begun with it.
   */
  onReset(code: number, reason: string): void;
}

/** One stream of a connection, for sending and for flow control. After its end every method does nothing. */
export interface Stream {
  readonly id: number;
  /** Whether both sides have ended, or it was reset. */
  readonly closed: boolean;
  /** Bytes queued and not yet sent, for want of window. */
  readonly queuedBytes: number;
  /** Who is told what happens. Set it at once when a stream is given or made. */
  receiver: StreamReceiver;
  /** Sends the request's or answer's header block; informational ones (1xx) may come before it. */
  sendHeaders(block: HeaderBlock, endStream: boolean): void;
  /**
   * Sends or queues `bytes`, which must not change afterwards. False when so much is queued that the sender should wait
   * for `onDrain`.
   */
  sendData(bytes: Uint8Array, endStream: boolean): boolean;
  /** Sends trailers, after all queued data; ends this side. */
  sendTrailers(block: HeaderBlock): void;
  /** Gives the stream up. Nothing more is received or sent; the peer is told `code`. The receiver is not called. */
  reset(code: number): void;
  /** Gives so many received bytes back to the peer's windows. */
  consume(bytes: number): void;
}

/** What a connection needs of its surroundings. */
export interface Surroundings {
  /** The peer's next bytes out: one call with all that one turn has gathered. `bytes` is not touched again. */
  write(bytes: Uint8Array): void;
  /** There is something to write after the present turn: call the connection's `flush` soon (a microtask will do). */
  wantFlush(): void;
  /** Nothing more will be written: end the connection once all is out. */
  end(): void;
  /** Server: a request has begun; its receiver must be set during the call. `onHeaders` is not called for it. */
  onStream?(stream: Stream, fields: Fields, endStream: boolean): void;
  /** A limit was exceeded or a rule broken: its name, for counters and the log. */
  onViolation?(name: string, code: number): void;
  /** The peer says goodbye: no new streams above `lastStreamId`. */
  onGoaway?(lastStreamId: number, code: number, reason: string): void;
  /** Client: the number of streams that may be opened now may have grown. */
  onCapacity?(): void;
}
