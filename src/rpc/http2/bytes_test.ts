import { assertEquals, assertNotStrictEquals } from "@std/assert";
import fc from "fast-check";
import { ByteWriter } from "./bytes.ts";

Deno.test("bytes: what was written is what is taken, in order and high byte first", () => {
  const writer = new ByteWriter(1);
  writer.byte(0x101);
  writer.uint16(0x1234);
  writer.uint32(0x89abcdef);
  writer.bytes(new Uint8Array([7, 8]));
  assertEquals([...writer.take()], [1, 0x12, 0x34, 0x89, 0xab, 0xcd, 0xef, 7, 8]);
  assertEquals(writer.length, 0);
});

Deno.test("bytes: what was taken does not change when more is written", () => {
  const writer = new ByteWriter(8);
  writer.byte(1);
  const first = writer.take();
  writer.byte(2);
  assertEquals([...first], [1]);
  assertNotStrictEquals(first.buffer, writer.buffer.buffer);
});

Deno.test("bytes: any pieces come out whole, whatever the first size", () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 300 })), fc.integer({ min: 1, max: 64 }), (pieces, size) => {
      const writer = new ByteWriter(size);
      for (const piece of pieces) writer.bytes(piece);
      assertEquals([...writer.take()], pieces.flatMap((piece) => [...piece]));
    }),
  );
});
