import * as net from "node:net";
import type { Clock, Log } from "../base/mod.ts";
import type { ProtocolSide } from "./listen.ts";
import { makeSocketFolder } from "./socket_folder.ts";
import { CUT_WAIT_MS, endsWithin, flushed, LINGER_MS } from "./waiting.ts";

/** HTTP/1.1: connections are piped, with backpressure, to a `Deno.serve` on a unix socket that only we can reach. */
export function createHttp1Side(options: {
  fetch: (request: Request) => Promise<Response>;
  /** Of the URLs that handlers see: whether the port speaks TLS. */
  scheme: "http" | "https";
  log: Log;
  clock: Clock;
}): ProtocolSide {
  const { fetch, scheme, log, clock } = options;
  const folder = makeSocketFolder();
  const pairs = new Map<net.Socket, net.Socket>();
  const server = Deno.serve({
    path: folder.socketPath,
    onListen: () => {},
    onError(error) {
      log.error("an HTTP reply failed", { stack: error instanceof Error ? error.stack : String(error) });
      return new Response(null, { status: 500 });
    },
  }, (request) => fetch(withHttpUrl(request, scheme)));

  return {
    accept(socket, first) {
      const inner = net.connect({ path: folder.socketPath, allowHalfOpen: true });
      pairs.set(socket, inner);
      socket.once("close", () => pairs.delete(socket));
      join(socket, inner, first, clock);
    },
    async close(graceMs) {
      const finished = server.shutdown();
      if (!await endsWithin(finished, graceMs + CUT_WAIT_MS, clock)) {
        for (const [socket, inner] of pairs) {
          socket.destroy();
          inner.destroy();
        }
        // Connections that are gone end the server, but not a handler that ignores its signal.
        await endsWithin(finished, CUT_WAIT_MS, clock);
      }
      // The server is done, but its last words may still be on their way through the pipes.
      await endsWithin(Promise.all([...pairs.keys()].map(flushed)), LINGER_MS, clock);
      folder.remove();
    },
  };
}

/** Pipes both ways; an end is passed on as an end, anything worse takes both down. */
function join(socket: net.Socket, inner: net.Socket, first: Uint8Array, clock: Clock): void {
  inner.on("error", () => socket.destroy());
  inner.write(first);
  socket.pipe(inner);
  inner.pipe(socket);
  socket.once("close", () => inner.destroy());
  inner.once("end", () => {
    // The server has said its last word. What the client still sends goes nowhere, but its connection must not be cut
    // before it has read that word: an early close would reset it.
    socket.unpipe(inner);
    inner.destroy();
    socket.resume();
    const cancel = clock.after(LINGER_MS, () => socket.destroy());
    socket.once("close", cancel);
    socket.once("finish", () => socket.readableEnded ? socket.destroy() : socket.once("end", () => socket.destroy()));
  });
  inner.once("close", () => {
    if (!inner.readableEnded) socket.destroy();
  });
}

/** Requests over a unix socket come with a URL of another scheme; handlers are to see the one the client asked for. */
function withHttpUrl(request: Request, scheme: string): Request {
  const { url: ownUrl, method, headers, body, signal } = request;
  const rest = ownUrl.slice(ownUrl.indexOf("://") + 3);
  const host = headers.get("host") === null ? "localhost" + rest.slice(rest.indexOf("/")) : rest;
  const url = `${scheme}://${host}`;
  // A WebSocket can be made of this very object alone, of a copy it would be one that is bound to nothing.
  if (headers.has("upgrade")) return Object.defineProperty(request, "url", { value: url });
  return new Request(url, { method, headers, body, signal, redirect: "manual" });
}
