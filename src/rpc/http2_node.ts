import * as http2 from "node:http2";
import type * as net from "node:net";
import type { UniversalHandlerFn } from "@connectrpc/connect/protocol";
import { universalRequestFromNodeRequest, universalResponseToNodeResponse } from "@connectrpc/connect-node";
import { assert, type Clock, type Log, messageOf, MIB, sleep } from "../base/mod.ts";
import { answerWithFetch, discardRest } from "./fetch_bridge.ts";
import type { ProtocolSide } from "./listen.ts";
import { CUT_WAIT_MS, endsWithin } from "./waiting.ts";

/** Calls on one connection: a burst of thousands comes over a single one. */
const STREAMS_MAX = 4_096;
/** What a client may send ahead on one call, and on all calls of its connection. */
const STREAM_WINDOW_BYTES = MIB;
const CONNECTION_WINDOW_BYTES = 32 * MIB;
/** What one session may hold in memory, in MB: the windows and the headers of all its calls. */
const SESSION_MEMORY_MB = 256;

/** Between the last answer and the end of a connection. */
const SETTLE_MS = 50;

/** HTTP/2 on `node:http2`: paths of `calls` go to Connect's handlers, all others to `fetch`. */
export function createHttp2Side(options: {
  calls: ReadonlyMap<string, UniversalHandlerFn>;
  fetch: (request: Request) => Promise<Response>;
  log: Log;
  clock: Clock;
}): ProtocolSide {
  const { calls, fetch, log, clock } = options;
  const connections = new Set<Connection>();
  let accepting: net.Socket | undefined;
  let draining = false;
  const server = http2.createServer({
    settings: {
      maxConcurrentStreams: STREAMS_MAX,
      initialWindowSize: STREAM_WINDOW_BYTES,
      enableConnectProtocol: false,
    },
    maxSessionMemory: SESSION_MEMORY_MB,
  });
  // Clients reset streams and drop connections as they like. Node reports that on five objects, and any of them
  // without a listener would end the process.
  server.on("error", (error) => log.debug("HTTP/2 server error", { error: messageOf(error) }));
  server.on("sessionError", (error) => log.debug("HTTP/2 session error", { error: messageOf(error) }));
  server.on("clientError", () => {});
  server.on("stream", (stream) => stream.on("error", () => {}));
  server.on("session", (session) => {
    session.on("error", () => {});
    session.setLocalWindowSize(CONNECTION_WINDOW_BYTES);
    assert(accepting !== undefined, "a session begins as its connection is accepted");
    const connection: Connection = { socket: accepting, streams: 0, whenIdle: () => {} };
    connections.add(connection);
    session.on("stream", (stream) => {
      connection.streams++;
      stream.once("close", () => {
        if (--connection.streams === 0) connection.whenIdle();
      });
    });
    session.once("close", () => {
      connections.delete(connection);
      connection.whenIdle();
    });
  });
  server.on("request", (request, response) => {
    request.on("error", () => {});
    response.on("error", () => {});
    // Refused means not begun: clients may try elsewhere at once.
    if (draining) return request.stream.close(http2.constants.NGHTTP2_REFUSED_STREAM);
    const answered = answer(request, response);
    answered.catch((error) => {
      log.debug("an HTTP/2 reply was cut short", { path: request.url, error: messageOf(error) });
      if (!request.stream.destroyed) request.stream.close(http2.constants.NGHTTP2_INTERNAL_ERROR);
    });
  });

  async function answer(request: http2.Http2ServerRequest, response: http2.Http2ServerResponse): Promise<void> {
    const call = calls.get(request.url.split("?", 1)[0]);
    if (!call) return await answerWithFetch(request.stream, request.headers, fetch);
    const reply = await call(universalRequestFromNodeRequest(request, response, undefined, undefined));
    // A refusal comes before the body is read. Without this, Node resets the stream right after the answer.
    request.stream.once("finish", () => discardRest(request.stream));
    await universalResponseToNodeResponse(reply, response);
  }

  return {
    accept(socket: net.Socket, first) {
      socket.unshift(first);
      accepting = socket;
      server.emit("connection", socket);
      accepting = undefined;
      // The port keeps half-open connections, for HTTP/1.1. Here nobody reads any more who has said the last word.
      socket.once("end", () => socket.destroy());
    },
    async close(graceMs) {
      // No GOAWAY: Deno's own HTTP/2 client can abort its whole process when it gets one. New calls are refused,
      // those under way end, then the connections do.
      draining = true;
      const idle = [...connections].map((connection) =>
        new Promise<void>((resolve) => {
          connection.whenIdle = resolve;
          if (connection.streams === 0) resolve();
        })
      );
      await endsWithin(Promise.all(idle), graceMs + CUT_WAIT_MS, clock);
      // What clients still send (acknowledgements of what they read) must not meet a closed socket: that would reset
      // the connection, and the last answers with it.
      if (connections.size > 0) await sleep(clock, SETTLE_MS);
      for (const { socket } of connections) socket.end();
      server.close();
    },
  };
}

interface Connection {
  readonly socket: net.Socket;
  /** Calls under way. */
  streams: number;
  /** Called when there are none. */
  whenIdle: () => void;
}
