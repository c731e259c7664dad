/** Every way in which RFC 7541 lets a block be wrong, and our limits. */
import { assertEquals, assertThrows } from "@std/assert";
import { expect } from "@std/expect";
import { HpackDecoder } from "./decoder.ts";
import { FieldsTooLarge, HpackError } from "./errors.ts";
import { BlockReader, INTEGER_MAX } from "./integer.ts";
import { decoderOf, hex } from "./testing.ts";

function refused(block: string, because: string, decoder = decoderOf()): void {
  assertThrows(() => decoder.decode(hex(block)), HpackError, because);
}

Deno.test("an empty block has no fields", () => {
  assertEquals(decoderOf().decode(new Uint8Array(0)), []);
});

Deno.test("2.3.3: an index behind both tables is an error, for a field and for a name", () => {
  refused("be", "index 62 lies behind the last entry, 61");
  refused("7e 0161", "index 62");
  refused("0f2f 0161", "index 62");
  refused("1f2f 0161", "index 62");
  refused("40 0161 0162 bf", "index 63 lies behind the last entry, 62");
});

Deno.test("6.1: index 0 is an error", () => {
  refused("80", "index 0");
});

Deno.test("5.1: an integer may be spread over more bytes than it needs, within bounds", () => {
  const name = "61".repeat(127);
  assertEquals(decoderOf().decode(hex(`007f 8000 ${name} 0162`)), ["a".repeat(127), "b"]);
});

Deno.test("5.1: integers at and behind the bounds of value and length", () => {
  const read = (bytes: string, prefixMax: number) => {
    const reader = new BlockReader();
    reader.bytes = hex(bytes);
    reader.at = 1;
    return reader.integer(reader.bytes[0], prefixMax);
  };
  assertEquals(read("7e", 0x7f), 126);
  assertEquals(read("7f00", 0x7f), 127);
  assertEquals(read("7f8000", 0x7f), 127);
  assertEquals(read("7f80808000", 0x7f), 127);
  assertEquals(read("7f80ffff7f", 0x7f), INTEGER_MAX);
  assertEquals(read("1fe0ffff7f", 0x1f), INTEGER_MAX);
  assertThrows(() => read("7f81ffff7f", 0x7f), HpackError, "larger than 268435455");
  assertThrows(() => read("7fffffff7f", 0x7f), HpackError, "larger than 268435455");
  assertThrows(() => read("7f8080808000", 0x7f), HpackError, "more than 4 bytes");
  assertThrows(() => read("7fffffffffffffffffff01", 0x7f), HpackError, "more than 4 bytes");
  assertThrows(() => read("7f", 0x7f), HpackError, "ends within an integer");
  assertThrows(() => read("7f80", 0x7f), HpackError, "ends within an integer");
});

Deno.test("5.1: an index, a length or a size that overflows is an error wherever it stands", () => {
  refused("ffffffffff0f", "more than 4 bytes");
  refused("7fffffffff0f", "more than 4 bytes");
  refused("0fffffffff0f", "more than 4 bytes");
  refused("3fffffffff0f", "more than 4 bytes");
  refused("007fffffffff0f", "more than 4 bytes");
  refused("0001617fffffffff0f", "more than 4 bytes");
});

Deno.test("5.2: a string that is longer than its block is an error", () => {
  refused("40", "ends where a string should begin");
  refused("4003 6162", "ends within a string of 3 bytes");
  refused("4001 61", "ends where a string should begin");
  refused("4001 6102 62", "ends within a string of 2 bytes");
  refused("007f 80ff 7f61", "ends within a string");
  refused("0082 1c", "ends within a string of 2 bytes");
});

Deno.test("5.2: padding of more than seven bits is an error", () => {
  refused("0082 1fff 0161", "wrong padding");
  refused("0081 ff 0161", "wrong padding");
  assertEquals(decoderOf().decode(hex("0081 1f 0161")), ["a", "a"]);
});

Deno.test("5.2: padding that is not all ones is an error", () => {
  refused("0081 1e 0161", "wrong padding");
  refused("0081 18 0161", "wrong padding");
  refused("0001 6181 18", "wrong padding");
});

Deno.test("5.2: the end-of-string symbol within a string is an error", () => {
  refused("0084 ffff ffff 0161", "end-of-string");
  refused("0085 1fff ffff ff 0161", "end-of-string");
  refused("0001 6185 ffff ffff ff", "end-of-string");
});

Deno.test("5.2: a wrong string is an error even where it is not wanted any more", () => {
  const decoder = new HpackDecoder({ tableBytesMax: 4096, listBytesMax: 10, fieldsMax: 100 });
  refused("0001 6101 62 0081 1e 0161", "wrong padding", decoder);
});

Deno.test("5.2: an empty string in either coding", () => {
  assertEquals(decoderOf().decode(hex("0001 6100 0001 6280")), ["a", "", "b", ""]);
});

Deno.test("5.2: strings are octets: every one of them comes through, in either coding", () => {
  const value = String.fromCharCode(...Array.from({ length: 256 }, (_, i) => i));
  const plain = new Uint8Array([0x00, 1, 0x61, 0x7f, 0x81, 0x01, ...Array.from({ length: 256 }, (_, i) => i)]);
  assertEquals(decoderOf().decode(plain), ["a", value]);
});

Deno.test("4.2: a size update behind a field is an error", () => {
  refused("82 3f e1 1f", "behind a field");
  refused("20 82 20", "behind a field");
});

Deno.test("4.2: more than two size updates at the start are fine, the last one counts", () => {
  const decoder = decoderOf();
  decoder.decode(hex("4001 6101 62"));
  assertEquals(decoder.decode(hex("3fe11f 20 3fe101 3f01 3fe11f 82")), [":method", "GET"]);
  assertEquals(decoder.table, { fields: [], bytes: 0, bytesMax: 4096 });
});

Deno.test("6.3: a size update above our setting is an error, one up to it is not", () => {
  refused("3fe21f", "size update to 4097, where 4096 are allowed");
  assertEquals(decoderOf().decode(hex("3fe11f")), []);
  const larger = decoderOf(8192);
  larger.settingsAcknowledged();
  larger.decode(hex("3fe13f"));
  refused("3fe23f", "size update to 8193, where 8192 are allowed", larger);
});

Deno.test("4.2: our smaller setting holds from its acknowledgement on, and the next block must say so", () => {
  const early = decoderOf(100);
  early.decode(hex("3fe11f 4001 6101 62"));
  early.settingsAcknowledged();
  refused("be", "no size update", early);

  const right = decoderOf(100);
  right.decode(hex("4001 6101 62"));
  right.settingsAcknowledged();
  assertEquals(right.decode(new Uint8Array(0)), []);
  assertEquals(right.decode(hex("3f45 be")), ["a", "b"]);
  refused("3f46", "size update to 101, where 100 are allowed", right);
});

Deno.test("4.3: a smaller size evicts the oldest, and what was evicted cannot be named", () => {
  const decoder = decoderOf();
  decoder.decode(hex("4001 6101 62 4001 6301 64"));
  assertEquals(decoder.decode(hex("3f03 be")), ["c", "d"]);
  refused("bf", "index 63", decoder);
});

Deno.test("4.4: an entry larger than the table empties it and is a field all the same", () => {
  const decoder = decoderOf();
  decoder.decode(hex("3f0f 4001 6101 62"));
  assertEquals(decoder.table.fields, ["a", "b"]);
  assertEquals(decoder.decode(hex("4001 63 0e 6161 6161 6161 6161 6161 6161 6161")), ["c", "a".repeat(14)]);
  assertEquals(decoder.table, { fields: [], bytes: 0, bytesMax: 46 });
});

Deno.test("4.4: a new entry may take its name from one that it evicts", () => {
  const decoder = decoderOf();
  decoder.decode(hex("3f03 4001 6101 62"));
  assertEquals(decoder.decode(hex("7e01 63")), ["a", "c"]);
  assertEquals(decoder.table.fields, ["a", "c"]);
});

Deno.test("6.2.2, 6.2.3: literals without indexing leave the table as it is", () => {
  const decoder = decoderOf();
  assertEquals(decoder.decode(hex("0001 6101 62 1001 6301 64 04 012f 14 022f 61")), [
    ...["a", "b", "c", "d"],
    ...[":path", "/", ":path", "/a"],
  ]);
  assertEquals(decoder.table.fields, []);
});

Deno.test("a literal met again is the same text, and one of the same length is not taken for it", () => {
  const decoder = decoderOf();
  const plain = "04 0c2f 7361 6d70 6c65 2f70 6174 68";
  for (let i = 0; i < 3; i++) assertEquals(decoder.decode(hex(plain)), [":path", "/sample/path"]);
  assertEquals(decoder.decode(hex("04 0c2f 7361 6e70 6c65 2f70 6174 68")), [":path", "/sanple/path"]);
  assertEquals(decoder.decode(hex(plain)), [":path", "/sample/path"]);
  // The same bytes stand for another text in Huffman code.
  const coded = "0001 78 86 a8eb 1064 9cbf";
  for (let i = 0; i < 2; i++) assertEquals(decoder.decode(hex(coded)), ["x", "no-cache"]);
  assertEquals(decoder.decode(hex(coded.replace("86", "06"))), ["x", "\xa8\xeb\x10\x64\x9c\xbf"]);
  assertEquals(decoder.decode(hex(coded)), ["x", "no-cache"]);
});

Deno.test("a block above our limits is read to its end: the tables stay in step", () => {
  const decoder = new HpackDecoder({ tableBytesMax: 4096, listBytesMax: 100, fieldsMax: 3 });
  assertThrows(() => decoder.decode(hex("4001 6101 62 8282 82 4001 6301 64")), FieldsTooLarge, "more than 100 bytes");
  assertEquals(decoder.table.fields, ["c", "d", "a", "b"]);
  assertEquals(decoder.decode(hex("be bf")), ["c", "d", "a", "b"]);
});

Deno.test("the limits hold exactly: so many bytes and so many fields, and not one more", () => {
  // Names and values of one byte each count 34 bytes.
  const bytes = new HpackDecoder({ tableBytesMax: 4096, listBytesMax: 68, fieldsMax: 100 });
  expect(bytes.decode(hex("0001 6101 62 0001 6301 64"))).toHaveLength(4);
  assertThrows(() => bytes.decode(hex("0001 6101 62 0001 6302 6464")), FieldsTooLarge, "more than 68 bytes");
  const count = new HpackDecoder({ tableBytesMax: 4096, listBytesMax: 1000, fieldsMax: 2 });
  expect(count.decode(hex("8282"))).toHaveLength(4);
  assertThrows(() => count.decode(hex("828282")), FieldsTooLarge, "3 header fields, more than 2");
  expect(count.decode(hex("8282"))).toHaveLength(4);
});

Deno.test("a large entry named again and again stops at the limit of the list (the HPACK bomb)", () => {
  const decoder = new HpackDecoder({ tableBytesMax: 4096, listBytesMax: 16_384, fieldsMax: 128 });
  const value = new Array(4000).fill(0x61);
  decoder.decode(new Uint8Array([0x40, 1, 0x61, 0x7f, 0xa1, 0x1e, ...value]));
  assertThrows(() => decoder.decode(new Uint8Array(16_000).fill(0xbe)), FieldsTooLarge);
  assertEquals(decoder.decode(hex("be"))[1].length, 4000);
});
