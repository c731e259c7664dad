/** RFC 7541, appendix C: the RFC's own examples, which show the representations, the tables and the Huffman code. */
import { assertEquals } from "@std/assert";
import { ByteWriter } from "../bytes.ts";
import { HpackEncoder } from "./encoder.ts";
import { BlockReader, writeInteger } from "./integer.ts";
import { decoderOf, encoded, hex, toHex } from "./testing.ts";

const INTEGERS: readonly (readonly [section: string, value: number, prefixBits: number, bytes: string])[] = [
  ["C.1.1", 10, 5, "0a"],
  ["C.1.2", 1337, 5, "1f9a0a"],
  ["C.1.3", 42, 8, "2a"],
];

for (const [section, value, prefixBits, bytes] of INTEGERS) {
  Deno.test(`${section}: ${value} with a prefix of ${prefixBits} bits`, () => {
    const prefixMax = 2 ** prefixBits - 1;
    const out = new ByteWriter();
    writeInteger(out, 0, prefixMax, value);
    assertEquals(toHex(out.view()), bytes);
    const reader = new BlockReader();
    reader.bytes = hex(bytes);
    reader.at = 1;
    assertEquals(reader.integer(reader.bytes[0], prefixMax), value);
    assertEquals(reader.at, reader.bytes.length);
  });
}

const SINGLE: readonly (readonly [section: string, block: string, fields: string[], table: string[]])[] = [
  [
    "C.2.1: literal with indexing",
    "400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572",
    ["custom-key", "custom-header"],
    ["custom-key", "custom-header"],
  ],
  ["C.2.2: literal without indexing", "040c 2f73 616d 706c 652f 7061 7468", [":path", "/sample/path"], []],
  ["C.2.3: literal never indexed", "1008 7061 7373 776f 7264 0673 6563 7265 74", ["password", "secret"], []],
  ["C.2.4: indexed", "82", [":method", "GET"], []],
];

for (const [section, block, fields, table] of SINGLE) {
  Deno.test(section, () => {
    const decoder = decoderOf();
    assertEquals(decoder.decode(hex(block)), fields);
    assertEquals(decoder.table.fields, table);
  });
}

interface Step {
  readonly plain: string;
  readonly huffman: string;
  readonly fields: string[];
  readonly table: string[];
  readonly tableBytes: number;
}

const AUTHORITY = [":authority", "www.example.com"];
const NO_CACHE = ["cache-control", "no-cache"];
const CUSTOM = ["custom-key", "custom-value"];

const REQUESTS: readonly Step[] = [
  {
    plain: "8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d",
    huffman: "8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff",
    fields: [":method", "GET", ":scheme", "http", ":path", "/", ...AUTHORITY],
    table: AUTHORITY,
    tableBytes: 57,
  },
  {
    plain: "8286 84be 5808 6e6f 2d63 6163 6865",
    huffman: "8286 84be 5886 a8eb 1064 9cbf",
    fields: [":method", "GET", ":scheme", "http", ":path", "/", ...AUTHORITY, ...NO_CACHE],
    table: [...NO_CACHE, ...AUTHORITY],
    tableBytes: 110,
  },
  {
    plain: "8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65",
    huffman: "8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf",
    fields: [":method", "GET", ":scheme", "https", ":path", "/index.html", ...AUTHORITY, ...CUSTOM],
    table: [...CUSTOM, ...NO_CACHE, ...AUTHORITY],
    tableBytes: 164,
  },
];

const PRIVATE = ["cache-control", "private"];
const DATE_21 = ["date", "Mon, 21 Oct 2013 20:13:21 GMT"];
const DATE_22 = ["date", "Mon, 21 Oct 2013 20:13:22 GMT"];
const LOCATION = ["location", "https://www.example.com"];
const GZIP = ["content-encoding", "gzip"];
const COOKIE = ["set-cookie", "foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1"];

const RESPONSES: readonly Step[] = [
  {
    plain: `4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3120
      474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d`,
    huffman: `4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d 29ad
      1718 63c7 8f0b 97c8 e9ae 82ae 43d3`,
    fields: [":status", "302", ...PRIVATE, ...DATE_21, ...LOCATION],
    table: [...LOCATION, ...DATE_21, ...PRIVATE, ":status", "302"],
    tableBytes: 222,
  },
  {
    plain: "4803 3330 37c1 c0bf",
    huffman: "4883 640e ffc1 c0bf",
    fields: [":status", "307", ...PRIVATE, ...DATE_21, ...LOCATION],
    table: [":status", "307", ...LOCATION, ...DATE_21, ...PRIVATE],
    tableBytes: 222,
  },
  {
    plain: `88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738
      666f 6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630
      303b 2076 6572 7369 6f6e 3d31`,
    huffman: `88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7
      b335 dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07`,
    fields: [":status", "200", ...PRIVATE, ...DATE_22, ...LOCATION, ...GZIP, ...COOKIE],
    table: [...COOKIE, ...GZIP, ...DATE_22],
    tableBytes: 215,
  },
];

const EVICTING_TABLE_BYTES = 256;

for (const coding of ["plain", "huffman"] as const) {
  Deno.test(`${coding === "plain" ? "C.3" : "C.4"}: requests, ${coding}`, () => {
    const decoder = decoderOf();
    for (const step of REQUESTS) {
      assertEquals(decoder.decode(hex(step[coding])), step.fields);
      assertEquals(decoder.table, { fields: step.table, bytes: step.tableBytes, bytesMax: 4096 });
    }
  });

  Deno.test(`${coding === "plain" ? "C.5" : "C.6"}: responses that evict from 256 bytes, ${coding}`, () => {
    const decoder = decoderOf();
    decoder.decode(hex("3fe1 01"));
    for (const step of RESPONSES) {
      assertEquals(decoder.decode(hex(step[coding])), step.fields);
      assertEquals(decoder.table, { fields: step.table, bytes: step.tableBytes, bytesMax: EVICTING_TABLE_BYTES });
    }
  });
}

Deno.test("C.4: our encoder writes the requests as the RFC does", () => {
  const encoder = new HpackEncoder();
  for (const step of REQUESTS) assertEquals(toHex(encoded(encoder, step.fields)), toHex(hex(step.huffman)));
});
