import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { ConnectionFault } from "./faults.ts";
import { PREFACE } from "./frames.ts";
import { FrameReader, type FrameSink, PrefaceReader } from "./reader.ts";
import { frameBytes } from "./testing.ts";

class Sink implements FrameSink {
  ended = false;
  readonly seen: { type: number; flags: number; id: number; payload: number[] }[] = [];
  readonly buffers: ArrayBufferLike[] = [];

  frame(type: number, flags: number, id: number, bytes: Uint8Array, from: number, to: number): void {
    this.seen.push({ type, flags, id, payload: [...bytes.subarray(from, to)] });
    this.buffers.push(bytes.buffer);
  }
}

const frame = fc.record({
  type: fc.integer({ min: 0, max: 255 }),
  flags: fc.integer({ min: 0, max: 255 }),
  id: fc.integer({ min: 0, max: 0x7fffffff }),
  payload: fc.array(fc.integer({ min: 0, max: 255 }), { maxLength: 60 }),
});

Deno.test("4.1: frames come out whole, however their bytes are cut", () => {
  fc.assert(
    fc.property(fc.array(frame, { maxLength: 10 }), fc.array(fc.integer({ min: 1, max: 40 })), (frames, cuts) => {
      const bytes = frames.flatMap(({ type, flags, id, payload }) => [...frameBytes(type, flags, id, payload)]);
      const reader = new FrameReader(100);
      const sink = new Sink();
      for (let at = 0, i = 0; at < bytes.length; i++) {
        const count = cuts[i % cuts.length] ?? bytes.length;
        const chunk = Uint8Array.from(bytes.slice(at, at + count));
        reader.read(chunk, 0, sink);
        chunk.fill(0xee);
        at += count;
      }
      assertEquals(sink.seen, frames);
      assertEquals(reader.withinFrame, false);
    }),
    { seed: 1 },
  );
});

Deno.test("4.1: a frame that a chunk holds whole is not copied", () => {
  const reader = new FrameReader(100);
  const sink = new Sink();
  const chunk = Uint8Array.from([...frameBytes(0, 0, 1, [1]), ...frameBytes(0, 0, 1, [2]), 0, 0]);
  reader.read(chunk, 0, sink);
  assertEquals(sink.buffers.map((buffer) => buffer === chunk.buffer), [true, true]);
  assertEquals(reader.withinFrame, true);
});

Deno.test("4.1: the reserved bit of the stream's number is ignored", () => {
  const sink = new Sink();
  new FrameReader(100).read(frameBytes(6, 0, 0x80000005), 0, sink);
  assertEquals(sink.seen[0].id, 5);
});

Deno.test("4.2: a frame that is too large is known by its header, wherever that is cut", () => {
  for (let cut = 1; cut <= 9; cut++) {
    const reader = new FrameReader(100);
    const bytes = frameBytes(0, 0, 1, new Uint8Array(101)).slice(0, 9);
    assertThrows(() => {
      reader.read(bytes.slice(0, cut), 0, new Sink());
      reader.read(bytes.slice(cut), 0, new Sink());
    }, ConnectionFault);
  }
});

Deno.test("reader: nothing is read any more once the connection has ended", () => {
  const sink = new Sink();
  sink.frame = () => {
    sink.seen.push({ type: 0, flags: 0, id: 0, payload: [] });
    sink.ended = true;
  };
  new FrameReader(100).read(Uint8Array.from([...frameBytes(0, 0, 1), ...frameBytes(0, 0, 1)]), 0, sink);
  assertEquals(sink.seen.length, 1);
});

Deno.test("3.4: the preface may come in pieces, and frames right behind it", () => {
  const preface = new PrefaceReader();
  assertEquals(preface.read(PREFACE.slice(0, 10)), 10);
  assertEquals(preface.complete, false);
  assertEquals(preface.read(Uint8Array.from([...PREFACE.slice(10), 0, 0, 0])), 14);
  assertEquals(preface.complete, true);
});

Deno.test("3.4: HTTP/1.1 is noticed at the first byte that differs", () => {
  assertThrows(
    () => new PrefaceReader().read(new TextEncoder().encode("PUT / HTTP/1.1")),
    ConnectionFault,
    "not HTTP/2",
  );
});
