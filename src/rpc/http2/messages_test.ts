/** What is right about messages; what is malformed is in hostile_test.ts (requests) and client_test.ts (answers). */
import { assertEquals, assertThrows } from "@std/assert";
import { MalformedMessage } from "./faults.ts";
import { checkAnswer, checkRequest, checkTrailers, LENGTH_UNKNOWN } from "./messages.ts";

const REQUEST = [":method", "POST", ":scheme", "http", ":path", "/a?b=c", ":authority", "h:1"];

Deno.test("8.3.1: requests that are right, and their content-length", () => {
  assertEquals(checkRequest(REQUEST), LENGTH_UNKNOWN);
  assertEquals(checkRequest([...REQUEST, "content-length", "0"]), 0);
  assertEquals(checkRequest([...REQUEST, "content-length", "007", "content-length", "7"]), 7);
  assertEquals(checkRequest([":method", "GET", ":scheme", "https", ":path", "/", "host", "h"]), LENGTH_UNKNOWN);
  assertEquals(
    checkRequest([":path", "*", ":scheme", "http", ":method", "OPTIONS", ":authority", "h"]),
    LENGTH_UNKNOWN,
  );
});

Deno.test("8.5: CONNECT has an authority and nothing else", () => {
  assertEquals(checkRequest([":method", "CONNECT", ":authority", "h:443"]), LENGTH_UNKNOWN);
});

Deno.test("8.2: fields that are right: te trailers, host the same as :authority, empty values, bytes above 0x7f", () => {
  checkRequest([...REQUEST, "te", "trailers", "host", "H:1", "x-empty", "", "x-bytes", "\xff\x80", "x-tab", "a\tb c"]);
});

Deno.test("8.2.1: a content-length longer than any body is not a number to us", () => {
  const fields = [...REQUEST, "content-length", "9".repeat(16)];
  assertThrows(() => checkRequest(fields), MalformedMessage, "content-length");
});

Deno.test("8.3.2: answers: status and content-length", () => {
  assertEquals(checkAnswer([":status", "200"]), { status: 200, contentLength: LENGTH_UNKNOWN });
  assertEquals(checkAnswer([":status", "103", "link", "</a>"]), { status: 103, contentLength: LENGTH_UNKNOWN });
  assertEquals(checkAnswer([":status", "404", "content-length", "12"]), { status: 404, contentLength: 12 });
  assertThrows(() => checkAnswer([]), MalformedMessage, ":status");
  assertThrows(() => checkAnswer([":status", "099"]), MalformedMessage, ":status");
});

Deno.test("8.1: trailers have no pseudo-headers; a blank at the end is let pass in answers only", () => {
  checkTrailers(["grpc-status", "0"], true);
  checkTrailers(["grpc-message", "oh "], false);
  assertThrows(() => checkTrailers(["grpc-message", "oh "], true), MalformedMessage, "blank");
  assertThrows(() => checkTrailers([":status", "200"], false), MalformedMessage, "pseudo-header");
});

Deno.test("messages: what is quoted of the peer's words is short and on one line", () => {
  const error = assertThrows(() => checkRequest([...REQUEST, `a\n${"b".repeat(1000)}`, ""]), MalformedMessage);
  assertEquals([error.message.length < 120, error.message.includes("\n")], [true, false]);
});
