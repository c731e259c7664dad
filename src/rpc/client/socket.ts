/** Sockets to the peer, being connected. */
import * as net from "node:net";
import * as tls from "node:tls";
import { invalidArgument, messageOf } from "../../base/mod.ts";

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
  /** What an error of the socket says to a person. */
  explain(error: Error): string;
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
  if (!secure) {
    return { socket: net.connect({ host, port }), connected: "connect", fault: () => undefined, explain: messageOf };
  }
  const { ca, serverName } = secure;
  const servername = serverName ?? (net.isIP(host) ? undefined : host);
  const socket = tls.connect({ host, port, servername, ca, ALPNProtocols: [HTTP2] });
  const fault = () => socket.alpnProtocol === HTTP2 ? undefined : "it speaks no HTTP/2 over TLS";
  const explain = (error: Error) => explainTls(error, serverName ?? host);
  return { socket, connected: "secureConnect", fault, explain };
}

/** Codes of a certificate whose chain ends in none that is trusted, as OpenSSL tells them apart. */
const UNTRUSTED = new Set([
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_GET_ISSUER_CERT",
  "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
]);

/** The handshake's usual failures, by what can be done about them. */
function explainTls(error: Error & { code?: unknown; cert?: { subjectaltname?: string } }, name: string): string {
  const { code, message, cert } = error;
  if (code === "ERR_SSL_WRONG_VERSION_NUMBER") return "it speaks no TLS";
  if (UNTRUSTED.has(String(code))) return `no trusted CA vouches for its certificate (${message})`;
  if (code !== "ERR_TLS_CERT_ALTNAME_INVALID") return messageOf(error);
  const wanted = `${net.isIP(name) ? "IP" : "DNS"}:${name}`;
  const found = cert?.subjectaltname?.replaceAll("IP Address:", "IP:") || "nothing";
  return `its certificate is for ${found}: it needs ${wanted} among its subjectAltName, or to be dialled by another name`;
}
