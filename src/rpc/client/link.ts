/** One connection to the peer: a socket, the HTTP/2 connection on it, and the timers of both. */
import { type Clock, messageOf, PlatformError } from "../../base/mod.ts";
import {
  type ClientConnection,
  createClientConnection,
  type HeaderBlock,
  type Http2Limits,
  type Stream,
  type StreamReceiver,
} from "../http2/mod.ts";
import { CONNECT_TIMEOUT_MS, IDLE_CONNECTION_MS, TCP_KEEP_ALIVE_MS, TICK_MS } from "./limits.ts";
import type { Dialled } from "./socket.ts";

/**
 * How a port with TLS begins its answer to our preface (RFC 8446, 5.1). As a first frame of HTTP/2 it would be one of
 * more than a megabyte, which nobody allowed.
 */
const TLS_ALERT = 21;

/** What a link tells its owner. */
export interface LinkEvents {
  /** The peer's SETTINGS are here: streams may be opened. */
  onReady(): void;
  /** There may be room for streams again. */
  onCapacity(): void;
  /** No stream is opened here any more; those that are open go on. */
  onRetired(): void;
  /** It is over, and so are its streams. Told once, and nothing after it. */
  onEnd(error: PlatformError): void;
}

/** A connection, as the channel and its calls see it. */
export interface Link {
  /**
   * Why the connection is over, where it is: then what happened to its streams is not the peer's answer. `reason` is
   * what a stream was told.
   */
  lossBy(reason: string): PlatformError | undefined;
  /** Whether streams may ever be opened again. */
  readonly accepts: boolean;
  /** Whether it was of use: it carried a call, or stood ready until it was given up. */
  readonly used: boolean;
  /** Opens a stream; undefined where there is no room for it now. */
  open(block: HeaderBlock, receiver: StreamReceiver): Stream | undefined;
  /** Ends now, and the calls on it fail with `error`. */
  close(error: PlatformError): void;
}

export interface LinkOptions extends Dialled {
  readonly address: string;
  readonly clock: Clock;
  readonly limits: Http2Limits;
}

/** Makes an HTTP/2 connection of a socket. */
export function createLink(options: LinkOptions, events: LinkEvents): Link {
  return new SocketLink(options, events);
}

class SocketLink implements Link {
  used = false;
  readonly #options: LinkOptions;
  readonly #events: LinkEvents;
  readonly #connection: ClientConnection;
  #cancelTimer: () => void;
  #ready = false;
  #retired = false;
  #socketError: Error | undefined;
  /** The last rule that the peer broke, by its name. */
  #violation: string | undefined;
  #opened = 0;
  #openedBefore = 0;
  #ended = false;
  #lost: PlatformError | undefined;
  #idleSinceMs = 0;

  constructor(options: LinkOptions, events: LinkEvents) {
    this.#options = options;
    this.#events = events;
    const { socket, clock } = options;
    this.#connection = createClientConnection({
      write: (bytes) => socket.write(bytes),
      wantFlush: () => queueMicrotask(() => this.#connection.flush()),
      end: () => this.#endSocket(),
      onViolation: (name) => this.#violation = name,
      onGoaway: () => this.#retire(),
      onCapacity: () => events.onCapacity(),
      onFault: (error) => this.close(this.#unavailable(`failed here: ${messageOf(error)}`)),
    }, options.limits);
    this.#cancelTimer = clock.after(CONNECT_TIMEOUT_MS, () => {
      this.close(this.#unavailable(`no connection within ${CONNECT_TIMEOUT_MS} ms`));
    });
    socket.once(options.connected, () => this.#connected());
    socket.on("data", (chunk: Uint8Array) => this.#receive(chunk));
    socket.on("drain", () => this.#connection.writable());
    socket.on("error", (error) => this.#socketError = error);
    // A peer that has ended its side will not answer any more.
    socket.once("end", () => socket.destroy());
    socket.once("close", () => this.#over());
  }

  get accepts(): boolean {
    return !this.#retired && this.#connection.accepts;
  }

  open(block: HeaderBlock, receiver: StreamReceiver): Stream | undefined {
    if (this.#retired) return undefined;
    const stream = this.#connection.open(block, false, receiver);
    if (stream) {
      this.#opened++;
      this.used = true;
    }
    return stream;
  }

  lossBy(reason: string): PlatformError | undefined {
    return this.#lost ?? (this.#connection.ended ? this.#unavailable(reason) : undefined);
  }

  close(error: PlatformError): void {
    if (this.#lost) return;
    this.#lost = error;
    this.#hangUp();
    this.#over();
  }

  #connected(): void {
    const { socket, fault } = this.#options;
    const found = fault();
    if (found !== undefined) return this.close(this.#unavailable(found));
    socket.setNoDelay(true);
    socket.setKeepAlive(true, TCP_KEEP_ALIVE_MS);
    this.#connection.flush();
  }

  #receive(chunk: Uint8Array): void {
    if (!this.#ready && chunk[0] === TLS_ALERT) return this.close(this.#unavailable("it speaks TLS"));
    this.#connection.receive(chunk);
    if (this.#connection.ended && !this.#retired) return this.#over();
    // The peer's first frame is its SETTINGS; anything else has ended the connection.
    if (!this.#ready) {
      this.#ready = true;
      this.#idleSinceMs = this.#options.clock.nowMs();
      this.#cancelTimer();
      this.#arm();
      this.#events.onReady();
    }
    if (!this.#connection.accepts) this.#retire();
  }

  #arm(): void {
    this.#cancelTimer = this.#options.clock.after(TICK_MS, () => this.#tick());
  }

  #tick(): void {
    const now = this.#options.clock.nowMs();
    this.#arm();
    this.#connection.tick(now);
    if (this.#connection.ended && !this.#retired) return this.#over();
    const isIdle = this.#connection.streams === 0 && this.#opened === this.#openedBefore;
    this.#openedBefore = this.#opened;
    if (!isIdle) this.#idleSinceMs = now;
    else if (now - this.#idleSinceMs >= IDLE_CONNECTION_MS) this.#giveUp();
  }

  /** Nobody needs it: unlike a connection that never worked, this one is nobody's failure. */
  #giveUp(): void {
    this.used = true;
    this.#retired = true;
    this.#events.onRetired();
    this.#hangUp();
  }

  /**
   * No GOAWAY goes before the end, although RFC 9113, 6.8 advises it: a client's speaks only of streams that servers
   * open, which we forbid, and it makes servers on Deno's node:http2 abort.
   */
  #hangUp(): void {
    this.#connection.closed();
    this.#endSocket();
  }

  #retire(): void {
    if (this.#retired || this.#lost) return;
    this.#retired = true;
    this.#events.onRetired();
    // Ends when the last stream does.
    this.#connection.shutdown();
  }

  #endSocket(): void {
    const { socket } = this.#options;
    // What is stuck here would keep the socket for as long as the peer likes.
    if (socket.connecting || socket.writableNeedDrain) socket.destroy();
    else socket.destroySoon();
  }

  #over(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#cancelTimer();
    this.#lost ??= this.#unavailable(this.#whyOver());
    this.#connection.closed();
    this.#events.onEnd(this.#lost);
  }

  #whyOver(): string {
    if (this.#socketError) return this.#options.explain(this.#socketError);
    if (this.#connection.ended && this.#violation) return `the peer breaks the rules of HTTP/2 (${this.#violation})`;
    return "the peer hung up";
  }

  #unavailable(why: string): PlatformError {
    const { address } = this.#options;
    const what = this.#ready ? `the connection to ${address} was lost` : `${address} cannot be reached`;
    return new PlatformError("unavailable", `${what}: ${why}`, { cause: this.#socketError });
  }
}
