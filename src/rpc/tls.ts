import { createPrivateKey, X509Certificate } from "node:crypto";
import type * as net from "node:net";
import * as tls from "node:tls";
import { messageOf, PlatformError } from "../base/mod.ts";

/** What a port shows who it is with: a certificate, with its chain, and its private key, both as PEM. */
export interface TlsIdentity {
  readonly cert: string;
  readonly key: string;
}

/** RFC 9113, 3.2, and RFC 7301: what is spoken here, the best first. */
const ALPN_PROTOCOLS = ["h2", "http/1.1"];

/**
 * What turns an accepted connection into one that is encrypted; it errors and closes where the handshake fails.
 * @throws PlatformError `failed_precondition` where the identity cannot be used
 */
export function createSecurer({ cert, key }: TlsIdentity): (socket: net.Socket) => net.Socket {
  checkIdentity(cert, key);
  const secureContext = tls.createSecureContext({ cert, key, minVersion: "TLSv1.2" });
  return (socket) => {
    // That ends stay half-open is what the port expects; the types of Node's options do not know it.
    const options = { isServer: true, secureContext, ALPNProtocols: ALPN_PROTOCOLS, allowHalfOpen: true };
    const secured = new tls.TLSSocket(socket, options as tls.TLSSocketOptions);
    secured.once("close", () => socket.destroy());
    socket.once("close", () => secured.destroy());
    return secured;
  };
}

/** Said at the start, since otherwise every handshake would fail. */
function checkIdentity(cert: string, key: string): void {
  let belong: boolean;
  try {
    belong = new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
  } catch (error) {
    throw new PlatformError("failed_precondition", `the certificate or its key cannot be used: ${messageOf(error)}`);
  }
  if (!belong) throw new PlatformError("failed_precondition", "the certificate is for another key than the one given");
}
