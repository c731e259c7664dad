import * as net from "node:net";
import { type Clock, messageOf, PlatformError } from "../base/mod.ts";
import { Counters } from "./counters.ts";
import { createSecurer, type TlsIdentity } from "./tls.ts";
import { closed, endsWithin, LINGER_MS, LINGER_MS_MIN } from "./waiting.ts";

/**
 * How long a fresh connection may stay silent: long enough for a client whose machine is overloaded (with a thousand
 * connections on a busy one, 10 s were not), short enough to be no place to hide.
 */
const FIRST_BYTES_WAIT_MS = 30_000;
/** Connections at once; more are cut off as they come. Below the usual limit of open files with two to each. */
const CONNECTIONS_MAX = 10_000;
/** What a close waits for calls under way where nobody says otherwise. */
export const GRACE_MS_DEFAULT = 5_000;
/** Of these, from one address: a client may have many, but not so many that nobody else gets in. */
export const ADDRESS_CONNECTIONS_MAX = 4_096;
const BACKLOG = 4_096;
/** What every HTTP/2 connection begins with (RFC 9113, 3.4). */
const PREFACE = new TextEncoder().encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/** One protocol's side of the port. */
export interface ProtocolSide {
  /** Takes over a connection, of which `first` is read already. */
  accept(socket: net.Socket, first: Uint8Array): void;
  /**
   * Takes no new calls and lets those under way end within `graceMs`, and a moment longer in which calls that were cut
   * then can say so; after that it cuts connections. Resolves when it holds nothing open.
   */
  close(graceMs: number): Promise<void>;
}

/** A port that is open. */
export interface Listener {
  readonly hostname: string;
  readonly port: number;
  /** What went wrong on its connections, and how often: limits exceeded and rules broken, by name. */
  readonly counters: ReadonlyMap<string, number>;
  /** Stops accepting, lets calls under way end within `graceMs` (5,000 by default), then cuts. Leaves nothing open. */
  close(options?: { graceMs?: number }): Promise<void>;
}

export interface PortOptions {
  readonly hostname: string;
  /** 0 for any free port. */
  readonly port: number;
  /** Shares the port with others that say so too, threads of one process: each gets its part of the connections. */
  readonly reusePort?: boolean;
  /** Connections from one address at once; more are cut off as they come. 4,096 by default. */
  readonly addressConnectionsMax?: number;
  /** Where it is set, the port speaks TLS and nothing else; ALPN offers HTTP/2 and HTTP/1.1. */
  readonly tls?: TlsIdentity;
  readonly http1: () => ProtocolSide;
  readonly http2: (counters: Counters) => ProtocolSide;
  readonly clock: Clock;
}

/** Opens a port that tells HTTP/1.1 from HTTP/2 by a connection's first bytes. */
export async function openPort(options: PortOptions): Promise<Listener> {
  const { clock, addressConnectionsMax = ADDRESS_CONNECTIONS_MAX } = options;
  const counters = new Counters();
  const sockets = new Set<net.Socket>();
  const undecided = new Set<net.Socket>();
  const addresses = new Map<string, number>();
  const secure = options.tls && createSecurer(options.tls);
  const server = net.createServer({ allowHalfOpen: true, noDelay: true });
  const { hostname, port } = await bind(server, options);
  const sides = { http1: options.http1(), http2: options.http2(counters) };
  server.on("connection", (accepted) => {
    // Resets are everyday events; whoever holds the socket learns of them by its "close".
    accepted.on("error", () => {});
    const address = accepted.remoteAddress ?? "";
    const ofAddress = addresses.get(address) ?? 0;
    const refusal = sockets.size >= CONNECTIONS_MAX
      ? "connections"
      : ofAddress >= addressConnectionsMax
      ? "connections of one address"
      : undefined;
    if (refusal !== undefined) {
      counters.add(refusal);
      accepted.destroy();
      return;
    }
    const socket = secure ? secure(accepted) : accepted;
    socket.on("error", () => {});
    sockets.add(socket);
    undecided.add(socket);
    addresses.set(address, ofAddress + 1);
    socket.once("close", () => {
      sockets.delete(socket);
      undecided.delete(socket);
      const left = addresses.get(address)! - 1;
      if (left === 0) addresses.delete(address);
      else addresses.set(address, left);
    });
    const onSilence = () => {
      counters.add("silence");
      socket.destroy();
    };
    readFirst(socket, clock, onSilence, (first, isHttp2) => {
      undecided.delete(socket);
      (isHttp2 ? sides.http2 : sides.http1).accept(socket, first);
    });
  });

  return {
    hostname,
    port,
    counters: counters.all,
    async close({ graceMs = GRACE_MS_DEFAULT } = {}) {
      const stopped = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of undecided) socket.destroy();
      await Promise.all([sides.http1.close(graceMs), sides.http2.close(graceMs)]);
      // All is said and each connection ended from here. To cut one before its client has ended it too could reset it
      // with the last answer still on its way.
      const ended = [...sockets].map(closed);
      await endsWithin(Promise.all(ended), Math.min(LINGER_MS, LINGER_MS_MIN + graceMs), clock);
      for (const socket of sockets) socket.destroy();
      await Promise.all([stopped, ...ended]);
    },
  };
}

function bind(
  server: net.Server,
  { hostname, port, reusePort = false }: Pick<PortOptions, "hostname" | "port" | "reusePort">,
): Promise<{ hostname: string; port: number }> {
  return new Promise((resolve, reject) => {
    server.once("error", (error) => {
      const taken = "code" in error && error.code === "EADDRINUSE";
      const what = taken ? "is taken" : "cannot be opened";
      const message = `port ${port} on ${hostname} ${what}: ${messageOf(error)}`;
      reject(new PlatformError("failed_precondition", message, { cause: error }));
    });
    server.listen({ host: hostname, port, backlog: BACKLOG, reusePort }, () => {
      server.on("error", () => {});
      const address = server.address() as net.AddressInfo;
      resolve({ hostname, port: address.port });
    });
  });
}

/** What ALPN chose, where it did: that is spoken then, whatever the first bytes look like (RFC 9113, 3.2). */
function agreedProtocol(socket: net.Socket): string | undefined {
  const chosen = "alpnProtocol" in socket ? socket.alpnProtocol : undefined;
  return typeof chosen === "string" && chosen !== "" ? chosen : undefined;
}

/** Reads until it is sure whether the connection opens with HTTP/2's preface; a silent one is cut off. */
function readFirst(
  socket: net.Socket,
  clock: Clock,
  silent: () => void,
  decided: (first: Uint8Array, isHttp2: boolean) => void,
): void {
  let first: Uint8Array = new Uint8Array(0);
  const stop = () => {
    cancelTimer();
    socket.off("data", onData);
    socket.off("end", onEnd);
    socket.off("close", stop);
  };
  const onEnd = () => socket.destroy();
  const onData = (chunk: Uint8Array) => {
    first = first.length === 0 ? chunk : concat(first, chunk);
    const agreed = agreedProtocol(socket);
    if (agreed !== undefined) return decide(agreed === "h2");
    const length = Math.min(first.length, PREFACE.length);
    let same = 0;
    while (same < length && first[same] === PREFACE[same]) same++;
    if (same === length && length < PREFACE.length) return;
    decide(same === PREFACE.length);
  };
  const decide = (isHttp2: boolean) => {
    stop();
    socket.pause();
    decided(first, isHttp2);
  };
  const cancelTimer = clock.after(FIRST_BYTES_WAIT_MS, silent);
  socket.on("data", onData);
  socket.on("end", onEnd);
  socket.on("close", stop);
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array {
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
