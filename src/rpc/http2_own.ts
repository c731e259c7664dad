import type * as net from "node:net";
import { nextTick } from "node:process";
import { type Clock, type Log, messageOf, MIB } from "../base/mod.ts";
import type { Calls } from "./calls.ts";
import type { Counters } from "./counters.ts";
import { PartialMessages } from "./grpc/partial_messages.ts";
import { readHead } from "./grpc/request_head.ts";
import {
  type Connection,
  createServerConnection,
  ErrorCode,
  type Fields,
  type Http2Limits,
  http2Limits,
  type Stream,
  type Surroundings,
} from "./http2/mod.ts";
import type { ProtocolSide } from "./listen.ts";
import { RequestStream } from "./request_stream.ts";
import { answerWithConnect, answerWithFetch } from "./stream_bridge.ts";
import { CUT_WAIT_MS, endsWithin, flushed, LINGER_MS } from "./waiting.ts";

/** How often connections are told the time: their own timeouts are all of several seconds. */
const TICK_MS = 1_000;
/**
 * Clients that stand on node:http2, which in Deno loses the answers it waits for at a GOAWAY and may end its whole process
 * (find_stream_on_goaway_func in nghttp2, as of Deno 2.9.6); bare node:http2 names itself not at all. Their connections
 * end without one.
 */
const NO_GOAWAY = /^($|connect-es\/|grpc-node-js\/)/;
/** Between the last answer and the end of such a connection: what they have not read by then they drop too. */
const SETTLE_MS = 100;
/** A peer that lets so much lie unread is not read either, until it has read it. Answers count, bodies hardly do. */
const UNREAD_BYTES_MAX = 4 * MIB;

export interface Http2Parts {
  readonly calls: Calls;
  readonly fetch: (request: Request) => Promise<Response>;
  readonly log: Log;
  readonly clock: Clock;
  readonly counters: Counters;
  readonly limits?: Partial<Http2Limits>;
}

/** HTTP/2 on our own connections: calls go to their handlers, directly or through Connect, all else to `fetch`. */
export function createHttp2Side(parts: Http2Parts): ProtocolSide {
  const side: Side = { ...parts, limits: http2Limits(parts.limits), flushes: new Flushes() };
  const peers = new Set<Peer>();
  let draining = false;
  let ticking = false;

  function tick(): void {
    const nowMs = side.clock.nowMs();
    for (const peer of [...peers]) peer.tick(nowMs);
    ticking = peers.size > 0;
    if (ticking) side.clock.after(TICK_MS, tick);
  }

  return {
    accept(socket, first) {
      const peer = new Peer(socket, side);
      peers.add(peer);
      socket.once("close", () => peers.delete(peer));
      if (!ticking) tick();
      peer.begin(first);
      if (draining) peer.leave();
    },
    async close(graceMs) {
      draining = true;
      for (const peer of peers) peer.leave();
      const ended = Promise.all([...peers].map((peer) => peer.ended));
      if (!await endsWithin(ended, graceMs + CUT_WAIT_MS, side.clock)) {
        for (const peer of peers) peer.cut();
      }
      // Closed connections are the port's business: what is written now may still be on its way.
      await endsWithin(Promise.all([...peers].map((peer) => peer.ended)), LINGER_MS, side.clock);
    },
  };
}

/** What all connections of a side share. */
interface Side extends Http2Parts {
  readonly limits: Http2Limits;
  readonly flushes: Flushes;
}

/**
 * Connections with something to write. A tick comes after all that is resolved already has had its turn, so that answers
 * of one turn go out in one write.
 */
class Flushes {
  #waiting: Peer[] = [];

  add(peer: Peer): void {
    if (this.#waiting.push(peer) === 1) nextTick(() => this.#run());
  }

  #run(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const peer of waiting) peer.flush();
  }
}

/** One connection: a socket, and what HTTP/2 makes of its bytes. */
class Peer implements Surroundings {
  readonly #socket: net.Socket;
  readonly #side: Side;
  readonly #connection: Connection;
  readonly #partials = new PartialMessages();
  readonly #ended = Promise.withResolvers<void>();
  #userAgent: string | undefined;
  /** Taking no new calls, on a connection that ends without a GOAWAY. */
  #refusing = false;
  #settling = false;

  constructor(socket: net.Socket, side: Side) {
    this.#socket = socket;
    this.#side = side;
    this.#connection = createServerConnection(this, side.limits);
  }

  /** Resolves when the last word to the peer is out. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** Takes the socket over, of which `first` is read already. */
  begin(first: Uint8Array): void {
    const socket = this.#socket;
    socket.on("data", (chunk: Uint8Array) => this.#guard(() => this.#connection.receive(chunk)));
    socket.on("drain", () => {
      socket.resume();
      this.#guard(() => this.#connection.writable());
    });
    // Nobody reads any more who has said the last word: the port keeps half-open connections for HTTP/1.1 alone.
    socket.once("end", () => socket.destroy());
    socket.once("close", () => {
      this.#guard(() => this.#connection.closed());
      this.#ended.resolve();
    });
    this.#guard(() => this.#connection.receive(first));
    socket.resume();
  }

  tick(nowMs: number): void {
    this.#guard(() => this.#connection.tick(nowMs));
  }

  flush(): void {
    this.#guard(() => this.#connection.flush());
  }

  /** Takes no new calls, and ends once those under way are answered. */
  leave(): void {
    if (this.#userAgent === undefined || !NO_GOAWAY.test(this.#userAgent)) {
      return this.#guard(() => this.#connection.shutdown());
    }
    this.#refusing = true;
    this.#endWhenIdle();
  }

  /** Ends it at once, and what runs on it. */
  cut(): void {
    if (!this.#refusing) this.#guard(() => this.#connection.close(ErrorCode.NO_ERROR, "the server was closed"));
    else {
      this.#guard(() => this.#connection.closed());
      this.end();
    }
  }

  #endWhenIdle(): void {
    if (this.#settling || this.#connection.streams > 0) return;
    this.#settling = true;
    const cancel = this.#side.clock.after(SETTLE_MS, () => this.end());
    this.#socket.once("close", cancel);
  }

  /** A fault of ours ends the connection it happened on, and nothing else. */
  #guard(run: () => void): void {
    try {
      run();
    } catch (error) {
      this.onFault(error);
      this.#socket.destroy();
    }
    if (this.#refusing) this.#endWhenIdle();
  }

  /* What the connection needs of its surroundings. */

  write(bytes: Uint8Array): boolean {
    const socket = this.#socket;
    if (socket.write(bytes)) return true;
    if (socket.writableLength > UNREAD_BYTES_MAX) socket.pause();
    return false;
  }

  wantFlush(): void {
    this.#side.flushes.add(this);
  }

  end(): void {
    const socket = this.#socket;
    socket.end();
    // A client that does not end it too is not waited for.
    const cancel = this.#side.clock.after(LINGER_MS, () => socket.destroy());
    socket.once("close", cancel);
    flushed(socket).then(() => this.#ended.resolve());
  }

  onStream(stream: Stream, fields: Fields, endStream: boolean): void {
    const { calls, fetch, log } = this.#side;
    const head = readHead(fields);
    this.#userAgent ??= head.userAgent;
    // Refused means not begun: clients may try elsewhere at once.
    if (this.#refusing) return stream.reset(ErrorCode.REFUSED_STREAM);
    if (calls.unary.take(stream, head, fields, endStream, this.#partials)) return;
    const request = new RequestStream(stream, endStream);
    if (!endStream && head.expectsContinue) stream.sendHeaders([":status", "100"], false);
    const query = head.path.indexOf("?");
    const handler = calls.byPath.get(query < 0 ? head.path : head.path.slice(0, query));
    const answered = handler === undefined
      ? answerWithFetch(request, head, fields, fetch)
      : answerWithConnect(request, head, fields, handler);
    answered.catch((error) => {
      log.debug("an HTTP/2 answer was cut short", { path: head.path, error: messageOf(error) });
      request.reset(ErrorCode.INTERNAL_ERROR);
    });
  }

  onViolation(name: string, code: number): void {
    const { counters, log } = this.#side;
    counters.add(name);
    log.debug("an HTTP/2 peer broke a rule", { rule: name, code, address: this.#socket.remoteAddress });
  }

  onFault(error: unknown): void {
    const { counters, log } = this.#side;
    counters.add("fault");
    log.error("an HTTP/2 connection failed here", { stack: error instanceof Error ? error.stack : String(error) });
  }
}
