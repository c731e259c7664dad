import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { ChunkQueue } from "./chunk_queue.ts";

const seed = Number(Deno.env.get("SEED") ?? 1);

function drain(queue: ChunkQueue): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let chunk; (chunk = queue.shift()) !== undefined;) chunks.push(chunk);
  return chunks;
}

function same(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

Deno.test("all bytes come out in order, whatever their pieces and whenever they are taken", () => {
  const piece = fc.oneof(
    fc.integer({ min: 0, max: 40 }),
    fc.constantFrom(1000, 4095, 4096, 5000, 16_383, 16_384, 20_000),
  );
  const step = fc.oneof({ weight: 4, arbitrary: piece }, { weight: 1, arbitrary: fc.constant("take" as const) });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const queue = new ChunkQueue();
      const expected: number[] = [];
      const got: number[] = [];
      const handedOut: { chunk: Uint8Array; copy: Uint8Array }[] = [];
      const take = (chunk: Uint8Array) => {
        handedOut.push({ chunk, copy: chunk.slice() });
        for (const byte of chunk) got.push(byte);
      };
      for (const step of steps) {
        if (step === "take") {
          const chunk = queue.shift();
          if (chunk !== undefined) take(chunk);
          continue;
        }
        const bytes = Uint8Array.from({ length: step }, (_, i) => (expected.length + i) & 0xff);
        queue.push(bytes);
        for (const byte of bytes) expected.push(byte);
        // It was the connection's, who uses it again.
        bytes.fill(0xee);
      }
      drain(queue).forEach(take);
      assert(same(got, expected), "the bytes differ");
      for (const { chunk, copy } of handedOut) assert(same(chunk, copy), "what was handed out has changed");
    }),
    { seed, numRuns: 100 },
  );
});

Deno.test("a byte at a time fills no more memory than at once", () => {
  const queue = new ChunkQueue();
  for (let i = 0; i < 200_000; i++) queue.push(Uint8Array.of(i));
  const chunks = drain(queue);
  assert(chunks.length <= 200_000 / 16_384 + 1, `${chunks.length} chunks`);
  const held = chunks.reduce((sum, { buffer }) => sum + buffer.byteLength, 0);
  assert(held <= 2 * 200_000, `${held} bytes are held for 200,000`);
});

Deno.test("a small message alone takes little room", () => {
  const queue = new ChunkQueue();
  queue.push(new Uint8Array(30));
  assertEquals(queue.shift()!.buffer.byteLength, 64);
});

Deno.test("what is forgotten is told", () => {
  const queue = new ChunkQueue();
  for (const length of [3, 5000, 7, 8]) queue.push(new Uint8Array(length));
  assertEquals([queue.clear(), queue.clear(), queue.shift()], [5018, 0, undefined]);
  queue.push(Uint8Array.of(9));
  assertEquals(queue.shift(), Uint8Array.of(9));
});
