/**
 * A random session of a client's and a server's connection: random windows, pieces, chunks, pauses, resets. Every byte
 * of a body is known from its stream and place, so that whatever is lost, doubled or swapped is seen when it arrives.
 */
import { assert, type Random } from "../../base/mod.ts";
import { FrameType } from "./frames.ts";
import { frameBytes, pair, type Wire } from "./testing.ts";
import type { Connection, Fields, Stream, StreamReceiver } from "./types.ts";

/** What a session may be like. Bytes, where not said otherwise. */
export interface SessionShape {
  readonly streams: number;
  readonly bodyBytesMax: number;
  readonly streamWindowBytes: number;
  readonly connectionWindowBytes: number;
  /** The largest chunk that is carried at once. */
  readonly chunkBytesMax: number;
  /** Whether streams are reset, answered early, and sockets full at times. */
  readonly trouble: boolean;
}

const REQUEST: Fields = [":method", "POST", ":scheme", "http", ":path", "/random", ":authority", "test"];
/** Steps after which a session must have come to its end; each moves something. */
const STEPS_MAX = 20_000;

function byteAt(stream: number, fromClient: boolean, at: number): number {
  return (stream * 31 + at * 7 + (at >>> 8) + (fromClient ? 1 : 0)) & 0xff;
}

/** One side's end of a stream: sends a body of known bytes, checks and consumes what comes. */
class End implements StreamReceiver {
  stream: Stream | undefined;
  /** What is still to be sent; the end is still to be sent where it is not `ended`. */
  sent = 0;
  ended = false;
  waiting = false;
  received = 0;
  held = 0;
  peerEnded = false;
  reset = false;

  constructor(readonly fromClient: boolean, readonly bodyBytes: number, readonly withTrailers: boolean) {}

  onHeaders(_fields: Fields, endStream: boolean): void {
    this.#end(endStream);
  }

  onData(bytes: Uint8Array, endStream: boolean): void {
    const { id } = this.stream!;
    for (let i = 0; i < bytes.length; i++) {
      assert(bytes[i] === byteAt(id, !this.fromClient, this.received + i), `stream ${id}: byte ${this.received + i}`);
    }
    this.received += bytes.length;
    this.held += bytes.length;
    this.#end(endStream);
  }

  onTrailers(fields: Fields): void {
    assert(fields.join() === "x-end,yes", `stream ${this.stream!.id}: trailers ${fields}`);
    this.#end(true);
  }

  onDrain(): void {
    assert(this.waiting, `stream ${this.stream!.id}: onDrain although nobody waits`);
    this.waiting = false;
  }

  onReset(): void {
    assert(!this.reset, `stream ${this.stream!.id}: onReset twice`);
    this.reset = true;
  }

  #end(endStream: boolean): void {
    assert(!this.peerEnded && !this.reset, `stream ${this.stream!.id}: something comes behind the end`);
    if (endStream) this.peerEnded = true;
  }

  /** Sends one more piece, or the end. */
  send(bytes: number): void {
    const { stream } = this;
    if (stream === undefined || stream.closed || this.ended || this.waiting) return;
    const count = Math.min(bytes, this.bodyBytes - this.sent);
    const piece = Uint8Array.from({ length: count }, (_, i) => byteAt(stream.id, this.fromClient, this.sent + i));
    this.sent += count;
    const whole = this.sent === this.bodyBytes;
    this.ended = whole;
    if (whole && this.withTrailers) {
      stream.sendData(piece, false);
      if (!stream.closed) stream.sendTrailers(["x-end", "yes"]);
    } else {
      this.waiting = !stream.sendData(piece, whole) && !whole;
    }
  }

  consume(bytes: number): void {
    const count = Math.min(bytes, this.held);
    this.held -= count;
    this.stream?.consume(count);
  }

  /** Whether nothing more is to be done with it. */
  get over(): boolean {
    return this.stream!.closed && this.held === 0;
  }
}

interface Call {
  readonly client: End;
  server: End | undefined;
  /** Whether it was given up on purpose, or answered before it was whole. */
  broken: boolean;
}

/** Runs one session to its end and throws at the first thing that is wrong. */
export function runSession(shape: SessionShape, random: Random): void {
  const limits = { streamWindowBytes: shape.streamWindowBytes, connectionWindowBytes: shape.connectionWindowBytes };
  const { client, server, clientWire, serverWire } = pair(limits, limits);
  const calls = new Map<number, Call>();
  let opened = 0;
  let brokenWindows = 0;
  const newEnd = (fromClient: boolean) =>
    new End(
      fromClient,
      random.below(4) === 0 ? random.below(10) : random.below(shape.bodyBytesMax),
      random.below(2) === 0,
    );

  serverWire.onStream = (stream, _fields, endStream) => {
    const call = calls.get(stream.id);
    assert(call !== undefined && call.server === undefined, `stream ${stream.id} comes from nowhere`);
    const end = call.server = newEnd(false);
    end.stream = stream;
    end.peerEnded = endStream;
    stream.receiver = end;
    stream.sendHeaders([":status", "200"], false);
    end.waiting = true;
  };

  const toServer = new Pipe(clientWire, server), toClient = new Pipe(serverWire, client);
  const step = () => {
    switch (random.below(shape.trouble ? 12 : 8)) {
      case 0:
        return open();
      case 1:
      case 2:
        return withCall((call) => call.client.send(random.below(40_000)));
      case 3:
        return withCall((call) => answer(call));
      case 4:
        return withCall((call) => (random.below(2) === 0 ? call.client : call.server)?.consume(random.below(60_000)));
      case 5:
      case 6:
        return toServer.carry(1 + random.below(shape.chunkBytesMax));
      case 7:
        return toClient.carry(1 + random.below(shape.chunkBytesMax));
      case 8:
        return random.below(20) === 0 ? withCall(giveUp) : undefined;
      case 9:
        serverWire.full = random.below(2) === 0;
        clientWire.full = random.below(2) === 0;
        if (!serverWire.full) server.writable();
        if (!clientWire.full) client.writable();
        return;
      case 10:
        // The peer makes its windows small for a while: they may become negative, and must come back.
        if (brokenWindows >= 20 || random.below(20) > 0) return;
        brokenWindows++;
        toClient.say(
          frameBytes(FrameType.SETTINGS, 0, 0, [
            0,
            4,
            0,
            0,
            0,
            random.below(Math.min(256, shape.streamWindowBytes + 1)),
          ]),
        );
        return;
    }
  };
  const open = () => {
    if (opened >= shape.streams) return;
    const end = newEnd(true);
    const stream = client.open(REQUEST, false, end);
    if (stream === undefined) return;
    opened++;
    end.stream = stream;
    calls.set(stream.id, { client: end, server: undefined, broken: false });
  };
  const withCall = (act: (call: Call) => void) => {
    const open = [...calls.values()].filter(({ client, server }) => !client.over || (server && !server.over));
    if (open.length > 0) act(open[random.below(open.length)]);
  };
  const answer = (call: Call) => {
    const end = call.server;
    if (end === undefined || end.stream!.closed) return;
    // `waiting` holds the answer back until the request is whole, or at times not even so long.
    if (end.sent === 0 && end.waiting) {
      if (!end.peerEnded && !(shape.trouble && random.below(50) === 0)) return;
      end.waiting = false;
      // What comes of a request behind the answer's end is dropped.
      if (!end.peerEnded) call.broken = true;
    }
    end.send(random.below(40_000));
  };
  const giveUp = (call: Call) => {
    const end = random.below(2) === 0 ? call.client : call.server ?? call.client;
    if (end.stream!.closed) return;
    end.stream!.reset(8);
    end.held = 0;
    call.broken = true;
  };

  for (let i = 0; i < 2000; i++) step();
  // To the end: windows restored, sockets free, everything sent, consumed and carried.
  const settings = new Uint8Array([0, 4, 0, 0, 0, 0]);
  new DataView(settings.buffer).setUint32(2, shape.streamWindowBytes);
  toClient.say(frameBytes(FrameType.SETTINGS, 0, 0, settings));
  serverWire.full = clientWire.full = false;
  server.writable();
  client.writable();
  for (let i = 0; opened < shape.streams || [...calls.values()].some(({ client }) => !client.over); i++) {
    assert(i < STEPS_MAX, "the session stands still");
    open();
    for (const call of calls.values()) {
      call.client.send(20_000);
      if (call.server?.peerEnded && call.server.sent === 0) call.server.waiting = false;
      call.server?.send(20_000);
      call.client.consume(Infinity);
      call.server?.consume(Infinity);
    }
    toServer.carry(Infinity);
    toClient.carry(Infinity);
  }
  toServer.carry(Infinity);
  toClient.carry(Infinity);

  for (const [id, { client, server, broken }] of calls) {
    if (broken) continue;
    assert(server !== undefined, `stream ${id} never came`);
    assert(!client.reset && !server.reset, `stream ${id} was reset`);
    assert(client.peerEnded && server.peerEnded, `stream ${id} has not ended`);
    assert(server.received === client.bodyBytes, `stream ${id}: ${server.received} of ${client.bodyBytes} bytes came`);
    assert(client.received === server.bodyBytes, `stream ${id}: ${client.received} of ${server.bodyBytes} bytes came`);
  }
  assert(client.streams === 0, `the client has ${client.streams} streams left`);
  assert(server.streams === 0, `the server has ${server.streams} streams left`);
  assert(!client.ended && !server.ended, "a connection has ended");
  for (const wire of [clientWire, serverWire]) {
    assert(wire.violations.length === 0, `violations: ${wire.violations}`);
    assert(wire.faults.length === 0, `faults: ${wire.faults}`);
  }
}

/** Bytes on their way to one side. */
class Pipe {
  #bytes: Uint8Array = new Uint8Array(0);

  constructor(readonly from: Wire, readonly to: Connection) {}

  /** Puts a frame between the others. */
  say(frame: Uint8Array): void {
    this.#take();
    this.#append(frame);
  }

  carry(count: number): void {
    this.#take();
    const chunk = this.#bytes.slice(0, count);
    this.#bytes = this.#bytes.subarray(chunk.length);
    if (chunk.length > 0) this.to.receive(chunk);
    // Whoever keeps a view of it must notice.
    chunk.fill(0xee);
    this.to.flush();
  }

  #take(): void {
    const bytes = this.from.take();
    if (bytes.length > 0) this.#append(bytes);
  }

  #append(bytes: Uint8Array): void {
    const joined = new Uint8Array(this.#bytes.length + bytes.length);
    joined.set(this.#bytes);
    joined.set(bytes, this.#bytes.length);
    this.#bytes = joined;
  }
}
