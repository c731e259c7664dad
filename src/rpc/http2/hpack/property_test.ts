/**
 * Whatever is encoded comes back, whatever the tables' sizes do meanwhile; whatever comes in, nothing but the two
 * errors comes out. A failing seed is printed; `SEED=<n> deno test -A src/rpc/http2/hpack/property_test.ts` replays it.
 */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { type Random, seededRandom } from "../../../base/mod.ts";
import { ByteWriter } from "../bytes.ts";
import { HpackDecoder } from "./decoder.ts";
import { encodeStateless, HpackEncoder } from "./encoder.ts";
import { FieldsTooLarge, HpackError } from "./errors.ts";
import { decodedBytesMax, huffmanBytes, huffmanDecode, huffmanEncode } from "./huffman.ts";
import { BlockReader, INTEGER_MAX, writeInteger } from "./integer.ts";
import { decoderOf, encoded } from "./testing.ts";
import { latin1 } from "./text.ts";

const REPLAY = "deno test -A src/rpc/http2/hpack/property_test.ts";

/** The seed given from outside, or one of these. */
function seeds(count: number): number[] {
  const only = Deno.env.get("SEED");
  return only === undefined ? Array.from({ length: count }, (_, seed) => seed) : [Number(only)];
}

function withSeed(seed: number, run: (seed: number) => void): void {
  try {
    run(seed);
  } catch (error) {
    console.error(`failed with seed ${seed}: SEED=${seed} ${REPLAY}`);
    throw error;
  }
}

/** The same values every time, so that the tests are repeatable; other seeds for a search. */
function check<T>(property: fc.IProperty<T>, numRuns: number): void {
  const seed = Number(Deno.env.get("SEED") ?? 1);
  withSeed(seed, () => fc.assert(property, { seed, numRuns }));
}

const byteText = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((byte) => String.fromCharCode(byte)) });
const name = fc.oneof(
  fc.constantFrom(":path", ":status", "content-type", "grpc-timeout", "authorization", "x-a", "x-b", "trace-bin"),
  byteText,
);
const value = fc.oneof(
  fc.constantFrom("", "/", "200", "application/grpc", "a".repeat(300), "v".repeat(1500)),
  byteText,
);
const fields = fc.array(fc.tuple(name, value), { maxLength: 12 }).map((pairs) => pairs.flat());

Deno.test("5.2: every string survives the Huffman code, and its length is foretold", () => {
  check(
    fc.property(byteText, (text) => {
      const length = huffmanBytes(text);
      const into = new Uint8Array(length + 1);
      assertEquals(huffmanEncode(text, into, 0), length);
      const out = new Uint8Array(decodedBytesMax(length));
      const back = huffmanDecode(into, 0, length, out);
      assertEquals(latin1(out, 0, back), text);
    }),
    500,
  );
});

Deno.test("5.1: every integer comes back with every prefix", () => {
  const prefixMax = fc.integer({ min: 1, max: 8 }).map((bits) => 2 ** bits - 1);
  check(
    fc.property(fc.oneof(fc.nat({ max: 600 }), fc.nat({ max: INTEGER_MAX })), prefixMax, (value, prefixMax) => {
      const out = new ByteWriter();
      writeInteger(out, 0, prefixMax, value);
      const reader = new BlockReader();
      reader.bytes = out.take();
      reader.at = 1;
      assertEquals(reader.integer(reader.bytes[0], prefixMax), value);
      assertEquals(reader.at, reader.bytes.length);
    }),
    500,
  );
});

Deno.test("bytes become characters of the same number at every length", () => {
  const bytes = Uint8Array.from({ length: 300 }, (_, i) => 255 - i);
  for (let length = 0; length < 290; length++) {
    assertEquals(latin1(bytes, 3, 3 + length), String.fromCharCode(...bytes.subarray(3, 3 + length)));
  }
});

const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("fields" as const), fields }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("stateless" as const), fields }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("bad" as const), fields }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("size" as const), bytes: fc.nat({ max: 5000 }) }) },
);

Deno.test("blocks come back in order while the table's size changes between them", () => {
  check(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const encoder = new HpackEncoder();
      const decoder = decoderOf();
      for (const step of steps) {
        if (step.do === "size") encoder.setTableBytesMax(step.bytes);
        else if (step.do === "bad") {
          const out = new ByteWriter();
          try {
            encoder.encode([...step.fields, "x", "\u2603"], out);
          } catch (error) {
            assert(error instanceof RangeError);
          }
          assertEquals(out.length, 0);
        } else {
          const block = step.do === "fields" ? step.fields : encodeStateless(step.fields);
          assertEquals(decoder.decode(encoded(encoder, block)), step.fields);
        }
        assert(decoder.table.bytes <= decoder.table.bytesMax);
      }
    }),
    300,
  );
});

const LIMITS = { tableBytesMax: 4096, listBytesMax: 2000, fieldsMax: 20 };

/** Bytes of any kind, more often those with which a representation begins or that end in the tables. */
function randomBlock(random: Random): Uint8Array {
  return Uint8Array.from({ length: random.below(60) }, () => {
    switch (random.below(6)) {
      case 0:
        return [0x00, 0x10, 0x20, 0x3f, 0x40, 0x7f, 0x80, 0xff][random.below(8)];
      case 1:
        return 0x80 | (60 + random.below(6));
      case 2:
        return random.below(8);
      default:
        return random.below(256);
    }
  });
}

/** A right block with some bytes changed, cut off, doubled or put in. */
function mutated(block: Uint8Array, random: Random): Uint8Array {
  const bytes = Array.from(block);
  for (let i = 1 + random.below(3); i > 0; i--) {
    const at = random.below(bytes.length + 1);
    switch (random.below(4)) {
      case 0:
        bytes[at] = random.below(256);
        break;
      case 1:
        bytes.splice(at, random.below(4));
        break;
      case 2:
        bytes.splice(at, 0, ...bytes.slice(at, at + random.below(8)));
        break;
      default:
        bytes.splice(at, 0, random.below(256));
    }
  }
  return Uint8Array.from(bytes);
}

/** Decodes, and fails for anything but fields within the limits or one of the two errors. False: the connection ends. */
function survives(decoder: HpackDecoder, block: Uint8Array): boolean {
  try {
    const fields = decoder.decode(block);
    assert(fields.length <= 2 * LIMITS.fieldsMax && fields.every((text) => typeof text === "string"));
    const listBytes = fields.reduce((sum, text) => sum + text.length + 16, 0);
    assert(listBytes <= LIMITS.listBytesMax);
  } catch (error) {
    if (!(error instanceof HpackError || error instanceof FieldsTooLarge)) throw error;
    return error instanceof FieldsTooLarge;
  } finally {
    const { bytes, bytesMax, fields } = decoder.table;
    assert(bytes <= bytesMax && bytesMax <= LIMITS.tableBytesMax);
    assertEquals(bytes, fields.reduce((sum, text) => sum + text.length + 16, 0));
  }
  return true;
}

Deno.test("fuzz: random blocks end in fields or in one of the two errors", () => {
  for (const seed of seeds(20)) {
    withSeed(seed, () => {
      const random = seededRandom(seed);
      for (let i = 0; i < 300; i++) {
        const decoder = new HpackDecoder(LIMITS);
        for (let block = 0; block < 10 && survives(decoder, randomBlock(random)); block++);
      }
    });
  }
});

Deno.test("fuzz: mutated blocks end in fields or in one of the two errors", () => {
  const sample = fc.sample(fields, { numRuns: 40, seed: 7 });
  for (const seed of seeds(20)) {
    withSeed(seed, () => {
      const random = seededRandom(seed);
      for (let i = 0; i < 100; i++) {
        const encoder = new HpackEncoder();
        const decoder = new HpackDecoder(LIMITS);
        for (let block = 0; block < 10; block++) {
          const right = encoded(encoder, sample[random.below(sample.length)]);
          if (!survives(decoder, random.below(3) === 0 ? mutated(right, random) : right)) break;
        }
      }
    });
  }
});
