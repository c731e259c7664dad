import { assert, assertEquals } from "@std/assert";
import { create } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import type { ConnectError } from "@connectrpc/connect";
import { setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import { PlatformError } from "../../base/mod.ts";
import { RetryInfoSchema } from "../../../gen/google/rpc/error_details_pb.ts";
import { toConnectError } from "../errors.ts";
import { ErrorCode, type Fields } from "../http2/mod.ts";
import { decodeMessage, errorOfEnd, errorOfHead, errorOfReset, isInformational } from "./status.ts";
import { OK_HEAD } from "./testing.ts";

const PEER = "peer:1";

Deno.test("an HTTP status without a gRPC status has gRPC's code for it", () => {
  const codes = { 400: "internal", 401: "unauthenticated", 403: "permission_denied", 404: "unimplemented" };
  const more = { 429: "unavailable", 502: "unavailable", 503: "unavailable", 504: "unavailable", 500: "unknown" };
  for (const [status, code] of Object.entries({ ...codes, ...more, 302: "unknown", 204: "unknown" })) {
    for (const isEnd of [false, true]) {
      const error = errorOfHead([":status", status, "content-type", "text/html"], isEnd, PEER);
      assertEquals(error?.code, code, status);
      assertEquals(error?.message, `peer:1 answered with HTTP status ${status}, without a gRPC status`);
    }
  }
});

Deno.test("a gRPC status wins over the HTTP status", () => {
  const fields: Fields = [":status", "503", "content-type", "application/grpc", "grpc-status", "5"];
  assertEquals(errorOfHead(fields, true, PEER), undefined);
  assertEquals(errorOfEnd(fields, fields, PEER)?.code, "not_found");
});

Deno.test("an answer that is no gRPC is told by its content-type", () => {
  const head = (type: string): Fields => [":status", "200", "content-type", type];
  for (const type of ["application/grpc", "application/grpc+proto", "Application/GRPC; x=y"]) {
    assertEquals(errorOfHead(head(type), false, PEER), undefined);
  }
  assertEquals(errorOfHead(head("text/html"), false, PEER)?.code, "unknown");
  assertEquals(errorOfHead(head("application/grpc-web"), false, PEER)?.code, "internal");
  assertEquals(errorOfHead(head("application/grpc+json"), false, PEER)?.code, "internal");
  const missing = errorOfHead([":status", "200"], false, PEER);
  assertEquals(missing?.message, "the content-type of peer:1's answer is missing, must be application/grpc");
});

Deno.test("informational answers are told from the real one", () => {
  assert(isInformational([":status", "103", "link", "x"]));
  assert(!isInformational(OK_HEAD));
});

Deno.test("trailers: success, an error with all that a PlatformError has, none, nonsense", () => {
  assertEquals(errorOfEnd(["grpc-status", "0"], OK_HEAD, PEER), undefined);
  const sent = new PlatformError("resource_exhausted", "full: 100 % – später", {
    retryAfterMs: 1_234,
    failure: "output_limit",
  });
  const trailer = new Headers();
  setTrailerStatus(trailer, toConnectError(sent));
  const error = errorOfEnd([...trailer].flat(), OK_HEAD, PEER)!;
  assertEquals([error.code, error.message, error.retryAfterMs, error.failure], [
    "resource_exhausted",
    "full: 100 % – später",
    1_234,
    "output_limit",
  ]);
  const missing = errorOfEnd(["x", "y"], OK_HEAD, PEER);
  assertEquals([missing?.code, missing?.message], ["internal", "the answer of peer:1 ended without a grpc-status"]);
  for (const status of ["17", "-1", "abc", "", "1e1"]) {
    assertEquals(errorOfEnd(["grpc-status", status], OK_HEAD, PEER)?.code, "unknown", status);
  }
});

Deno.test("details and metadata of an error are there for those who look", () => {
  const value = create(RetryInfoSchema, { retryDelay: { seconds: 3n } });
  // google.rpc.Status: 1 code, 2 message, 3 details.
  const detail = anyPackBytes(value);
  const status = new Uint8Array([0x08, 14, 0x12, 1, 0x78, 0x1a, detail.length, ...detail]);
  const end = ["grpc-status", "14", "grpc-message", "x", "x-who", "me", "grpc-status-details-bin", status.toBase64()];
  const error = errorOfEnd(end, [...OK_HEAD, "x-head", "1"], PEER)!;
  const cause = error.cause as ConnectError;
  assertEquals(cause.findDetails(RetryInfoSchema)[0].retryDelay?.seconds, 3n);
  assertEquals([cause.metadata.get("x-who"), cause.metadata.get("x-head")], ["me", "1"]);
  assertEquals([error.code, error.message, error.retryAfterMs], ["unavailable", "x", 3_000]);
});

Deno.test("details that cannot be read do not hide code and message", () => {
  for (const value of ["%%%", "AAAA", "CAg"]) {
    const end = ["grpc-status", "8", "grpc-message", "full", "grpc-status-details-bin", value];
    const error = errorOfEnd(end, OK_HEAD, PEER)!;
    assertEquals([error.code, error.message], ["resource_exhausted", "full"]);
  }
});

Deno.test("grpc-message is percent-encoded UTF-8, and what is not well encoded stays", () => {
  assertEquals(decodeMessage("plain"), "plain");
  assertEquals(decodeMessage("100%25 sp%C3%A4ter%0Aline"), "100% später\nline");
  assertEquals(decodeMessage("100% sp%C3%A4ter"), "100% später");
  assertEquals(decodeMessage("%FF%zz"), "\uFFFD%zz");
});

Deno.test("a reset stream has gRPC's code for it", () => {
  const codes = { NO_ERROR: "unavailable", PROTOCOL_ERROR: "internal", REFUSED_STREAM: "unavailable" } as const;
  const more = {
    CANCEL: "cancelled",
    ENHANCE_YOUR_CALM: "resource_exhausted",
    INADEQUATE_SECURITY: "permission_denied",
  };
  for (const [name, code] of Object.entries({ ...codes, ...more })) {
    const error = errorOfReset(ErrorCode[name as keyof typeof ErrorCode], "", PEER);
    assertEquals([error.code, error.message], [code, `the call's stream to peer:1 was reset with ${name}`]);
  }
  assertEquals(errorOfReset(99, "why", PEER).message, "the call's stream to peer:1 was reset with code 99: why");
});

function anyPackBytes(value: ReturnType<typeof create<typeof RetryInfoSchema>>): Uint8Array {
  const { typeUrl, value: bytes } = anyPack(RetryInfoSchema, value);
  const name = new TextEncoder().encode(typeUrl);
  return new Uint8Array([0x0a, name.length, ...name, 0x12, bytes.length, ...bytes]);
}
