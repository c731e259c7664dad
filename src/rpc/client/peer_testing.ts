/** A server on a socket for the tests of this folder: it does with every stream what the test says. */
import * as net from "node:net";
import {
  create,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import {
  type Connection,
  createServerConnection,
  type Fields,
  type Http2Limits,
  http2Limits,
  type Stream,
  type StreamReceiver,
} from "../http2/mod.ts";
import { within } from "../testing.ts";
import { MessageReader } from "./messages.ts";
import { frameOf, OK_HEAD, OK_TRAILERS } from "./testing.ts";

/** A request as it comes: what has come of its body, and what the test wants to know of what comes. */
export interface Incoming {
  readonly stream: Stream;
  readonly fields: Fields;
  readonly connection: PeerConnection;
}

export interface PeerConnection {
  readonly socket: net.Socket;
  readonly http2: Connection;
}

export interface Peer {
  readonly address: string;
  /** Those that were accepted, in order. */
  readonly connections: PeerConnection[];
  /** Stops listening and ends all connections. */
  stop(): Promise<void>;
}

export interface PeerOptions {
  readonly limits?: Partial<Http2Limits>;
  readonly port?: number;
  /** Makes something else of an accepted socket, as TLS does. */
  readonly secure?: (socket: net.Socket) => net.Socket;
  onStream(incoming: Incoming): void;
}

/** Listens on a free port of this machine. */
export async function startPeer(options: PeerOptions): Promise<Peer> {
  const connections: PeerConnection[] = [];
  const sockets = new Set<net.Socket>();
  const server = net.createServer((accepted) => {
    sockets.add(accepted);
    accepted.on("close", () => sockets.delete(accepted));
    accepted.on("error", () => {});
    const socket = options.secure ? options.secure(accepted) : accepted;
    connections.push(serve(socket, options));
  });
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, "127.0.0.1", resolve));
  const { port } = server.address() as net.AddressInfo;
  return {
    address: `127.0.0.1:${port}`,
    connections,
    async stop() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await within(closed, "the peer's end");
    },
  };
}

/** A peer for as long as `use` runs. */
export async function withPeer(options: PeerOptions, use: (peer: Peer) => Promise<void>): Promise<void> {
  const peer = await startPeer(options);
  try {
    await use(peer);
  } finally {
    await peer.stop();
  }
}

function serve(socket: net.Socket, options: PeerOptions): PeerConnection {
  const http2 = createServerConnection({
    write: (bytes) => socket.write(bytes),
    wantFlush: () => queueMicrotask(() => http2.flush()),
    end: () => socket.destroySoon(),
    onStream: (stream, fields) => {
      stream.receiver = IGNORING;
      options.onStream({ stream, fields, connection });
    },
  }, http2Limits(options.limits));
  const connection = { socket, http2 };
  http2.flush();
  socket.on("error", () => {});
  socket.on("data", (chunk: Uint8Array) => http2.receive(chunk));
  socket.on("drain", () => http2.writable());
  socket.on("close", () => http2.closed());
  return connection;
}

const IGNORING: StreamReceiver = { onHeaders() {}, onData() {}, onTrailers() {}, onDrain() {}, onReset() {} };

/** Reads a request's messages at once; `then` is told when the request has ended. */
export function readMessages<T extends DescMessage>(
  stream: Stream,
  schema: T,
  onMessage: (message: MessageShape<T>) => void,
  then: () => void = () => {},
  onReset: (code: number) => void = () => {},
): void {
  const reader = new MessageReader((body) => onMessage(fromBinary(schema, body)));
  stream.receiver = {
    ...IGNORING,
    onData(bytes, endStream) {
      reader.push(bytes);
      stream.consume(bytes.length);
      if (endStream) then();
    },
    onReset,
  };
}

/** Sends `message`; false when the stream should wait for its drain. */
export function sendMessage<T extends DescMessage>(stream: Stream, schema: T, message: MessageInitShape<T>): boolean {
  return stream.sendData(frameOf(toBinary(schema, create(schema, message))), false);
}

/** Answers with one message. */
export function answerWith<T extends DescMessage>(stream: Stream, schema: T, message: MessageInitShape<T>): void {
  stream.sendHeaders(OK_HEAD, false);
  sendMessage(stream, schema, message);
  stream.sendTrailers(OK_TRAILERS);
}
