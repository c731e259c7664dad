/** What a hostile peer may send: frames at random, real sessions with bytes changed, and noise. */
import type { Random } from "../../../base/mod.ts";
import { ByteWriter } from "../bytes.ts";
import { Flag, FrameType, PREFACE, writeFrameHeader } from "../frames.ts";
import { HpackEncoder } from "../hpack/mod.ts";
import { Heard, pair, REQUEST } from "../testing.ts";
import type { Fields, Stream } from "../types.ts";

export type Role = "server" | "client";

const ANSWER: Fields = [":status", "200", "content-type", "application/grpc"];
const ODD_FIELDS: readonly Fields[] = [
  ["x-a", "b"],
  ["grpc-status", "0"],
  ["content-length", "5"],
  ["Upper", "case"],
  ["connection", "close"],
  ["te", "gzip"],
  [":path", "/again"],
  [":unknown", ""],
  ["", "no name"],
  ["x-line", "a\r\nb"],
  ["x-long", "y".repeat(3000)],
];

function pick<T>(random: Random, items: readonly T[]): T {
  return items[random.below(items.length)];
}

/** Bytes as a peer of a connection in `role` may send them. */
export function hostileInput(role: Role, random: Random): Uint8Array {
  const kind = random.below(10);
  if (kind === 0) return noise(random);
  if (kind < 6) return randomFrames(role, random);
  return mutated(recorded(role, random), random);
}

function noise(random: Random): Uint8Array {
  const bytes = Uint8Array.from({ length: random.below(2000) }, () => random.below(256));
  if (random.below(2) === 0) bytes.set(PREFACE.subarray(0, bytes.length));
  return bytes;
}

/** Frames of all types, most of them nearly right: what is wrong early hides what would have come later. */
function randomFrames(role: Role, random: Random): Uint8Array {
  const out = new ByteWriter();
  const encoder = new HpackEncoder();
  if (role === "server") out.bytes(PREFACE);
  writeFrameHeader(out, 0, FrameType.SETTINGS, 0, 0);
  if (random.below(10) > 0) writeFrameHeader(out, 0, FrameType.SETTINGS, Flag.ACK, 0);
  // How often something is not as it should be, one in so many.
  const sense = pick(random, [5, 50, 500, 5000]);
  const odd = () => random.below(sense) === 0;
  // Streams that the peer has not ended. A server talks on those that the client opens at first.
  const live = role === "server" ? [] : [1, 3, 5, 7, 9];
  let nextId = role === "server" ? 1 : 11;
  const end = (id: number) => {
    const ends = random.below(4) === 0;
    if (ends) live.splice(live.indexOf(id), live.includes(id) ? 1 : 0);
    return ends;
  };
  for (let i = random.below(300); i > 0; i--) {
    const known = 1 + 2 * random.below(Math.max(1, nextId >> 1));
    const any = odd() ? random.uint32() >>> random.below(32) : known;
    const id = odd() || live.length === 0 ? any : pick(random, live);
    const kind = nextId === 1 && !odd() ? 0 : random.below(13);
    if (kind <= 2 && role === "server" && (live.length === 0 || random.below(3) > 0)) {
      const newId = nextId + (odd() ? 2 * random.below(10) : 0);
      nextId = newId + 2;
      live.push(newId);
      headers(out, encoder, role, newId, end(newId), random, odd);
    } else if (kind <= 2) {
      if (live.length > 0 || odd()) headers(out, encoder, role, id, end(id), random, odd);
    } else if (kind <= 4) {
      if (live.length > 0 || odd()) data(out, id, end(id), random, odd);
    } else if (kind === 5) {
      if (random.below(3) === 0) {
        payload(out, FrameType.RST_STREAM, 0, id, odd() ? random.below(9) : 4, random);
        live.splice(live.indexOf(id), live.includes(id) ? 1 : 0);
      }
    } else if (kind === 6) settings(out, random, odd);
    else if (kind === 7) payload(out, FrameType.PING, random.below(2), odd() ? id : 0, odd() ? 7 : 8, random);
    else if (kind === 8) {
      payload(out, FrameType.WINDOW_UPDATE, 0, random.below(2) * any, odd() ? 3 : 4, random, !odd());
    } else if (kind === 9) {
      if (any > 0) payload(out, FrameType.PRIORITY, 0, any, odd() ? 4 : 5, random);
    } else if (kind === 10) payload(out, FrameType.SETTINGS, Flag.ACK, 0, 0, random);
    else if (kind === 11 && random.below(20) === 0) payload(out, FrameType.GOAWAY, 0, 0, 8 + random.below(20), random);
    else {payload(
        out,
        odd() ? random.below(10) : 10 + random.below(246),
        random.below(256),
        id,
        random.below(40),
        random,
      );}
  }
  return out.take();
}

/** A frame whose payload is random; `small`: the first two bytes are zero, as in a sensible number. */
function payload(
  out: ByteWriter,
  type: number,
  flags: number,
  id: number,
  length: number,
  random: Random,
  small = false,
): void {
  writeFrameHeader(out, length, type, flags, id);
  for (let i = 0; i < length; i++) out.byte(small && i < 2 ? 0 : random.below(256));
}

function headers(
  out: ByteWriter,
  encoder: HpackEncoder,
  role: Role,
  id: number,
  endStream: boolean,
  random: Random,
  odd: () => boolean,
): void {
  const fields: string[] = [...(random.below(5) === 0 ? [] : role === "server" ? REQUEST : ANSWER)];
  for (let i = random.below(4); i > 0; i--) {
    if (odd()) fields.push(...pick(random, ODD_FIELDS));
    else fields.push(`x-${random.below(50)}`, "z".repeat(random.below(50)));
  }
  const block = new ByteWriter();
  encoder.encode(fields, block);
  if (odd()) block.byte(random.below(256));
  const bytes = block.take();
  const end = endStream ? Flag.END_STREAM : 0;
  const parts = random.below(10) === 0 ? 1 + random.below(5) : 1;
  for (let part = 0; part < parts; part++) {
    const piece = bytes.subarray(part * bytes.length / parts | 0, (part + 1) * bytes.length / parts | 0);
    const last = part === parts - 1 && !odd() ? Flag.END_HEADERS : 0;
    writeFrameHeader(
      out,
      piece.length,
      part === 0 ? FrameType.HEADERS : FrameType.CONTINUATION,
      last | (part ? 0 : end),
      id,
    );
    out.bytes(piece);
  }
}

function data(out: ByteWriter, id: number, endStream: boolean, random: Random, odd: () => boolean): void {
  const end = endStream ? Flag.END_STREAM : 0;
  const padded = random.below(5) === 0;
  const length = (padded ? 10 : 0) + random.below(random.below(10) === 0 ? odd() ? 16_500 : 16_300 : 100);
  writeFrameHeader(out, length, FrameType.DATA, end | (padded ? Flag.PADDED : 0), id);
  for (let i = 0; i < length; i++) out.byte(padded && i === 0 ? random.below(odd() ? 256 : 10) : i);
}

function settings(out: ByteWriter, random: Random, odd: () => boolean): void {
  const count = random.below(4);
  writeFrameHeader(out, count * 6 + (odd() ? 1 : 0), FrameType.SETTINGS, 0, 0);
  for (let i = 0; i < count; i++) {
    const id = odd() ? random.below(10) : pick(random, [1, 3, 4, 4, 5, 6, 8]);
    out.uint16(id);
    const frames = id === 5 && !odd();
    out.uint32(pick(random, frames ? [16_384, 20_000, 0xffffff] : [0, 1, 100, 4096, 65_535, 100_000, 0x7fffffff]));
  }
}

/** What one side of a real session said to the other. */
function recorded(role: Role, random: Random): Uint8Array {
  const { client, serverWire, clientWire, server } = pair();
  const said = new ByteWriter();
  serverWire.onStream = (stream, _, endStream) => {
    const heard = new Heard();
    const answer = (stream: Stream) => {
      stream.sendHeaders(ANSWER, false);
      stream.sendData(new Uint8Array(random.below(2000)), false);
      stream.sendTrailers(["grpc-status", "0", "grpc-message", "x".repeat(random.below(20))]);
    };
    heard.then = () => {
      if (heard.ended) answer(stream);
    };
    stream.receiver = heard;
    if (endStream) answer(stream);
  };
  const carry = () => {
    client.flush();
    const up = clientWire.take();
    if (up.length > 0) server.receive(up);
    server.flush();
    const down = serverWire.take();
    if (down.length > 0) client.receive(down);
    said.bytes(role === "server" ? up : down);
  };
  for (let i = 1 + random.below(10); i > 0; i--) {
    const stream = client.open([...REQUEST, "x-n", `${random.below(5)}`], false, new Heard());
    stream?.sendData(new Uint8Array(random.below(3000)), true);
    if (random.below(8) === 0) stream?.reset(8);
    if (random.below(2) === 0) carry();
  }
  carry();
  carry();
  return said.take();
}

/** Some bytes changed, dropped, doubled or moved. */
function mutated(bytes: Uint8Array, random: Random): Uint8Array {
  let result = bytes;
  for (let i = 1 + random.below(8); i > 0 && result.length > 0; i--) {
    const at = random.below(result.length);
    const count = 1 + random.below(random.below(3) ? 9 : 200);
    const before = result.subarray(0, at), after = result.subarray(at);
    switch (random.below(5)) {
      case 0:
        result = result.slice();
        result[at] ^= 1 << random.below(8);
        break;
      case 1:
        result = result.slice();
        result[at] = pick(random, [0, 1, 0x7f, 0x80, 0xff]);
        break;
      case 2:
        result = joined(before, after.subarray(count));
        break;
      case 3:
        result = joined(before, after.subarray(0, count), after);
        break;
      case 4:
        result = joined(before, Uint8Array.from({ length: count }, () => random.below(256)), after);
    }
  }
  return result;
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const out = new ByteWriter();
  for (const part of parts) out.bytes(part);
  return out.take();
}
