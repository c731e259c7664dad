/** Sockets to the peer, being connected. */
import * as net from "node:net";
import * as tls from "node:tls";
import { invalidArgument } from "../../base/mod.ts";

/** How to trust the peer of an encrypted connection. */
export interface ClientTls {
  /** Certificates, as PEM, of those who vouch for the peer; the system's own where missing. */
  readonly ca?: string;
  /** The name that the peer's certificate must have, where it is not the address's host. */
  readonly serverName?: string;
}

/** A socket that is being connected, and its event when it is. */
export interface Dialled {
  readonly socket: net.Socket;
  readonly connected: "connect" | "secureConnect";
  /** What is wrong with the peer, once connected. */
  fault(): string | undefined;
}

const ADDRESS = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9_.-]+)):([0-9]{1,5})$/;
const HTTP2 = "h2";

/** The parts of `host:port`. Throws `invalid_argument` where it is none. */
export function parseAddress(address: string): { host: string; port: number } {
  const match = ADDRESS.exec(address);
  const port = Number(match?.[3]);
  if (!match || port < 1 || port > 65_535) throw invalidArgument("address", address, "host:port");
  return { host: match[1] ?? match[2], port };
}

/** Begins to connect to `address`, with TLS where asked for. */
export function dial(address: { host: string; port: number }, secure: ClientTls | undefined): Dialled {
  const { host, port } = address;
  if (!secure) return { socket: net.connect({ host, port }), connected: "connect", fault: () => undefined };
  const { ca, serverName } = secure;
  const servername = serverName ?? (net.isIP(host) ? undefined : host);
  const socket = tls.connect({ host, port, servername, ca, ALPNProtocols: [HTTP2] });
  const fault = () => socket.alpnProtocol === HTTP2 ? undefined : "it speaks no HTTP/2 over TLS";
  return { socket, connected: "secureConnect", fault };
}
