/** What can be wrong with a header block. */

/** The block breaks RFC 7541: the connection's COMPRESSION_ERROR, since both sides' tables are now out of step. */
export class HpackError extends Error {
  override name = "HpackError";
}

/** The block is right but says more than the limits allow: the stream's trouble only, the tables are in step. */
export class FieldsTooLarge extends Error {
  override name = "FieldsTooLarge";
}
