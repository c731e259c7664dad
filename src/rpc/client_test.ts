import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { createClient } from "@connectrpc/connect";
import { ManualClock, MIB, PlatformError } from "../base/mod.ts";
import {
  AcquireContainerReplySchema as Reply,
  AcquireContainerRequestSchema as Request,
  Scheduler,
} from "../../gen/schedulerproto/scheduler_pb.ts";
import { fieldOf } from "./client/metadata.ts";
import { answerWith, type Incoming, type Peer, readMessages, withPeer } from "./client/peer_testing.ts";
import { frameOf, OK_HEAD, OK_TRAILERS } from "./client/testing.ts";
import { type ClientOptions, createClientTransport } from "./client.ts";
import { ErrorCode } from "./http2/mod.ts";
import { errorOf, within, withServer } from "./testing.ts";

const REQUEST = { requestId: "r1" };

/** A scheduler's client, and its end. */
function clientOf(options: ClientOptions) {
  const client = createClientTransport(options);
  return { scheduler: createClient(Scheduler, client.transport), close: () => client.close() };
}

/** Answers an acquire with its own id. */
function echo({ stream }: Incoming): void {
  readMessages(stream, Request, ({ requestId }) => answerWith(stream, Reply, { containerId: requestId }));
}

/** The error of one call to a peer that does `onStream`. */
async function errorFrom(onStream: (incoming: Incoming) => void): Promise<PlatformError> {
  let found: PlatformError | undefined;
  await withPeer({ onStream }, async ({ address }) => {
    const { scheduler, close } = clientOf({ address });
    found = await errorOf(scheduler.acquireContainer(REQUEST), PlatformError);
    close();
  });
  return found!;
}

Deno.test("a server that ends its connection in the middle of a call is unavailable, however it does so", async (t) => {
  const endings: Record<string, (incoming: Incoming) => void> = {
    "the socket is destroyed": ({ connection }) => connection.socket.destroy(),
    "its side is ended": ({ connection }) => connection.socket.end(),
    "a GOAWAY, and the end": ({ connection }) =>
      queueMicrotask(() => connection.http2.close(ErrorCode.NO_ERROR, "bye")),
    "a GOAWAY with an error": ({ connection }) =>
      queueMicrotask(() => connection.http2.close(ErrorCode.INTERNAL_ERROR, "")),
    "the stream is reset for no reason": ({ stream }) => stream.reset(ErrorCode.NO_ERROR),
    "the stream is refused, again and again": ({ stream }) => stream.reset(ErrorCode.REFUSED_STREAM),
    "headers, and then nothing more": ({ stream, connection }) => {
      stream.sendHeaders(OK_HEAD, false);
      queueMicrotask(() => {
        connection.http2.flush();
        connection.socket.end();
      });
    },
    "bytes that are no HTTP/2": ({ connection }) => connection.socket.write("HTTP/1.1 400 Bad Request\r\n\r\n"),
  };
  for (const [name, end] of Object.entries(endings)) {
    await t.step(name, async () => {
      const error = await errorFrom(end);
      assertEquals(error.code, "unavailable", error.message);
    });
  }
});

Deno.test("a peer that cannot be reached is told with the reason, and so is one that speaks something else", async () => {
  const refused = clientOf({ address: "127.0.0.1:1" });
  const error = await errorOf(refused.scheduler.acquireContainer(REQUEST), PlatformError);
  assertMatch(error.message, /^127\.0\.0\.1:1 cannot be reached: .*ECONNREFUSED/);
  refused.close();

  const http1 = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const { scheduler, close } = clientOf({ address: `127.0.0.1:${http1.addr.port}` });
  const call = errorOf(scheduler.acquireContainer(REQUEST), PlatformError);
  const connection = await http1.accept();
  await connection.write(new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n"));
  assertMatch((await call).message, /^127\.0\.0\.1:\d+ cannot be reached: /);
  connection.close();
  http1.close();
  close();
});

Deno.test("addresses and options that are none are told at once", () => {
  for (const address of ["nowhere", "host:", "host:0", "host:65536", "host:1:2", "::1:80", "[::1]"]) {
    const error = assertThrows(() => createClientTransport({ address }), PlatformError);
    assertEquals(error.message, `address is "${address}", must be host:port`);
  }
  for (const address of ["host:1", "127.0.0.1:80", "[::1]:80", "a_b.c-d:65535"]) {
    createClientTransport({ address }).close();
  }
  assertThrows(() => createClientTransport({ address: "host:1", pingAfterMs: 1_000 }), PlatformError, "pingAfterMs");
});

Deno.test("after a restart of the server the next call opens a new connection", () =>
  withServer({}, async ({ edge, listener, address }) => {
    const { scheduler, close } = clientOf({ address });
    await scheduler.acquireContainer(REQUEST);
    await listener.close();
    assertEquals((await errorOf(scheduler.acquireContainer(REQUEST), PlatformError)).code, "unavailable");
    const again = await edge.listen({ hostname: listener.hostname, port: listener.port });
    assertEquals((await scheduler.acquireContainer(REQUEST)).containerId, "r1");
    close();
    await again.close({ graceMs: 0 });
  }));

Deno.test("a deadline may have parts of a millisecond", () =>
  withServer({}, async ({ address }) => {
    const { scheduler, close } = clientOf({ address });
    assertEquals((await scheduler.acquireContainer(REQUEST, { timeoutMs: 5_000 / 3 })).containerId, "r1");
    close();
  }));

Deno.test("a burst of 2,500 calls on one connection ends well", () =>
  withServer({}, async ({ address }) => {
    const { scheduler, close } = clientOf({ address });
    const calls = Array.from({ length: 2_500 }, (_, index) => scheduler.acquireContainer({ requestId: `r${index}` }));
    const replies = await within(Promise.all(calls), "the burst", 60_000);
    assertEquals(replies.every(({ containerId }, index) => containerId === `r${index}`), true);
    close();
  }));

Deno.test("3,000 calls at once, where the peer takes ten at a time: all are answered, on one connection", async () => {
  let open = 0, most = 0;
  const onStream = ({ stream }: Incoming) => {
    most = Math.max(most, ++open);
    readMessages(stream, Request, ({ requestId }) => {
      // Answered in a later turn, so that streams are open at the same time.
      setTimeout(() => {
        open--;
        answerWith(stream, Reply, { containerId: requestId });
      }, 0);
    });
  };
  await withPeer({ limits: { streamsMax: 10 }, onStream }, async (peer) => {
    const { scheduler, close } = clientOf({ address: peer.address });
    const calls = Array.from(
      { length: 3_000 },
      (_, index) => scheduler.acquireContainer({ requestId: `r${index}` }, { timeoutMs: 60_000 }),
    );
    const replies = await within(Promise.all(calls), "the calls", 60_000);
    assertEquals(replies.every(({ containerId }, index) => containerId === `r${index}`), true);
    assertEquals([most, peer.connections.length], [10, 1]);
    close();
  });
});

Deno.test("no call is lost when a peer says goodbye again and again", async () => {
  let served = 0;
  const onStream = (incoming: Incoming) => {
    if (++served % 100 === 0) queueMicrotask(() => incoming.connection.http2.shutdown());
    echo(incoming);
  };
  await withPeer({ onStream }, async (peer) => {
    const { scheduler, close } = clientOf({ address: peer.address });
    let next = 0;
    const caller = async () => {
      while (next < 2_000) {
        const requestId = `r${next++}`;
        assertEquals((await scheduler.acquireContainer({ requestId })).containerId, requestId);
      }
    };
    await within(Promise.all(Array.from({ length: 50 }, caller)), "the calls", 60_000);
    assert(peer.connections.length > 5, `${peer.connections.length} connections`);
    close();
  });
});

Deno.test("a peer that dies under load fails the calls on it and no others", async () => {
  let served = 0;
  const dying = (incoming: Incoming) => {
    if (++served % 200 === 0) incoming.connection.socket.destroy();
    else echo(incoming);
  };
  await withPeer({ onStream: dying }, async (peer) => {
    const { scheduler, close } = clientOf({ address: peer.address });
    const results = { right: 0, unavailable: 0 };
    let next = 0;
    const caller = async () => {
      while (next < 2_000) {
        const requestId = `r${next++}`;
        try {
          assertEquals((await scheduler.acquireContainer({ requestId })).containerId, requestId);
          results.right++;
        } catch (error) {
          assert(error instanceof PlatformError && error.code === "unavailable", String(error));
          results.unavailable++;
        }
      }
    };
    await within(Promise.all(Array.from({ length: 20 }, caller)), "the calls", 60_000);
    assertEquals(results.right + results.unavailable, next);
    assert(results.right > 1_000 && results.unavailable > 0, JSON.stringify(results));
    close();
  });
});

Deno.test("closing ends the connection and the calls on it", async () => {
  const entered = Promise.withResolvers<void>();
  const left = Promise.withResolvers<void>();
  await withServer({
    acquire: (_, { signal }) => {
      entered.resolve();
      signal.addEventListener("abort", () => left.resolve());
      return left.promise;
    },
  }, async ({ address }) => {
    const { scheduler, close } = clientOf({ address });
    const call = errorOf(scheduler.acquireContainer(REQUEST), PlatformError);
    await within(entered.promise, "the handler's start");
    close();
    assertEquals((await call).code, "unavailable");
    await within(left.promise, "the handler's abort");
  });
});

Deno.test("an abort and a deadline reset the stream with CANCEL", async () => {
  const codes: Promise<number>[] = [];
  let entered = Promise.withResolvers<void>();
  const onStream = ({ stream }: Incoming) => {
    const reset = Promise.withResolvers<number>();
    codes.push(reset.promise);
    readMessages(stream, Request, () => entered.resolve(), () => {}, reset.resolve);
  };
  await withPeer({ onStream }, async ({ address }) => {
    const { scheduler, close } = clientOf({ address });
    const leaving = new AbortController();
    const cancelled = errorOf(scheduler.acquireContainer(REQUEST, { signal: leaving.signal }), PlatformError);
    await within(entered.promise, "the call's start");
    leaving.abort();
    assertEquals((await cancelled).code, "cancelled");
    entered = Promise.withResolvers<void>();
    const late = errorOf(scheduler.acquireContainer(REQUEST, { timeoutMs: 100 }), PlatformError);
    assertEquals((await late).code, "deadline_exceeded");
    assertEquals(await within(Promise.all(codes), "the resets"), [ErrorCode.CANCEL, ErrorCode.CANCEL]);
    close();
  });
});

Deno.test("what a request says: path, timeout, token, metadata; and what an answer says besides its message", async () => {
  let fields: readonly string[] = [];
  const onStream = (incoming: Incoming) => {
    fields = incoming.fields;
    const { stream } = incoming;
    readMessages(stream, Request, () => {
      stream.sendHeaders([":status", "103", "link", "early"], false);
      stream.sendHeaders([...OK_HEAD, "x-head-bin", "AQI"], false);
      stream.sendData(frameOf(new Uint8Array(0)), false);
      stream.sendTrailers([...OK_TRAILERS, "x-tail", "t"]);
    });
  };
  await withPeer({ onStream }, async ({ address }) => {
    const { scheduler, close } = clientOf({ address, token: "s3cret" });
    const seen: (string | null)[] = [];
    await scheduler.acquireContainer(REQUEST, {
      timeoutMs: 60_000,
      headers: { "x-trace": "1", "key-bin": "AAE", authorization: "Bearer other" },
      onHeader: (header) => seen.push(header.get("x-head-bin"), header.get("link")),
      onTrailer: (trailer) => seen.push(trailer.get("x-tail")),
    });
    assertEquals(seen, ["AQI", null, "t"]);
    const said = (name: string) => fieldOf(fields, name);
    assertEquals([said(":method"), said(":scheme"), said(":authority")], ["POST", "http", address]);
    assertEquals(said(":path"), "/schedulerproto.Scheduler/AcquireContainer");
    assertEquals([said("te"), said("content-type")], ["trailers", "application/grpc"]);
    assertEquals([said("x-trace"), said("key-bin"), said("authorization")], ["1", "AAE", "Bearer s3cret"]);
    const timeoutMs = Number(/^(\d+)m$/.exec(said("grpc-timeout") ?? "")?.[1]);
    assert(timeoutMs > 0 && timeoutMs <= 60_000, `grpc-timeout ${timeoutMs}`);
    const wrong = scheduler.acquireContainer(REQUEST, { headers: { connection: "close" } });
    assertEquals((await errorOf(wrong, PlatformError)).code, "invalid_argument");
    close();
  });
});

Deno.test("answers that break gRPC's rules fail with a line that says how", async () => {
  const head = (...fields: string[]) => [":status", "200", "content-type", "application/grpc", ...fields];
  const answers: [(incoming: Incoming) => void, string, RegExp][] = [
    [({ stream }) => stream.sendHeaders([":status", "503"], true), "unavailable", /HTTP status 503, without/],
    [
      ({ stream }) => stream.sendHeaders([":status", "401", "content-type", "text/plain"], false),
      "unauthenticated",
      /401/,
    ],
    [
      ({ stream }) => stream.sendHeaders([":status", "200", "content-type", "text/html"], false),
      "unknown",
      /text\/html/,
    ],
    [
      ({ stream }) => stream.sendHeaders(head("grpc-status", "5", "grpc-message", "no%20one"), true),
      "not_found",
      /^no one$/,
    ],
    [({ stream }) => stream.sendHeaders(head(), true), "internal", /without a grpc-status/],
    [
      ({ stream }) => {
        stream.sendHeaders(head(), false);
        stream.sendData(frameOf(new Uint8Array(0)), true);
      },
      "internal",
      /without a grpc-status/,
    ],
    [
      ({ stream }) => {
        stream.sendHeaders(head(), false);
        stream.sendTrailers(OK_TRAILERS);
      },
      "unimplemented",
      /no message/,
    ],
    [
      ({ stream }) => {
        stream.sendHeaders(head(), false);
        stream.sendData(frameOf(new Uint8Array(0)), false);
        stream.sendData(frameOf(new Uint8Array(0)), false);
        stream.sendTrailers(OK_TRAILERS);
      },
      "unimplemented",
      /more than one message/,
    ],
    [
      ({ stream }) => {
        stream.sendHeaders(head("grpc-encoding", "gzip"), false);
        stream.sendData(frameOf(new Uint8Array(9), 1), false);
      },
      "internal",
      /compressed/,
    ],
    [
      ({ stream }) => {
        stream.sendHeaders(head(), false);
        stream.sendData(new Uint8Array([0, 0x7f, 0, 0, 0]), false);
      },
      "resource_exhausted",
      /2130706432 bytes/,
    ],
    [
      ({ stream }) => {
        stream.sendHeaders(head(), false);
        stream.sendData(frameOf(new Uint8Array([0x0a, 99])), false);
        stream.sendTrailers(OK_TRAILERS);
      },
      "internal",
      /is no schedulerproto\.AcquireContainerReply/,
    ],
    [
      ({ stream }) => {
        stream.sendHeaders(head(), false);
        stream.sendData(new Uint8Array([0, 0, 0, 0, 9, 1]), false);
        stream.sendTrailers(OK_TRAILERS);
      },
      "internal",
      /ends in the middle of a message/,
    ],
    [({ stream }) => stream.reset(ErrorCode.ENHANCE_YOUR_CALM), "resource_exhausted", /ENHANCE_YOUR_CALM/],
    [({ stream }) => stream.reset(ErrorCode.CANCEL), "cancelled", /CANCEL/],
  ];
  for (const [answer, code, message] of answers) {
    const error = await errorFrom(answer);
    assertMatch(error.message, message);
    assertEquals(error.code, code, error.message);
  }
});

Deno.test("messages larger than any window come through, both ways", async () => {
  const echoBytes = ({ stream }: Incoming) =>
    readMessages(stream, Request, ({ requestId }) => answerWith(stream, Reply, { containerId: requestId }));
  await withPeer({ onStream: echoBytes }, async ({ address }) => {
    const { scheduler, close } = clientOf({ address });
    const requestId = "0123456789abcdef".repeat(8 * MIB / 16);
    const replies = await within(Promise.all([1, 2, 3].map(() => scheduler.acquireContainer({ requestId }))), "them");
    assert(replies.every(({ containerId }) => containerId === requestId));
    close();
  });
});

Deno.test("a connection that nobody uses is given up after a minute; the next call opens another", async () => {
  await withPeer({ onStream: echo }, async (peer) => {
    const clock = new ManualClock();
    const { scheduler, close } = clientOf({ address: peer.address, clock });
    await scheduler.acquireContainer(REQUEST);
    const gone = closeOf(peer, 0);
    await clock.advance(50_000);
    await scheduler.acquireContainer(REQUEST);
    await clock.advance(59_000);
    await scheduler.acquireContainer(REQUEST);
    assertEquals(peer.connections.length, 1);
    await clock.advance(62_000);
    await within(gone, "the connection's end");
    assertEquals((await scheduler.acquireContainer(REQUEST)).containerId, "r1");
    assertEquals(peer.connections.length, 2);
    close();
    assertEquals(clock.pending, 0);
  });
});

Deno.test("a peer that accepts and says nothing is given up, and so is one that stops answering pings", async () => {
  const listener = Deno.listen({ port: 0, hostname: "127.0.0.1" });
  const clock = new ManualClock();
  const address = `127.0.0.1:${listener.addr.port}`;
  const { scheduler, close } = clientOf({ address, clock, pingAfterMs: 10_000 });
  const call = errorOf(scheduler.acquireContainer(REQUEST), PlatformError);
  const silent = await listener.accept();
  await clock.advance(10_000);
  assertEquals((await call).message, `${address} cannot be reached: no connection within 10000 ms`);
  silent.close();

  const begun = errorOf(scheduler.acquireContainer(REQUEST), PlatformError);
  await clock.advance(1_000);
  const mute = await listener.accept();
  // SETTINGS, and the acknowledgement of the client's.
  await mute.write(new Uint8Array([0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0]));
  const bytes = new Uint8Array(1024);
  for (let read = 0; !hasRequest(bytes.subarray(0, read));) {
    read += await within(mute.read(bytes.subarray(read)), "the request") ?? 0;
  }
  await clock.advance(35_000);
  assertMatch((await begun).message, /^the connection to .* was lost: the peer does not answer$/);
  close();
  mute.close();
  listener.close();
});

/** Whether a client's bytes have a whole HEADERS frame behind the preface of 24 bytes. */
function hasRequest(bytes: Uint8Array): boolean {
  for (let at = 24; at + 9 <= bytes.length;) {
    const end = at + 9 + (bytes[at] << 16) + (bytes[at + 1] << 8) + bytes[at + 2];
    if (bytes[at + 3] === 1) return end <= bytes.length;
    at = end;
  }
  return false;
}

/** When the peer's connection of that number is closed. */
function closeOf(peer: Peer, index: number): Promise<void> {
  return new Promise((resolve) => peer.connections[index].socket.once("close", () => resolve()));
}
