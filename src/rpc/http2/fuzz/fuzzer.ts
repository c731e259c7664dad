/**
 * One case of the fuzzer: a connection, a hostile peer, and users that do at random what users do. Whatever comes, no
 * method throws, nothing of ours is at fault, every stream ends for its user exactly once, and what is written is whole
 * frames.
 */
import { assert, type Random, seededRandom } from "../../../base/mod.ts";
import { createClientConnection } from "../client.ts";
import { FRAME_HEADER_BYTES, FrameType, PREFACE, readUint24 } from "../frames.ts";
import { http2Limits } from "../limits.ts";
import { createServerConnection } from "../server.ts";
import { Http2Stream } from "../stream.ts";
import { REQUEST, Wire } from "../testing.ts";
import type { ClientConnection, Connection, Fields, Stream, StreamReceiver } from "../types.ts";
import { hostileInput, type Role } from "./inputs.ts";

/** Small limits, so that they are met. */
const LIMITS = http2Limits({
  streamsMax: 20,
  headerListBytesMax: 2000,
  headerBlockBytesMax: 4000,
  streamWindowBytes: 70_000,
  connectionWindowBytes: 100_000,
  connectionQueueBytesMax: 300_000,
  connectionQueueBytesHigh: 200_000,
  streamQueueBytesHigh: 50_000,
  discardBytesMax: 20_000,
  streamFaults: { burst: 10, perSecond: 1 },
});

/** Runs the case that `seed` names and throws what it finds wrong. The answer says how it went, for statistics. */
export function fuzzCase(seed: number): string {
  const random = seededRandom(seed);
  const role: Role = random.below(3) === 0 ? "client" : "server";
  const users: User[] = [];
  const wire = new CheckedWire();
  let client: ClientConnection | undefined;
  if (role === "client") client = createClientConnection(wire, LIMITS);
  const connection: Connection = client ?? createServerConnection(wire, LIMITS);
  wire.onStream = (stream, _fields, endStream) => {
    const user = new User(random, connection, true);
    users.push(user);
    stream.receiver = user;
    user.begin(stream, endStream);
  };

  const input = hostileInput(role, random);
  const chunkBytesMax = [1, 10, 1000, 100_000][random.below(4)];
  let nowMs = 0;
  for (let at = 0; at < input.length;) {
    const chunk = input.slice(at, at + 1 + random.below(chunkBytesMax));
    at += chunk.length;
    while (client !== undefined && users.length < 40 && (users.length < 5 || random.below(2) === 0)) {
      const user = new User(random, connection, false);
      const stream = client.open(REQUEST, random.below(2) === 0, user);
      if (stream === undefined) break;
      users.push(user);
      user.begin(stream, false);
    }
    connection.receive(chunk);
    chunk.fill(0xee);
    if (random.below(4) === 0) users[random.below(users.length)]?.act();
    if (random.below(30) === 0) connection.tick(nowMs += random.below(1500));
    if (random.below(8) === 0) connection.flush();
    if (random.below(16) === 0) wire.full = !wire.full;
    if (!wire.full && random.below(4) === 0) connection.writable();
    if (random.below(500) === 0) connection.shutdown();
    if (random.below(2000) === 0) connection.close(random.below(14), "at random");
    assert(connection.streams <= (client === undefined ? LIMITS.streamsMax : 100), "too many streams are open");
  }
  connection.flush();
  const outcome = connection.ended ? wire.violations.at(-1) ?? "ended" : "open";
  const endedBefore = connection.ended;
  connection.closed();
  assert(connection.ended && connection.streams === 0, `${connection.streams} streams are left`);
  assert(wire.hasEnded === endedBefore, "end and ended do not agree");
  for (const user of users) user.check();
  assert(wire.faults.length === 0, `a fault of ours: ${String(wire.faults[0])}`);
  wire.check(client !== undefined);
  return `${role}: ${outcome}`;
}

/** Whoever has a stream. */
class User implements StreamReceiver {
  readonly #random: Random;
  readonly #isServer: boolean;
  readonly #connection: Connection;
  #stream: Http2Stream | undefined;
  #ended = false;
  #gaveUp = false;
  #reset = false;
  #headersSent = false;
  #endSent = false;
  #heldBytes = 0;

  constructor(random: Random, connection: Connection, isServer: boolean) {
    this.#random = random;
    this.#connection = connection;
    this.#isServer = isServer;
  }

  begin(stream: Stream, endStream: boolean): void {
    assert(stream instanceof Http2Stream, "a stream of another kind");
    this.#stream = stream;
    this.#ended = endStream;
    this.#headersSent = !this.#isServer;
    this.#endSent = !this.#isServer && stream.endAsked;
    if (this.#random.below(2) === 0) this.act();
  }

  onHeaders(_fields: Fields, endStream: boolean): void {
    this.#hear(endStream);
  }
  onData(bytes: Uint8Array, endStream: boolean): void {
    this.#heldBytes += bytes.length;
    this.#hear(endStream);
  }
  onTrailers(): void {
    this.#hear(true);
  }
  onDrain(): void {
    assert(!this.#reset, "onDrain behind onReset");
    this.act();
  }
  onReset(): void {
    assert(!this.#reset, "onReset twice");
    assert(this.#stream!.closed, "onReset of a stream that is open");
    this.#reset = true;
  }

  #hear(endStream: boolean): void {
    assert(!this.#reset, "something comes behind onReset");
    assert(!this.#ended, "something comes behind the end");
    this.#ended = endStream;
    if (this.#random.below(2) === 0) this.act();
  }

  /** Does something that is allowed. */
  act(): void {
    const stream = this.#stream!;
    const random = this.#random;
    if (random.below(30) === 0) {
      this.#gaveUp ||= !stream.closed;
      return stream.reset(random.below(14));
    }
    this.#meddle();
    stream.consume(random.below(this.#heldBytes + 1));
    if (!this.#headersSent) {
      this.#endSent = random.below(4) === 0;
      stream.sendHeaders([":status", "200", "x-a", `${random.below(9)}`], this.#endSent);
      this.#headersSent = true;
    }
    if (this.#endSent) return;
    const kind = random.below(4);
    this.#endSent = kind > 1;
    if (kind < 3) {
      stream.sendData(new Uint8Array(random.below(3) ? random.below(200) : random.below(200_000)), kind === 2);
    } else stream.sendTrailers(["x-end", "yes"]);
  }

  /** What an owner may do at any time, from within callbacks too. */
  #meddle(): void {
    const random = this.#random;
    if (random.below(300) === 0) this.#connection.close(random.below(14), "from a callback");
    if (random.below(300) === 0) this.#connection.shutdown();
    if (random.below(50) === 0) this.#connection.flush();
  }

  /** Whether the user knows that it is over: both ended, or it was told, or gave up; or its whole answer is out. */
  check(): void {
    const stream = this.#stream!;
    assert(stream.closed, "a stream is left open");
    assert(stream.queuedBytes === 0, "a stream that is over holds data");
    const ended = stream.localEnded && (this.#isServer || this.#ended);
    assert(ended || this.#reset || this.#gaveUp, `stream ${stream.id} is over and its user was not told`);
  }
}

/** Notices what must not happen. */
class CheckedWire extends Wire {
  override write(bytes: Uint8Array): boolean {
    assert(!this.hasEnded, "written behind the end");
    assert(bytes.length > 0, "nothing was written");
    return super.write(bytes);
  }

  override end(): void {
    assert(!this.hasEnded, "ended twice");
    super.end();
  }

  /** What was written must be whole frames, with nothing behind a GOAWAY that is an error. */
  check(fromClient: boolean): void {
    const bytes = this.take();
    let at = fromClient && bytes.length > 0 ? PREFACE.length : 0;
    let last = -1;
    while (at < bytes.length) {
      assert(at + FRAME_HEADER_BYTES <= bytes.length, "a frame's header is cut");
      last = bytes[at + 3];
      assert(last <= FrameType.CONTINUATION && last !== FrameType.PUSH_PROMISE, `a frame of type ${last} was written`);
      at += FRAME_HEADER_BYTES + readUint24(bytes, at);
    }
    assert(at === bytes.length, "a frame is cut");
    const violated = this.violations.length > 0 && this.hasEnded;
    assert(!violated || last >= 0, "ended without a word");
  }
}
