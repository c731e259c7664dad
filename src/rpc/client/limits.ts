/** The bounds of a client's side, in one place, with their reasons. */
import { assert } from "../../base/mod.ts";

/** How long a connection may take from its first packet to the peer's SETTINGS: a network further away is broken. */
export const CONNECT_TIMEOUT_MS = 10_000;
/** A connection without calls is given up after this; the next call opens another. */
export const IDLE_CONNECTION_MS = 60_000;
/** First pause after a connection that could not be made: the peer may just be restarting. */
export const PAUSE_MS = 20;
/** The longest pause: what a call waits at most, beyond the attempt itself, once the peer is back. */
export const PAUSE_MS_MAX = 1_000;
/** Calls that wait for a connection or for a stream on it; more than a burst of the whole platform has. */
export const WAITING_CALLS_MAX = 16_384;
/** How often a connection looks at its clock, which its engine wants about once a second. */
export const TICK_MS = 1_000;
/** What a stream keeps of its request in order to send it again when the peer refused it unread. */
export const REPLAY_BYTES_MAX = 64 * 1024;
/** The kernel asks a silent peer after this whether it is still there; it costs the peer's HTTP/2 side nothing. */
export const TCP_KEEP_ALIVE_MS = 30_000;
/** After a ping, a peer has this long to send anything before it is taken for dead, as other gRPC clients do. */
export const PING_TIMEOUT_MS = 20_000;
/** Servers of gRPC's own libraries hang up on a client that pings more often than this. */
export const PING_AFTER_MS_MIN = 10_000;
assert(PAUSE_MS < PAUSE_MS_MAX && PAUSE_MS_MAX < CONNECT_TIMEOUT_MS, "pauses are shorter than the attempts they space");
