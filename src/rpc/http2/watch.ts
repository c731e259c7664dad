/** What must not last too long on a connection, measured by the owner's ticks. */
import type { Http2Limits } from "./limits.ts";
import { ErrorCode } from "./types.ts";

/** What the watch looks at. */
export interface Watched {
  readonly streams: number;
  /** The socket takes no more. */
  readonly blocked: boolean;
  /** Data waits for a window. */
  readonly queuedBytes: number;
  /** Grows with the data sent. */
  readonly sentBytes: number;
}

/** What is to be done. */
export type Verdict =
  | { readonly kind: "ping" | "shutdown" | "goodbye" }
  | { readonly kind: "fail"; readonly code: number; readonly violation: string; readonly message: string };

/** A longer gap between two ticks means that this process stood still, which is not the peer's fault. */
const GAP_MS_MAX = 5_000;

const PING: Verdict = { kind: "ping" };
const SHUTDOWN: Verdict = { kind: "shutdown" };
const GOODBYE: Verdict = { kind: "goodbye" };

export class Watch {
  /** The peer's SETTINGS have come. */
  greeted = false;
  /** It has acknowledged ours. */
  acknowledged = false;
  /** Something has come since the last tick. */
  heard = false;
  /** `shutdown` has been announced and the peer's answer is awaited. */
  announcing = false;

  readonly #limits: Http2Limits;
  readonly #closesIdle: boolean;
  #lastMs: number | undefined;
  #greetingMs = 0;
  #acknowledgingMs = 0;
  #idleMs = 0;
  #quietMs = 0;
  #pinged = false;
  #blockedMs = 0;
  #stalledMs = 0;
  #sentBytes = 0;
  #announcedMs = 0;

  /** `closesIdle`: connections without streams are shut down after a while. */
  constructor(limits: Http2Limits, closesIdle: boolean) {
    this.#limits = limits;
    this.#closesIdle = closesIdle;
  }

  /** Milliseconds since the last tick that count; 0 at the first one. */
  advance(nowMs: number): number {
    const elapsedMs = this.#lastMs === undefined ? 0 : Math.max(0, nowMs - this.#lastMs);
    this.#lastMs = nowMs;
    return Math.min(elapsedMs, GAP_MS_MAX);
  }

  /** What is to be done after `elapsedMs` more. One thing a tick. */
  judge(elapsedMs: number, watched: Watched): Verdict | undefined {
    const limits = this.#limits;
    this.#greetingMs = this.greeted ? 0 : this.#greetingMs + elapsedMs;
    if (this.#greetingMs > limits.handshakeMs) {
      return fail(ErrorCode.SETTINGS_TIMEOUT, "handshake_timeout", "the connection's preface has not come");
    }
    this.#acknowledgingMs = this.acknowledged ? 0 : this.#acknowledgingMs + elapsedMs;
    if (this.#acknowledgingMs > limits.settingsAckMs) {
      return fail(ErrorCode.SETTINGS_TIMEOUT, "settings_timeout", "SETTINGS were not acknowledged");
    }
    this.#blockedMs = watched.blocked ? this.#blockedMs + elapsedMs : 0;
    if (this.#blockedMs > limits.blockedMsMax) {
      return fail(ErrorCode.ENHANCE_YOUR_CALM, "slow_reader", "what was sent is not read");
    }
    const stands = watched.queuedBytes > 0 && watched.sentBytes === this.#sentBytes;
    this.#sentBytes = watched.sentBytes;
    this.#stalledMs = stands ? this.#stalledMs + elapsedMs : 0;
    if (this.#stalledMs > limits.stalledMsMax) {
      return fail(ErrorCode.ENHANCE_YOUR_CALM, "stalled_windows", "the windows have not grown for too long");
    }
    if (this.announcing) {
      this.#announcedMs += elapsedMs;
      if (this.#announcedMs > limits.shutdownPingMs) return GOODBYE;
    }
    return this.#alive(elapsedMs) ?? this.#busy(elapsedMs, watched);
  }

  #alive(elapsedMs: number): Verdict | undefined {
    const { keepAliveMs, keepAliveTimeoutMs } = this.#limits;
    if (this.heard) {
      this.heard = false;
      this.#quietMs = 0;
      this.#pinged = false;
      return undefined;
    }
    this.#quietMs += elapsedMs;
    if (keepAliveMs === 0) return undefined;
    if (this.#pinged && this.#quietMs > keepAliveTimeoutMs) {
      return fail(ErrorCode.NO_ERROR, "keep_alive_timeout", "the peer does not answer");
    }
    if (this.#pinged || this.#quietMs < keepAliveMs) return undefined;
    this.#pinged = true;
    this.#quietMs = 0;
    return PING;
  }

  #busy(elapsedMs: number, watched: Watched): Verdict | undefined {
    this.#idleMs = watched.streams === 0 ? this.#idleMs + elapsedMs : 0;
    if (!this.#closesIdle || this.#limits.idleMs === 0 || this.#idleMs < this.#limits.idleMs) return undefined;
    this.#idleMs = 0;
    return SHUTDOWN;
  }
}

function fail(code: number, violation: string, message: string): Verdict {
  return { kind: "fail", code, violation, message };
}
