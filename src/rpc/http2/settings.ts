/** SETTINGS of RFC 9113, 6.5: what the peer has told us, checked, and what we tell it. */
import { ConnectionFault } from "./faults.ts";
import { WINDOW_BYTES_DEFAULT } from "./flow.ts";
import { FRAME_BYTES_DEFAULT, FRAME_BYTES_LIMIT, readUint32, UINT31_MAX } from "./frames.ts";
import { ErrorCode } from "./types.ts";

/** RFC 9113, 6.5.2. */
export const Setting = {
  HEADER_TABLE_SIZE: 1,
  ENABLE_PUSH: 2,
  MAX_CONCURRENT_STREAMS: 3,
  INITIAL_WINDOW_SIZE: 4,
  MAX_FRAME_SIZE: 5,
  MAX_HEADER_LIST_SIZE: 6,
} as const;

/** Identifier and value: RFC 9113, 6.5.1. */
export const SETTING_BYTES = 6;

/** How many streams a client opens before the server has said how many it takes: what servers mostly say. */
const STREAMS_BEFORE_SETTINGS = 100;

/** What the peer has told us so far; before that, what holds without being said. */
export class PeerSettings {
  /** Bytes; the largest compression table the peer keeps. */
  headerTableBytes = 4096;
  /**
   * Bytes; the smallest that it was within the last frame, where a setting may stand twice: what the peer's table held
   * above that is gone (RFC 9113, 6.5.3 and RFC 7541, 4.2).
   */
  headerTableBytesLowest = 4096;
  /** How many streams we may have open. */
  streamsMax = STREAMS_BEFORE_SETTINGS;
  /** Bytes; every new stream's window for what we send. */
  initialWindowBytes = WINDOW_BYTES_DEFAULT;
  /** Bytes; the largest payload the peer takes. */
  frameBytesMax = FRAME_BYTES_DEFAULT;
  /** Whether a SETTINGS frame has come. */
  known = false;

  readonly #fromServer: boolean;

  /** `fromServer`: the peer is a server, which must not offer to take pushes (RFC 9113, 6.5.2). */
  constructor(fromServer: boolean) {
    this.#fromServer = fromServer;
  }

  /**
   * Takes the payload `bytes[from, to)` of a SETTINGS frame, in order; the last word about a setting holds, and unknown
   * ones are ignored.
   * @throws ConnectionFault where a value is not allowed
   */
  apply(bytes: Uint8Array, from: number, to: number): void {
    // The first frame says by its silence that there is no limit.
    if (!this.known) this.streamsMax = UINT31_MAX;
    this.known = true;
    this.headerTableBytesLowest = this.headerTableBytes;
    for (let at = from; at < to; at += SETTING_BYTES) {
      this.#set((bytes[at] << 8) | bytes[at + 1], readUint32(bytes, at + 2));
    }
  }

  #set(id: number, value: number): void {
    switch (id) {
      case Setting.HEADER_TABLE_SIZE:
        this.headerTableBytes = value;
        this.headerTableBytesLowest = Math.min(this.headerTableBytesLowest, value);
        return;
      case Setting.ENABLE_PUSH:
        if (value > 1 || (value === 1 && this.#fromServer)) throw wrong("ENABLE_PUSH", value, ErrorCode.PROTOCOL_ERROR);
        return;
      case Setting.MAX_CONCURRENT_STREAMS:
        this.streamsMax = value;
        return;
      case Setting.INITIAL_WINDOW_SIZE:
        if (value > UINT31_MAX) throw wrong("INITIAL_WINDOW_SIZE", value, ErrorCode.FLOW_CONTROL_ERROR);
        this.initialWindowBytes = value;
        return;
      case Setting.MAX_FRAME_SIZE:
        if (value < FRAME_BYTES_DEFAULT || value > FRAME_BYTES_LIMIT) {
          throw wrong("MAX_FRAME_SIZE", value, ErrorCode.PROTOCOL_ERROR);
        }
        this.frameBytesMax = value;
    }
  }
}

function wrong(name: string, value: number, code: number): ConnectionFault {
  return new ConnectionFault(code, "bad_settings", `SETTINGS_${name} is ${value}, which is not allowed`);
}
