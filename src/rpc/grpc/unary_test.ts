import { assertEquals } from "@std/assert";
import type { HandlerContext } from "@connectrpc/connect";
import { Log, ManualClock, PlatformError } from "../../base/mod.ts";
import { Scheduler } from "../../../gen/schedulerproto/scheduler_pb.ts";
import { ErrorCode, type Fields, type HeaderBlock, type Stream, type StreamReceiver } from "../http2/types.ts";
import { PartialMessages } from "./partial_messages.ts";
import { readHead } from "./request_head.ts";
import { UnaryCalls } from "./unary.ts";

/** A stream in memory: what was sent on it, and what was given back to its windows. */
class MemoryStream implements Stream {
  readonly id = 1;
  readonly closed = false;
  readonly queuedBytes = 0;
  receiver!: StreamReceiver;
  readonly sent: string[] = [];
  consumed = 0;
  sendHeaders(block: HeaderBlock, endStream: boolean): void {
    this.sent.push(endStream ? `only ${statusOf(block)}` : "headers");
  }
  sendData(bytes: Uint8Array): boolean {
    this.sent.push(`data ${bytes.length}`);
    return true;
  }
  sendTrailers(): void {
    this.sent.push("trailers");
  }
  reset(code: number): void {
    this.sent.push(`reset ${code}`);
  }
  consume(bytes: number): void {
    this.consumed += bytes;
  }
}

function statusOf(block: HeaderBlock): string {
  return block instanceof Uint8Array ? "encoded" : block[block.indexOf("grpc-status") + 1];
}

const EMPTY = new Uint8Array(5);

/** A call of `handler` that is about to get its message. */
function begin(handler: (request: unknown, context: HandlerContext) => unknown, ...more: string[]) {
  const clock = new ManualClock();
  const cut = new AbortController();
  const lines: string[] = [];
  const log = new Log({ service: "test", level: "error", write: (line) => lines.push(JSON.parse(line).text), clock });
  const calls = new UnaryCalls({ authorize: () => {}, cut: () => cut.signal, log, clock });
  calls.add(Scheduler.method.returnContainer, handler, undefined);
  const path = "/schedulerproto.Scheduler/ReturnContainer";
  const fields: Fields = [
    ":method",
    "POST",
    ":scheme",
    "http",
    ":path",
    path,
    "content-type",
    "application/grpc",
    ...more,
  ];
  const stream = new MemoryStream();
  assertEquals(calls.take(stream, readHead(fields), fields, false, new PartialMessages()), true);
  return { stream, calls, clock, cut, lines, send: () => stream.receiver.onData(EMPTY, true) };
}

const ANSWER = ["headers", "data 5", "trailers"];

Deno.test("a handler that returns is answered within the turn, one that promises after it", async () => {
  const now = begin(() => ({}));
  now.send();
  assertEquals([now.stream.sent, now.stream.consumed], [ANSWER, 5]);

  const later = begin(() => Promise.resolve({}));
  later.send();
  assertEquals([later.stream.sent, later.calls.running], [[], 1]);
  await later.clock.advance(0);
  assertEquals([later.stream.sent, later.calls.running], [ANSWER, 0]);
});

Deno.test("errors go out in one block, expected ones unlogged, others logged", () => {
  const expected = begin(() => {
    throw new PlatformError("not_found", "nothing");
  });
  expected.send();
  assertEquals([expected.stream.sent, expected.lines], [["only 5"], []]);
  const unexpected = begin(() => {
    throw new TypeError("a bug");
  });
  unexpected.send();
  assertEquals([unexpected.stream.sent, unexpected.lines], [["only 13"], ["a handler failed"]]);
});

Deno.test("a deadline aborts the signal, leaves the handler a moment for its own words, then answers", async () => {
  let signal: AbortSignal | undefined;
  const call = begin(
    (_, context) => {
      signal = context.signal;
      assertEquals(context.timeoutMs(), 1_000);
      return new Promise(() => {});
    },
    "grpc-timeout",
    "1S",
  );
  call.send();
  await call.clock.advance(1_050);
  assertEquals([signal!.aborted, call.stream.sent], [true, []]);
  await call.clock.advance(200);
  assertEquals([call.stream.sent, call.calls.running, call.calls.deadlines.size], [["only 4"], 0, 0]);
  await call.clock.advance(100);
  assertEquals(call.clock.pending, 0, "no timer is left");
});

Deno.test("a deadline ends a call whose message never comes", async () => {
  const call = begin(() => ({}), "grpc-timeout", "100m");
  await call.clock.advance(200);
  assertEquals(call.stream.sent, ["only 4"]);
});

Deno.test("a caller that leaves aborts the signal, made before or after, and is sent nothing", async () => {
  for (const early of [true, false]) {
    const go = Promise.withResolvers<object>();
    let context: HandlerContext | undefined;
    const call = begin((_, found) => {
      context = found;
      if (early) context.signal;
      return go.promise;
    });
    call.send();
    call.stream.receiver.onReset(ErrorCode.CANCEL, "");
    assertEquals(context!.signal.aborted, true);
    assertEquals(context!.signal.reason.message, "[canceled] http/2 stream closed with error code CANCEL (0x8)");
    go.resolve({});
    await call.clock.advance(0);
    assertEquals([call.stream.sent, call.calls.running], [[], 0]);
  }
});

Deno.test("a server that must end answers what still runs, and begins with nothing more", () => {
  const call = begin(() => new Promise(() => {}));
  call.send();
  call.cut.abort(new PlatformError("unavailable", "closing"));
  assertEquals([call.stream.sent, call.calls.running], [["only 14"], 0]);
  let begun = false;
  const late = begin(() => begun = true);
  late.cut.abort(new PlatformError("unavailable", "closing"));
  late.send();
  assertEquals([late.stream.sent, begun], [["only 14"], false]);
});
