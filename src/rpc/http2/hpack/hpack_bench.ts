/**
 * What compression costs per header block: `deno bench -A src/rpc/http2/hpack/hpack_bench.ts`. The request is that of a
 * gRPC client; `warm` blocks are those after the first of a connection.
 */
import { ByteWriter } from "../bytes.ts";
import type { Fields } from "../types.ts";
import { encodeStateless, HpackEncoder } from "./encoder.ts";
import { decoderOf, encoded } from "./testing.ts";

const CALL = [
  ...[":method", "POST", ":scheme", "http", ":path", "/schedulerproto.Scheduler/AcquireContainer"],
  ...[":authority", "127.0.0.1:10600", "content-type", "application/grpc", "user-agent", "grpc-go/1.33.2"],
  ...["te", "trailers"],
];
const TIMEOUT = "999999u";
const SECRET = ["authorization", "Bearer 6bd1f0f7c4a94a6f8a2d1c9e3b5f7a80"];

/** A block as it comes when the same fields came before. */
function warm(fields: Fields): { decode: () => string[] } {
  const encoder = new HpackEncoder();
  const decoder = decoderOf();
  decoder.decode(encoded(encoder, fields));
  const block = encoded(encoder, fields);
  return { decode: () => decoder.decode(block) };
}

const indexed = warm([...CALL, "x-deadline", TIMEOUT]);
Deno.bench("decode: 8 fields, all indexed", { group: "decode" }, () => {
  indexed.decode();
});

const timeout = warm([...CALL, "grpc-timeout", TIMEOUT]);
Deno.bench("decode: 7 indexed, a timeout as a literal seen before", { group: "decode" }, () => {
  timeout.decode();
});

{
  const encoder = new HpackEncoder();
  const decoder = decoderOf();
  const blocks = Array.from({ length: 4096 }, (_, i) => encoded(encoder, [...CALL, "grpc-timeout", `${990_000 + i}u`]));
  decoder.decode(blocks[0]);
  let next = 0;
  Deno.bench("decode: 7 indexed, a new timeout each time", { group: "decode" }, () => {
    next = next % 4095 + 1;
    decoder.decode(blocks[next]);
  });
}

const secret = warm([...CALL, "grpc-timeout", TIMEOUT, ...SECRET]);
Deno.bench("decode: 7 indexed, a timeout and a token", { group: "decode" }, () => {
  secret.decode();
});

const nothing = decoderOf();
const stateless = encodeStateless([...CALL, "grpc-timeout", TIMEOUT]);
Deno.bench("decode: 8 literals seen before", { group: "decode" }, () => {
  nothing.decode(stateless);
});

Deno.bench("decode: the first block of a connection", { group: "decode" }, () => {
  decoderOf().decode(stateless);
});

const out = new ByteWriter();
const encoder = new HpackEncoder();
const fields = [...CALL, "grpc-timeout", TIMEOUT];
encoder.encode(fields, out);
Deno.bench("encode: 7 indexed and a timeout", { group: "encode" }, () => {
  out.clear();
  encoder.encode(fields, out);
});

Deno.bench("encode: stateless", { group: "encode" }, () => {
  encodeStateless(fields);
});

Deno.bench("encode: a stateless block, made before", { group: "encode" }, () => {
  out.clear();
  encoder.encode(stateless, out);
});
