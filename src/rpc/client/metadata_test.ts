import { assertEquals, assertThrows } from "@std/assert";
import { PlatformError } from "../../base/mod.ts";
import { addToHeaders, fieldOf, fieldsOf, timeoutOf } from "./metadata.ts";

Deno.test("a caller's headers become fields; what is the transport's own is left out", () => {
  const header = { "X-Trace": "1", "key-bin": "AAE", "content-type": "text/html", te: "gzip", "grpc-timeout": "1m" };
  assertEquals(fieldsOf(header, false), ["key-bin", "AAE", "x-trace", "1"]);
  assertEquals(fieldsOf([["a", "1"], ["a", "2"]], false), ["a", "1, 2"]);
  assertEquals(fieldsOf({ authorization: "mine" }, false), ["authorization", "mine"]);
  assertEquals(fieldsOf({ authorization: "mine" }, true), []);
});

Deno.test("headers that HTTP/2 has no place for are refused by name", () => {
  for (const name of ["connection", "Host", "transfer-encoding", "upgrade", "keep-alive", "proxy-connection"]) {
    const error = assertThrows(() => fieldsOf({ [name]: "x" }, false), PlatformError);
    assertEquals(error.message, `headers is "${name.toLowerCase()}", must be a header that HTTP/2 allows`);
  }
});

Deno.test("fields become headers without the pseudo-headers", () => {
  const headers = addToHeaders(new Headers({ x: "0" }), [":status", "200", "x", "1", "x", "2", "y-bin", "AA"]);
  assertEquals([...headers], [["x", "0, 1, 2"], ["y-bin", "AA"]]);
  assertEquals(fieldOf(["a", "1", "b", "2", "a", "3"], "a"), "3");
  assertEquals(fieldOf(["a", "b"], "b"), undefined);
});

Deno.test("a timeout has eight digits at most and never says less than was meant", () => {
  assertEquals(timeoutOf(250), "250m");
  assertEquals(timeoutOf(0.2), "1m");
  assertEquals(timeoutOf(1.5), "2m");
  assertEquals(timeoutOf(99_999_999), "99999999m");
  assertEquals(timeoutOf(100_000_001), "100001S");
  assertEquals(timeoutOf(99_999_999_001), "1666667M");
  assertEquals(timeoutOf(Number.MAX_SAFE_INTEGER), "99999999H");
});
