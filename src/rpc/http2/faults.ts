/**
 * How broken rules travel inside a connection: thrown where they are found, caught in one place. What ends one stream
 * only is not thrown.
 */

/** A broken rule or an exceeded limit that ends the connection: RFC 9113, 5.4.1. */
export class ConnectionFault extends Error {
  override name = "ConnectionFault";

  /** `code` goes into the GOAWAY, `violation` is counted, `message` is for the peer's log. */
  constructor(readonly code: number, readonly violation: string, message: string) {
    super(message);
  }
}

/** A request or answer that breaks RFC 9113, 8: it ends its stream with PROTOCOL_ERROR. */
export class MalformedMessage extends Error {
  override name = "MalformedMessage";
}
