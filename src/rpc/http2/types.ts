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

/** The code of `onReset` where the connection went away and nobody said why: not a code of the RFC, never on the wire. */
export const CONNECTION_LOST = -1;

/**
 * What happens on a stream, told to whoever took it: always from within one of the connection's own methods (`receive`,
 * `flush`, `writable`, `tick`, `close`, `closed`), never from within a stream's.
 *
 * A server's receiver hears nothing more of a request once the answer's end has been sent: what still comes of the body
 * is read and dropped, so that the client gets to see the answer.
 */
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
   * end. Called at most once, and nothing after it. `code` is an {@linkcode ErrorCode} or {@linkcode CONNECTION_LOST};
   * REFUSED_STREAM means that the peer has not begun with it. A client may get NO_ERROR after the whole answer: the
   * server did not want the rest of the request.
   */
  onReset(code: number, reason: string): void;
}

/**
 * One stream of a connection, for sending and for flow control. After its end every method does nothing. Before that,
 * what is sent out of order throws an AssertionError, and a header block with a character that is not one byte a
 * RangeError: nothing of it has been sent then, and the stream can go on.
 */
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
  /**
   * The peer's next bytes out: one call with all that one turn has gathered. `bytes` is not touched again. False says
   * that they are buffered since the peer reads too slowly: no more stream data comes until the connection's
   * `writable` is called.
   */
  write(bytes: Uint8Array): boolean | void;
  /** There is something to write after the present turn: call the connection's `flush` soon (a microtask will do). */
  wantFlush(): void;
  /**
   * Nothing more will be written: end the connection once all is out. Whoever goes on reading for a while makes sure that
   * the last words arrive: a socket closed with bytes unread may drop what it was given to write.
   */
  end(): void;
  /** Server: a request has begun; its receiver must be set during the call. `onHeaders` is not called for it. */
  onStream?(stream: Stream, fields: Fields, endStream: boolean): void;
  /** A limit was exceeded or a rule broken: its name, for counters and the log. */
  onViolation?(name: string, code: number): void;
  /** A callback threw: a bug of ours. The connection has been closed with INTERNAL_ERROR. */
  onFault?(error: unknown): void;
  /** The peer says goodbye: no new streams above `lastStreamId`. */
  onGoaway?(lastStreamId: number, code: number, reason: string): void;
  /** Client: `open` refused before for want of room, and now there is some. */
  onCapacity?(): void;
}

/**
 * A connection, seen from its owner: whoever has the socket. It has no timers and reads no clock: the owner calls `tick`
 * about once a second. No method throws, whatever the peer sends. Its own opening bytes wait for the first `flush` or
 * `receive`.
 */
export interface Connection {
  /** Streams that are not over yet. */
  readonly streams: number;
  /** Whether `end` was called or the socket went: nothing more happens. */
  readonly ended: boolean;
  /** Bytes from the peer, cut anywhere. They may change once the call is over. Not to be called from a callback. */
  receive(chunk: Uint8Array): void;
  /** Writes what was sent outside of `receive`; see `wantFlush`. */
  flush(): void;
  /** What `write` had answered false to is out. */
  writable(): void;
  /** Time goes on: timeouts, keep-alive, rates. `nowMs` never goes back. */
  tick(nowMs: number): void;
  /**
   * Ends gently: a server announces it, waits until that has reached the peer, and then refuses new streams; a client
   * opens no more. `end` follows when the last stream is over.
   */
  shutdown(): void;
  /** Ends at once: GOAWAY with `code` and `reason`, every stream's `onReset`, `end`. */
  close(code: number, reason: string): void;
  /** The socket went: every stream's `onReset`; nothing is written and `end` is not called. */
  closed(): void;
}

/** A connection that opens streams. */
export interface ClientConnection extends Connection {
  /** How many streams may be opened right now. */
  readonly capacity: number;
  /**
   * Begins a request. Undefined when the peer allows no more streams now (`onCapacity` tells when it does again) or the
   * connection takes no more at all, as {@linkcode ClientConnection.accepts} tells.
   */
  open(block: HeaderBlock, endStream: boolean, receiver: StreamReceiver): Stream | undefined;
  /** Whether new streams may ever be opened again: false after a goodbye of either side and when ids have run out. */
  readonly accepts: boolean;
}
