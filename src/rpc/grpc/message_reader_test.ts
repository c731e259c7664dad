import { assertEquals } from "@std/assert";
import { Code, ConnectError } from "@connectrpc/connect";
import fc from "fast-check";
import { MESSAGE_BYTES_MAX } from "../../base/mod.ts";
import { MessageReader } from "./message_reader.ts";
import { PARTIAL_BYTES_MAX, PartialMessages } from "./partial_messages.ts";

function envelope(bytes: Uint8Array, flags = 0): Uint8Array {
  const all = new Uint8Array(5 + bytes.length);
  all[0] = flags;
  new DataView(all.buffer).setUint32(1, bytes.length);
  all.set(bytes, 5);
  return all;
}

/** `bytes` cut at some places. */
function cut(bytes: Uint8Array, places: number[]): Uint8Array[] {
  const at = [0, ...places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return at.slice(1).map((end, index) => bytes.subarray(at[index], end));
}

function codeOf(run: () => unknown): Code | undefined {
  try {
    run();
  } catch (error) {
    if (error instanceof ConnectError) return error.code;
    throw error;
  }
}

Deno.test("a message comes out as it went in, however it is cut", () =>
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), fc.array(fc.nat(), { maxLength: 8 }), (bytes, places) => {
    const reader = new MessageReader();
    const messages = cut(envelope(bytes), places).map((piece) => reader.take(piece)).filter((found) => found);
    reader.end();
    assertEquals(messages, [bytes]);
  })));

Deno.test("too little and too much: nothing, a part, a second message, a part of a second one", () =>
  fc.assert(fc.property(fc.uint8Array({ maxLength: 50 }), fc.nat(), fc.array(fc.nat()), (bytes, end, places) => {
    const feed = (all: Uint8Array, seen = 0) =>
      codeOf(() => {
        const reader = new MessageReader(seen);
        for (const piece of cut(all, places)) reader.take(piece);
        reader.end();
      });
    const one = envelope(bytes);
    const part = one.subarray(0, 1 + end % (one.length - 1));
    assertEquals(feed(new Uint8Array(0)), Code.Unimplemented);
    assertEquals(feed(part), Code.InvalidArgument);
    assertEquals(feed(new Uint8Array([...one, ...one])), Code.Unimplemented);
    assertEquals(feed(new Uint8Array([...one, ...part])), Code.InvalidArgument);
    assertEquals(feed(one, 1), Code.Unimplemented);
    assertEquals(feed(new Uint8Array(0), 1), undefined);
  })));

Deno.test("what is too long or compressed is refused at its prefix, before any of it is kept", () => {
  const prefix = (length: number, flags = 0) => {
    const bytes = new Uint8Array(5);
    bytes[0] = flags;
    new DataView(bytes.buffer).setUint32(1, length);
    return bytes;
  };
  assertEquals(codeOf(() => new MessageReader().take(prefix(MESSAGE_BYTES_MAX))), undefined);
  assertEquals(codeOf(() => new MessageReader().take(prefix(MESSAGE_BYTES_MAX + 1))), Code.ResourceExhausted);
  assertEquals(codeOf(() => new MessageReader().take(prefix(2 ** 32 - 1))), Code.ResourceExhausted);
  assertEquals(codeOf(() => new MessageReader().take(prefix(10, 1))), Code.Internal);
});

Deno.test("past the bound only the oldest partial message goes on; when it ends, the next may", () => {
  const partials = new PartialMessages();
  const call = () => ({
    given: 0,
    consume(bytes: number) {
      this.given += bytes;
    },
  });
  const oldest = call(), second = call(), third = call();
  partials.hold(oldest, 1_000);
  partials.hold(second, PARTIAL_BYTES_MAX - 1_000);
  assertEquals([oldest.given, second.given], [1_000, PARTIAL_BYTES_MAX - 1_000]);
  partials.hold(second, 10);
  partials.hold(third, 20);
  partials.hold(oldest, 30);
  assertEquals([oldest.given, second.given, third.given], [1_030, PARTIAL_BYTES_MAX - 1_000, 0]);
  partials.release(oldest);
  assertEquals([second.given, third.given], [PARTIAL_BYTES_MAX - 990, 20]);
  partials.release(second);
  partials.release(third);
  partials.release(third);
  assertEquals(partials.bytes, 0);
});

Deno.test("whatever comes in whatever order, all is given back in the end and the oldest is never held up", () =>
  fc.assert(fc.property(
    fc.array(fc.tuple(fc.nat(4), fc.nat(PARTIAL_BYTES_MAX), fc.boolean()), { maxLength: 60 }),
    (steps) => {
      const partials = new PartialMessages();
      const calls = Array.from({ length: 5 }, () => ({
        held: 0,
        given: 0,
        consume(bytes: number) {
          this.given += bytes;
        },
      }));
      const order: typeof calls = [];
      for (const [index, bytes, ends] of steps) {
        const call = calls[index];
        if (ends) {
          partials.release(call);
          if (order.includes(call)) order.splice(order.indexOf(call), 1);
        } else {
          if (!order.includes(call)) order.push(call);
          call.held += bytes;
          partials.hold(call, bytes);
        }
        if (order[0]) assertEquals(order[0].given, order[0].held);
      }
      for (const call of calls) partials.release(call);
      for (const { given, held } of calls) assertEquals(given, held);
      assertEquals(partials.bytes, 0);
    },
  )));
