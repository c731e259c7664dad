/** The short way to and from the wire against protobuf-es, over the message types of this repository's services. */
import { assert, assertEquals } from "@std/assert";
import { create, type DescFile, type DescMessage, fromBinary, type Message, toBinary } from "@bufbuild/protobuf";
import { type DescField, ScalarType } from "@bufbuild/protobuf";
import fc from "fast-check";
import { file_apiserverproto_apiserver } from "../../../gen/apiserverproto/apiserver_pb.ts";
import { file_google_rpc_error_details } from "../../../gen/google/rpc/error_details_pb.ts";
import { file_grpc_health_v1_health } from "../../../gen/grpc/health/v1/health_pb.ts";
import { file_grpc_reflection_v1_reflection } from "../../../gen/grpc/reflection/v1/reflection_pb.ts";
import { file_minifaas_admin_v1_cluster } from "../../../gen/minifaas/admin/v1/cluster_pb.ts";
import { file_minifaas_admin_v1_function } from "../../../gen/minifaas/admin/v1/function_pb.ts";
import { file_minifaas_node_v1_node } from "../../../gen/minifaas/node/v1/node_pb.ts";
import { file_nodeservoceproto_nodeservice } from "../../../gen/nodeservoceproto/nodeservice_pb.ts";
import { file_resourcemanagerproto_resourcemanager } from "../../../gen/resourcemanagerproto/resourcemanager_pb.ts";
import {
  AcquireContainerReplySchema,
  AcquireContainerRequestSchema,
  file_schedulerproto_scheduler,
  ReturnContainerReplySchema,
  ReturnContainerRequestSchema,
} from "../../../gen/schedulerproto/scheduler_pb.ts";
import { plainDecoder } from "./plain_decode.ts";
import { plainEncoder } from "./plain_encode.ts";

const FILES: DescFile[] = [
  file_schedulerproto_scheduler,
  file_apiserverproto_apiserver,
  file_minifaas_admin_v1_cluster,
  file_nodeservoceproto_nodeservice,
  file_resourcemanagerproto_resourcemanager,
  file_google_rpc_error_details,
  file_grpc_health_v1_health,
  file_grpc_reflection_v1_reflection,
  file_minifaas_admin_v1_function,
  file_minifaas_node_v1_node,
];
const TYPES = FILES.flatMap((file) => file.messages).filter((desc) => plainDecoder(desc) !== undefined);

/** Longer ones are left to protobuf-es. */
const ORDINARY_BYTES_MAX = 1000;

Deno.test("what an acquire and a return say goes the short way", () => {
  for (
    const desc of [
      AcquireContainerRequestSchema,
      AcquireContainerReplySchema,
      ReturnContainerRequestSchema,
      ReturnContainerReplySchema,
    ]
  ) {
    assert(plainDecoder(desc) && plainEncoder(desc), desc.typeName);
  }
});

for (const desc of TYPES) {
  const decode = plainDecoder(desc)!, encode = plainEncoder(desc)!;

  Deno.test(`${desc.typeName}: ordinary values go the short way both ways, and as protobuf-es takes them`, () => {
    fc.assert(fc.property(message(desc, ORDINARY), (init) => {
      const expected = toBinary(desc, create(desc, init as never));
      fc.pre(expected.length < ORDINARY_BYTES_MAX);
      const frame = encode(init);
      assertEquals(frame, framed(expected));
      assertEquals(encode(create(desc, init as never)), framed(expected));
      const decoded = decode(frame!, 5);
      assertEquals(decoded, fromBinary(desc, expected));
      assertEquals(Object.keys(decoded!), Object.keys(fromBinary(desc, expected)));
    }));
  });

  Deno.test(`${desc.typeName}: any values are written as protobuf-es writes them, or left to it`, () => {
    fc.assert(fc.property(message(desc, ANY), (init) => {
      const frame = encode(init);
      if (frame !== undefined) assertEquals(frame, framed(toBinary(desc, create(desc, init as never))));
    }));
  });

  Deno.test(`${desc.typeName}: bytes of all kinds are read as protobuf-es reads them, or left to it`, () => {
    fc.assert(
      fc.property(spoiled(message(desc, ANY).map((init) => toBinary(desc, create(desc, init as never)))), (bytes) => {
        const decoded = decode(bytes, 0);
        if (decoded !== undefined) assertEquals<Message>(decoded, fromBinary(desc, bytes));
      }),
      { numRuns: 300 },
    );
  });
}

Deno.test("what is no plain message is left to protobuf-es", () => {
  const decode = plainDecoder(AcquireContainerRequestSchema)!, encode = plainEncoder(AcquireContainerReplySchema)!;
  const unread: Record<string, number[]> = {
    "an unknown field": [0x28, 1],
    "a known field in another wire type": [0x08, 1],
    "a truncated tag": [0x80],
    "a truncated string": [0x0a, 2, 0x61],
    "text that is not ASCII": [0x0a, 2, 0xc3, 0xa9],
    "a second occurrence of a message, which is merged": [0x22, 0, 0x22, 0],
    "a field that reaches past the message it is in": [0x22, 2, 0x1a, 1, 0x61],
  };
  for (const [what, bytes] of Object.entries(unread)) assertEquals(decode(new Uint8Array(bytes), 0), undefined, what);
  const unwritten: Record<string, unknown> = {
    "nothing": undefined,
    "null": null,
    "a text": "x",
    "a number that should be a bigint": { nodeServicePort: 1 },
    "a negative number": { nodeServicePort: -1n },
    "text that is not ASCII": { nodeId: "é" },
    "another message": create(ReturnContainerReplySchema),
    "unknown fields": { $unknown: [] },
    "a text of the largest size": { nodeId: "x".repeat(1024) },
  };
  for (const [what, answer] of Object.entries(unwritten)) assertEquals(encode(answer), undefined, what);
});

Deno.test("the last occurrence of a value counts", () => {
  const decode = plainDecoder(ReturnContainerRequestSchema)!;
  const bytes = new Uint8Array([0x0a, 1, 0x61, 0x0a, 1, 0x62, 0x18, 5, 0x18, 0]);
  assertEquals(decode(bytes, 0), create(ReturnContainerRequestSchema, { requestId: "b" }));
});

Deno.test("a message that was written stays as it is whatever is written or given up later", () => {
  const encode = plainEncoder(AcquireContainerReplySchema)!;
  const written = Array.from({ length: 200 }, (_, n) => {
    const frame = encode({ nodeId: `n${n}`, containerId: "c".repeat(n) })!;
    assertEquals(encode({ nodeId: "given up", containerId: "ü" }), undefined);
    return frame;
  });
  written.forEach((frame, n) => {
    const { nodeId, containerId } = fromBinary(AcquireContainerReplySchema, frame.subarray(5));
    assertEquals([nodeId, containerId], [`n${n}`, "c".repeat(n)]);
  });
});

interface Values {
  readonly text: fc.Arbitrary<string>;
  readonly int: (signed: boolean) => fc.Arbitrary<number>;
  readonly bigint: (signed: boolean) => fc.Arbitrary<bigint>;
  readonly items: number;
}

const ORDINARY: Values = {
  text: fc.string({ unit: "binary-ascii", maxLength: 20 }),
  int: () => fc.nat(),
  bigint: () => fc.bigInt(0n, BigInt(2 ** 49 - 1)),
  items: 2,
};
const ANY: Values = {
  text: fc.oneof(fc.string({ unit: "binary" }), fc.string({ unit: "binary-ascii", maxLength: 400 })),
  int: (signed) => signed ? fc.integer() : fc.nat(0xffffffff),
  bigint: (signed) => signed ? fc.bigInt(-(1n << 63n), (1n << 63n) - 1n) : fc.bigInt(0n, (1n << 64n) - 1n),
  items: 5,
};

/** A message as a handler answers with it: fields that are not set are left out. */
function message(desc: DescMessage, values: Values): fc.Arbitrary<Record<string, unknown>> {
  const fields = desc.fields.map((field) => [field.localName, valueOf(field, values)] as const);
  return fc.record(Object.fromEntries(fields), { requiredKeys: [] }).map((record) => ({ ...record }));
}

function valueOf(field: DescField, values: Values): fc.Arbitrary<unknown> {
  const one = field.message
    ? message(field.message, values)
    : field.fieldKind === "enum"
    ? values.int(true)
    : scalar(field.scalar!, values);
  return field.fieldKind === "list" ? fc.array(one, { maxLength: values.items }) : one;
}

function scalar(type: ScalarType, { text, int, bigint }: Values): fc.Arbitrary<unknown> {
  switch (type) {
    case ScalarType.STRING:
      return text;
    case ScalarType.BOOL:
      return fc.boolean();
    case ScalarType.INT32:
    case ScalarType.UINT32:
      return int(type === ScalarType.INT32);
    case ScalarType.INT64:
    case ScalarType.UINT64:
      return bigint(type === ScalarType.INT64);
    default:
      throw new Error(`no plain field is of type ${ScalarType[type]}`);
  }
}

/** Bytes as they are, cut, with one changed or something between, and two messages as one. */
function spoiled(whole: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> {
  const at = (bytes: Uint8Array, place: number) => place % (bytes.length + 1);
  return fc.oneof(
    whole,
    fc.tuple(whole, fc.nat()).map(([bytes, place]) => bytes.slice(0, at(bytes, place))),
    fc.tuple(whole, fc.nat(), fc.nat(255)).map(([bytes, place, byte]) =>
      bytes.map((old, i) => i === place % bytes.length ? byte : old)
    ),
    fc.tuple(whole, fc.nat(), fc.uint8Array({ maxLength: 6 })).map(([bytes, place, more]) =>
      joined(bytes.slice(0, at(bytes, place)), more, bytes.slice(at(bytes, place)))
    ),
    fc.tuple(whole, whole).map(([one, other]) => joined(one, other)),
    fc.uint8Array({ maxLength: 30 }),
  );
}

function joined(...parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(parts.flatMap((part) => [...part]));
}

function framed(message: Uint8Array): Uint8Array {
  const prefix = new Uint8Array(5);
  new DataView(prefix.buffer).setUint32(1, message.length);
  return joined(prefix, message);
}
