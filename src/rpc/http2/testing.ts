/** For tests: a server's and a client's connection wired back to back, with nothing between them but bytes. */
import { createClientConnection } from "./client.ts";
import { type Http2Limits, http2Limits } from "./limits.ts";
import { createServerConnection } from "./server.ts";
import type { ClientConnection, Connection, Fields, Stream, StreamReceiver, Surroundings } from "./types.ts";

/** Everything a stream's receiver has heard, in order and as text, and the bytes. */
export class Heard implements StreamReceiver {
  readonly events: string[] = [];
  headers: Fields[] = [];
  trailers: Fields | undefined;
  body: number[] = [];
  reset: number | undefined;
  ended = false;
  /** Called after each event. */
  then: (event: string) => void = () => {};

  onHeaders(fields: Fields, endStream: boolean): void {
    this.headers.push(fields);
    this.#note("headers", endStream);
  }
  onData(bytes: Uint8Array, endStream: boolean): void {
    for (const byte of bytes) this.body.push(byte);
    this.#note(`data ${bytes.length}`, endStream);
  }
  onTrailers(fields: Fields): void {
    this.trailers = fields;
    this.#note("trailers", true);
  }
  onDrain(): void {
    this.#note("drain", false);
  }
  onReset(code: number): void {
    this.reset = code;
    this.#note(`reset ${code}`, false);
  }

  #note(event: string, end: boolean): void {
    this.ended ||= end;
    this.events.push(end ? `${event} end` : event);
    this.then(event);
  }
}

/** One side's surroundings: collects what is written until it is carried over. */
export class Wire implements Surroundings {
  written: Uint8Array[] = [];
  flushWanted = false;
  hasEnded = false;
  /** Whether `write` answers false. */
  full = false;
  readonly violations: string[] = [];
  readonly faults: unknown[] = [];
  readonly goaways: { lastStreamId: number; code: number; reason: string }[] = [];
  capacityCalls = 0;
  onStream: (stream: Stream, fields: Fields, endStream: boolean) => void = (stream) => stream.reset(7);

  write(bytes: Uint8Array): boolean {
    this.written.push(bytes);
    return !this.full;
  }
  wantFlush(): void {
    this.flushWanted = true;
  }
  end(): void {
    this.hasEnded = true;
  }
  onViolation(name: string): void {
    this.violations.push(name);
  }
  onFault(error: unknown): void {
    this.faults.push(error);
  }
  onGoaway(lastStreamId: number, code: number, reason: string): void {
    this.goaways.push({ lastStreamId, code, reason });
  }
  onCapacity(): void {
    this.capacityCalls++;
  }

  /** What was written since the last take, in one piece. */
  take(): Uint8Array<ArrayBuffer> {
    const whole = new Uint8Array(this.written.reduce((sum, piece) => sum + piece.length, 0));
    let at = 0;
    for (const piece of this.written) {
      whole.set(piece, at);
      at += piece.length;
    }
    this.written = [];
    return whole;
  }
}

export interface Pair {
  readonly server: Connection;
  readonly client: ClientConnection;
  readonly serverWire: Wire;
  readonly clientWire: Wire;
  /** Carries bytes both ways, cut by `cut`, until nothing moves any more. */
  run(cut?: (length: number) => number): void;
}

/** A client and a server, each with its own limits. Nothing has been carried yet. */
export function pair(serverLimits: Partial<Http2Limits> = {}, clientLimits: Partial<Http2Limits> = {}): Pair {
  const serverWire = new Wire(), clientWire = new Wire();
  const server = createServerConnection(serverWire, http2Limits(serverLimits));
  const client = createClientConnection(clientWire, http2Limits(clientLimits));
  const carry = (from: Connection, wire: Wire, to: Connection, cut: (length: number) => number) => {
    wire.flushWanted = false;
    from.flush();
    const bytes = wire.take();
    for (let at = 0; at < bytes.length;) {
      const count = Math.max(1, Math.min(bytes.length - at, cut(bytes.length - at)));
      // A copy that is wiped afterwards: whoever keeps a view must notice.
      const chunk = bytes.slice(at, at + count);
      to.receive(chunk);
      chunk.fill(0xee);
      at += count;
    }
    return bytes.length > 0;
  };
  return {
    server,
    client,
    serverWire,
    clientWire,
    run(cut = (length) => length) {
      for (let moved = true; moved;) {
        moved = carry(client, clientWire, server, cut);
        moved = carry(server, serverWire, client, cut) || moved;
        moved ||= clientWire.flushWanted || serverWire.flushWanted;
      }
    },
  };
}

/** The fields of a small request. */
export const REQUEST: Fields = [":method", "POST", ":scheme", "http", ":path", "/test", ":authority", "test"];
