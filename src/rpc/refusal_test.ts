import { assertEquals } from "@std/assert";
import { END_STREAM, type Frame, FrameType, RawClient } from "./frames_testing.ts";
import { withServer } from "./testing.ts";

const ACQUIRE = "/schedulerproto.Scheduler/AcquireContainer";

/** Answers that come while the request is still being sent. */
const refusals: [what: string, method: string, path: string, contentType: string][] = [
  ["a content type that is none of ours", "POST", ACQUIRE, "application/x-www-form-urlencoded"],
  ["a method that is none of ours", "PUT", ACQUIRE, "application/json"],
  ["a missing token, for JSON", "POST", ACQUIRE, "application/json"],
  ["a missing token, for gRPC", "POST", ACQUIRE, "application/grpc"],
  ["a missing token, for a plain route", "POST", "/echo", "text/plain"],
  ["a path of nobody, for gRPC", "POST", "/schedulerproto.Scheduler/Nothing", "application/grpc"],
];

for (const [what, method, path, contentType] of refusals) {
  // A reset after the answer is allowed (RFC 9113, 8.1), but curl takes it for a failure and drops the answer.
  Deno.test(`HTTP/2: ${what} is answered before the body's end, and the stream is not reset`, () =>
    withServer({ token: "secret" }, async ({ address }) => {
      const client = new RawClient(address);
      const fields = { ":method": method, ":scheme": "http", ":path": path, ":authority": address };
      client.headers(1, { ...fields, "content-type": contentType }, false);
      const answerEnd = ({ streamId, flags, type }: Frame) =>
        streamId === 1 && type <= FrameType.HEADERS && (flags & END_STREAM) !== 0;
      const answer = await client.until(answerEnd, "the answer's end");
      // Twice, since a reset may be sent a turn later than the answer.
      const before = [...await client.untilPong(), ...await client.untilPong()];
      client.send(FrameType.DATA, 0, 1, new Uint8Array(10_000));
      client.send(FrameType.DATA, END_STREAM, 1, new Uint8Array(10_000));
      const after = await client.untilPong();
      client.close();
      assertEquals(answer.at(-1)?.streamId, 1);
      const resets = [...answer, ...before, ...after].filter(({ type }) => type === FrameType.RST_STREAM);
      assertEquals(resets, []);
    }));
}
