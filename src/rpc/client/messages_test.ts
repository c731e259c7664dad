import { assertEquals, assertThrows } from "@std/assert";
import { fromBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { MESSAGE_BYTES_MAX, PlatformError } from "../../base/mod.ts";
import {
  AcquireContainerReplySchema,
  AcquireContainerRequestSchema,
} from "../../../gen/schedulerproto/scheduler_pb.ts";
import { decodeMessage, encodeFrame, MessageReader } from "./messages.ts";
import { frameOf } from "./testing.ts";

function read(chunks: Uint8Array[], isShared = false): { messages: Uint8Array[]; error?: PlatformError } {
  const messages: Uint8Array[] = [];
  const reader = new MessageReader((message) => messages.push(message), isShared);
  for (const chunk of chunks) {
    const copy = chunk.slice();
    const error = reader.push(copy);
    // What was pushed belongs to the connection, which uses it again.
    copy.fill(0xee);
    if (error) return { messages, error };
  }
  return { messages };
}

Deno.test("a request is framed: no flags, four bytes of length, the message", () => {
  assertEquals([...encodeFrame(AcquireContainerRequestSchema, { requestId: "ab" })], [0, 0, 0, 0, 4, 0x0a, 2, 97, 98]);
  assertEquals([...encodeFrame(AcquireContainerRequestSchema, {})], [0, 0, 0, 0, 0]);
});

Deno.test("messages come out as they went in, wherever the body is cut", () => {
  const property = fc.property(
    fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 12 }),
    fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1 }),
    (bodies, cuts) => {
      const body = new Uint8Array(bodies.flatMap((message) => [...frameOf(message)]));
      for (const isShared of [false, true]) assertEquals(read(cutAt(body, cuts), isShared), { messages: bodies });
    },
  );
  fc.assert(property, { numRuns: 300 });
});

Deno.test("messages and frames in a shared buffer do not touch one another", () => {
  const bodies = Array.from({ length: 1_000 }, (_, index) => new Uint8Array(index * 7 % 9_000).fill(index));
  const frames = bodies.map((_, index) =>
    encodeFrame(AcquireContainerRequestSchema, { requestId: `request ${index}` })
  );
  assertEquals(read(bodies.map((body) => frameOf(body)), true), { messages: bodies });
  const ids = frames.map((frame) => fromBinary(AcquireContainerRequestSchema, frame.subarray(5)).requestId);
  assertEquals(ids, bodies.map((_, index) => `request ${index}`));
});

Deno.test("a compressed message, unknown flags and too long a message are refused by their prefix", () => {
  const whole = frameOf(new Uint8Array([1]));
  const cases: [Uint8Array, string, string][] = [
    [frameOf(new Uint8Array(3), 1), "internal", "the reply is compressed, which was not asked for"],
    [frameOf(new Uint8Array(3), 0x80), "internal", "the reply has a message with flags 128, must be 0"],
    [
      new Uint8Array([0, 0xff, 0xff, 0xff, 0xff]),
      "resource_exhausted",
      `the reply has 4294967295 bytes, must be at most ${MESSAGE_BYTES_MAX}`,
    ],
  ];
  for (const [bytes, code, message] of cases) {
    for (const chunks of [[whole, bytes], cutAt(new Uint8Array([...whole, ...bytes]), [1])]) {
      const { messages, error } = read(chunks);
      assertEquals([messages.length, error?.code, error?.message], [1, code, message]);
    }
  }
});

Deno.test("what cannot be encoded or decoded is internal, what is too long resource_exhausted", () => {
  const wrong = { nodeServicePort: "x" as unknown as bigint };
  assertEquals(assertThrows(() => encodeFrame(AcquireContainerReplySchema, wrong), PlatformError).code, "internal");
  const long = { requestId: "x".repeat(MESSAGE_BYTES_MAX) };
  const error = assertThrows(() => encodeFrame(AcquireContainerRequestSchema, long), PlatformError);
  assertEquals(error.code, "resource_exhausted");
  const garbage = new Uint8Array([0x0a, 200, 1]);
  assertEquals(assertThrows(() => decodeMessage(AcquireContainerReplySchema, garbage), PlatformError).code, "internal");
});

/** `body` in pieces of so many bytes, over and over. */
function cutAt(body: Uint8Array, cuts: readonly number[]): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let at = 0, i = 0; at < body.length; at += cuts[i++ % cuts.length]) {
    chunks.push(body.subarray(at, at + cuts[i % cuts.length]));
  }
  return chunks;
}
