/** What our encoder writes: representations, size updates, and that it never falls out of step. */
import { assertEquals, assertThrows } from "@std/assert";
import { ByteWriter } from "../bytes.ts";
import { encodeStateless, HpackEncoder } from "./encoder.ts";
import { decoderOf, encoded, hex, toHex } from "./testing.ts";

const CALL = [
  ...[":method", "POST", ":scheme", "http", ":path", "/schedulerproto.Scheduler/AcquireContainer"],
  ...[":authority", "127.0.0.1:10600", "content-type", "application/grpc", "te", "trailers", "user-agent", "mini-faas"],
];

Deno.test("what was sent once is a byte per field the next time", () => {
  const encoder = new HpackEncoder();
  const decoder = decoderOf();
  assertEquals(decoder.decode(encoded(encoder, CALL)), CALL);
  const again = encoded(encoder, CALL);
  assertEquals(again.length, CALL.length / 2);
  assertEquals(decoder.decode(again), CALL);
});

Deno.test("5.2: Huffman code is used where it is shorter only", () => {
  // "a" takes 5 bits, so one byte either way; "~" 13 bits; "aaaaaaaa" 5 bytes.
  assertEquals(toHex(encodeStateless(["x~", "a"])), toHex(hex("00 02787e 0161")));
  assertEquals(toHex(encodeStateless(["x~", "aaaaaaaa"])), toHex(hex("00 02787e 85 18c6318c63")));
});

Deno.test("6.2.3: secrets are never indexed, and say so to whoever passes them on", () => {
  for (const name of ["authorization", "proxy-authorization", "cookie", "set-cookie"]) {
    const encoder = new HpackEncoder();
    const first = encoded(encoder, [name, "Bearer s3cret"]);
    assertEquals(first[0] & 0xf0, 0x10, name);
    assertEquals(encoded(encoder, [name, "Bearer s3cret"]), first, "no entry was made");
    assertEquals(encodeStateless([name, "Bearer s3cret"]), first);
  }
});

Deno.test("6.2.2: what changes from call to call is not indexed", () => {
  for (const name of ["grpc-timeout", "content-length", "grpc-status-details-bin", "x-trace-bin"]) {
    const encoder = new HpackEncoder();
    const first = encoded(encoder, [name, "12345"]);
    assertEquals(first[0] & 0xf0, 0x00, name);
    assertEquals(encoded(encoder, [name, "12345"]), first, "no entry was made");
  }
});

Deno.test("a field too large for its part of the table is not indexed", () => {
  const encoder = new HpackEncoder();
  const decoder = decoderOf();
  const fields = ["x-large", "v".repeat(2000)];
  for (let i = 0; i < 2; i++) {
    assertEquals(decoder.decode(encoded(encoder, fields)), fields);
    assertEquals(decoder.table.fields, []);
  }
});

Deno.test("4.2: a smaller setting is answered by a size update before the next field", () => {
  const encoder = new HpackEncoder();
  encoded(encoder, CALL);
  encoder.setTableBytesMax(0);
  assertEquals(toHex(encoded(encoder, [":method", "GET"])), "2082");
  assertEquals(toHex(encoded(encoder, [":method", "GET"])), "82", "once");
});

Deno.test("4.2: of several settings the smallest and the last are told", () => {
  const encoder = new HpackEncoder();
  const decoder = decoderOf();
  decoder.decode(encoded(encoder, CALL));
  for (const bytes of [1000, 64, 0, 200, 300]) encoder.setTableBytesMax(bytes);
  const block = encoded(encoder, [":method", "GET"]);
  assertEquals(toHex(block), toHex(hex("20 3f8d02 82")));
  assertEquals(decoder.decode(block), [":method", "GET"]);
  assertEquals(decoder.table, { fields: [], bytes: 0, bytesMax: 300 });
});

Deno.test("4.2: down and up again between two blocks is told, for the peer has evicted", () => {
  const encoder = new HpackEncoder();
  const decoder = decoderOf();
  decoder.decode(encoded(encoder, CALL));
  encoder.setTableBytesMax(0);
  encoder.setTableBytesMax(4096);
  const block = encoded(encoder, CALL);
  assertEquals(toHex(block.subarray(0, 4)), "203fe11f");
  assertEquals(decoder.decode(block), CALL);
});

Deno.test("a table larger than ours is allowed and not used", () => {
  const encoder = new HpackEncoder();
  encoder.setTableBytesMax(2 ** 32 - 1);
  assertEquals(toHex(encoded(encoder, [":method", "GET"])), "82");
});

Deno.test("a stateless block is the same on every connection, and changes no table", () => {
  const block = encodeStateless(CALL);
  const decoder = decoderOf();
  assertEquals(decoder.decode(block), CALL);
  assertEquals(decoder.decode(block), CALL);
  assertEquals(decoder.table.fields, []);
});

Deno.test("4.2: the size update that is owed comes before a stateless block too", () => {
  const encoder = new HpackEncoder();
  encoder.setTableBytesMax(100);
  const block = encodeStateless([":status", "200"]);
  assertEquals(toHex(encoded(encoder, block)), toHex(hex("3f45 88")));
  assertEquals(toHex(encoded(encoder, block)), "88");
});

Deno.test("a character above U+00FF is refused, nothing is appended, and the tables stay in step", () => {
  const encoder = new HpackEncoder();
  const decoder = decoderOf();
  decoder.decode(encoded(encoder, CALL));
  encoder.setTableBytesMax(2000);
  const out = new ByteWriter();
  out.byte(0xaa);
  assertThrows(() => encoder.encode(["x-new", "1", "x-bad", "snow \u2603"], out), RangeError, "above U+00FF");
  assertEquals(toHex(out.view()), "aa");
  const fields = ["x-new", "1", ...CALL];
  for (let i = 0; i < 2; i++) assertEquals(decoder.decode(encoded(encoder, fields)), fields);
  assertEquals(decoder.table.bytesMax, 2000);
  assertThrows(() => encodeStateless(["x-bad", "\u0100"]), RangeError);
});

Deno.test("octets above 0x7f come through as they are", () => {
  const value = String.fromCharCode(...Array.from({ length: 256 }, (_, i) => i));
  assertEquals(decoderOf().decode(encodeStateless(["x", value])), ["x", value]);
});
