/** How much a peer may ask of a connection. Every number can be set; each default says why it is what it is. */
import { assert, assertInteger, KIB, MESSAGE_BYTES_MAX, MIB } from "../../base/mod.ts";
import type { Rate } from "./budgets.ts";
import { WINDOW_BYTES_DEFAULT } from "./flow.ts";
import { FRAME_BYTES_DEFAULT, FRAME_BYTES_LIMIT, UINT31_MAX } from "./frames.ts";

export interface Http2Limits {
  /** The fields of one header block, counted as RFC 9113, 6.5.2 does; more is answered with status 431. */
  readonly headerListBytesMax: number;
  /** Fields of one header block; more is answered with status 431. */
  readonly headerFieldsMax: number;
  /** A header block as it comes over the wire, in all its frames; more ends the connection. */
  readonly headerBlockBytesMax: number;
  /** CONTINUATION frames of one header block; more ends the connection. */
  readonly continuationsMax: number;
  /** The compression table the peer may have us keep. */
  readonly tableBytesMax: number;
  /** A frame's payload, announced to the peer; more ends the connection. */
  readonly frameBytesMax: number;
  /** Streams the peer may have open; more are refused. */
  readonly streamsMax: number;
  /** What a stream may send before it is read. */
  readonly streamWindowBytes: number;
  /** What all streams may send before they are read. */
  readonly connectionWindowBytes: number;
  /** How much of a request is still read once it is answered, before the stream is reset. */
  readonly discardBytesMax: number;
  /** How long it is waited for. */
  readonly discardMsMax: number;
  /** `sendData` answers false from so much queued on a stream. */
  readonly streamQueueBytesHigh: number;
  /** `sendData` answers false from so much queued on all streams, if any is queued on this one. */
  readonly connectionQueueBytesHigh: number;
  /** A stream that would queue more than this on the connection is reset. */
  readonly connectionQueueBytesMax: number;
  /** Bytes gathered for one write. */
  readonly writeBytesMax: number;
  /** Header blocks and control frames that wait while the peer reads nothing; more ends the connection. */
  readonly blockedBytesMax: number;
  /** How long the peer may read nothing although there is something to read. */
  readonly blockedMsMax: number;
  /** How long no stream may move although data is queued, for want of window. */
  readonly stalledMsMax: number;
  /** Informational answers (1xx) before the final one. */
  readonly informationalMax: number;

  /** RST_STREAM from the peer. Streams that end well give back one each. */
  readonly resets: Rate;
  /** Streams that we reset because the peer broke a rule ("made you reset"). */
  readonly streamFaults: Rate;
  /** Streams refused since there were too many. */
  readonly refusals: Rate;
  /** DATA frames without data. Each stream gives back one. */
  readonly emptyData: Rate;
  /** PING. Each frame with content that we send gives back two, since clients measure with one for each they read. */
  readonly pings: Rate;
  readonly settings: Rate;
  /** PRIORITY, GOAWAY, and frames of unknown type. Each stream gives back two. */
  readonly ignored: Rate;
  /** WINDOW_UPDATE. Each frame with content that we send gives back four, unless the peer's own window made it small. */
  readonly windowUpdates: Rate;
  /** Frames other than full DATA for streams that are over. */
  readonly lateFrames: Rate;

  /** From the first tick to the peer's preface and SETTINGS. */
  readonly handshakeMs: number;
  /** From our SETTINGS to the peer's acknowledgement. */
  readonly settingsAckMs: number;
  /** A server's connection without a stream for so long is shut down; 0: never. */
  readonly idleMs: number;
  /** After so long without a byte from the peer it is asked whether it is there; 0: never. */
  readonly keepAliveMs: number;
  /** And so long it has to answer with anything. */
  readonly keepAliveTimeoutMs: number;
  /** How long `shutdown` waits for the peer to have seen the announcement. */
  readonly shutdownPingMs: number;
}

export const DEFAULT_LIMITS: Http2Limits = {
  // Metadata with several tokens fits many times over; 4,096 streams of it are still 256 MiB at the very worst.
  headerListBytesMax: 64 * KIB,
  headerFieldsMax: 256,
  // Huffman code of unusual characters may be longer than they are.
  headerBlockBytesMax: 128 * KIB,
  // The largest block in frames of 4 KiB, which is smaller than any sender has reason to cut.
  continuationsMax: 32,
  // What the RFC takes for granted; more has shown no gain with a few dozen methods.
  tableBytesMax: 4096,
  // What every sender may use without asking. Larger ones let one stream's data delay the others'.
  frameBytesMax: FRAME_BYTES_DEFAULT,
  // A burst of some thousand calls on one connection must not stall.
  streamsMax: 4096,
  // One bandwidth-delay product of 1 Gbit/s at 8 ms, so that a large event goes at full speed.
  streamWindowBytes: 1 * MIB,
  // A burst of 4,096 calls with 8 KiB each.
  connectionWindowBytes: 32 * MIB,
  // Clients such as curl drop an answer whose stream is reset at once; most uploads end within this.
  discardBytesMax: 16 * MIB,
  discardMsMax: 10_000,
  streamQueueBytesHigh: 128 * KIB,
  connectionQueueBytesHigh: 16 * MIB,
  // One message of the largest size must fit beside what the high-water mark allows.
  connectionQueueBytesMax: 64 * MIB,
  // Large enough that a write's cost vanishes, small enough that the socket's buffer stays sensible.
  writeBytesMax: 1 * MIB,
  // Every stream's answer and trailers at 512 bytes, twice.
  blockedBytesMax: 4 * MIB,
  blockedMsMax: 60_000,
  stalledMsMax: 300_000,
  informationalMax: 32,

  // A client that goes away cancels all it has open; after that, resets must be the smaller part of what it does.
  resets: { burst: 8192, perSecond: 1000 },
  // No sane peer does this at all.
  streamFaults: { burst: 100, perSecond: 10 },
  // A burst that was sent before our SETTINGS were seen.
  refusals: { burst: 8192, perSecond: 100 },
  emptyData: { burst: 1000, perSecond: 100 },
  pings: { burst: 1000, perSecond: 100 },
  settings: { burst: 100, perSecond: 10 },
  ignored: { burst: 1000, perSecond: 100 },
  windowUpdates: { burst: 10_000, perSecond: 1000 },
  // What was under way when streams were reset: some frames for each of them.
  lateFrames: { burst: 20_000, perSecond: 1000 },

  handshakeMs: 10_000,
  settingsAckMs: 10_000,
  // Clients that call now and then should find their connection open.
  idleMs: 15 * 60_000,
  // Half-open connections are found within two minutes at a cost of one small frame a minute.
  keepAliveMs: 60_000,
  keepAliveTimeoutMs: 20_000,
  shutdownPingMs: 5_000,
};

/** The defaults with `changes`, checked. Throws where numbers contradict one another. */
export function http2Limits(changes: Partial<Http2Limits> = {}): Http2Limits {
  const limits = { ...DEFAULT_LIMITS, ...changes };
  checkLimits(limits);
  return limits;
}

/** Throws where numbers contradict one another or what the RFC allows. */
export function checkLimits(limits: Http2Limits): void {
  for (const [name, value] of Object.entries(limits)) {
    if (typeof value === "number") assertInteger(value, 0, UINT31_MAX, name);
    else assert(value.burst >= 1 && value.perSecond >= 0, `${name} must allow something`);
  }
  const { frameBytesMax, streamWindowBytes, connectionWindowBytes } = limits;
  assertInteger(frameBytesMax, FRAME_BYTES_DEFAULT, FRAME_BYTES_LIMIT, "frameBytesMax");
  assert(connectionWindowBytes >= WINDOW_BYTES_DEFAULT, "the connection's window cannot be made smaller than 65,535");
  assert(streamWindowBytes <= connectionWindowBytes, "a stream's window must fit the connection's");
  assert(limits.headerBlockBytesMax >= limits.headerListBytesMax, "a header list must fit its block");
  assert(limits.streamQueueBytesHigh <= limits.connectionQueueBytesHigh, "a stream's queue must fit the connection's");
  assert(limits.connectionQueueBytesHigh <= limits.connectionQueueBytesMax, "the high-water mark lies below the limit");
  assert(limits.streamsMax >= 1, "there must be room for a stream");
}

checkLimits(DEFAULT_LIMITS);
assert(
  DEFAULT_LIMITS.connectionQueueBytesMax >= DEFAULT_LIMITS.connectionQueueBytesHigh + MESSAGE_BYTES_MAX,
  "an answer of the largest size must fit the queue",
);
assert(DEFAULT_LIMITS.resets.burst >= DEFAULT_LIMITS.streamsMax, "a client may cancel all it has");
