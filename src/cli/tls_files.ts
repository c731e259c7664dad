/** Certificates and keys that settings name. */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { messageOf } from "../base/mod.ts";
import type { ClientTls, TlsIdentity } from "../rpc/mod.ts";
import { readSecretFile, readSmallFile } from "./secret_file.ts";
import { UsageError } from "./usage_error.ts";

export interface TlsFiles {
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsCa?: string;
}

const CERTIFICATES = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/**
 * What ports show, from `--tls-cert` and `--tls-key`; undefined where there are none. Throws {@linkcode UsageError}
 * where one lacks the other, cannot be read, is not what it should be, or where they do not belong together.
 */
export function readTlsIdentity({ tlsCert, tlsKey }: TlsFiles, cwd: string): TlsIdentity | undefined {
  if (tlsCert === undefined && tlsKey === undefined) return undefined;
  if (tlsKey === undefined) throw new UsageError("--tls-cert needs --tls-key FILE, the certificate's private key");
  if (tlsCert === undefined) throw new UsageError("--tls-key needs --tls-cert FILE, the key's certificate");
  const cert = readCertificates("--tls-cert", tlsCert, cwd);
  const key = readSecretFile("--tls-key", tlsKey, cwd);
  if (!new X509Certificate(cert).checkPrivateKey(parseKey(tlsKey, key))) {
    throw new UsageError(`--tls-key ${tlsKey} is not the key of the certificate in --tls-cert ${tlsCert}`);
  }
  return { cert, key };
}

/**
 * Whom peers are verified against, from `--tls-ca`; where there is none, the ports' own certificate, which vouches for
 * itself. Undefined where neither is: then peers are dialled without TLS. Throws {@linkcode UsageError}.
 */
export function readTlsTrust({ tlsCa, tlsCert }: TlsFiles, cwd: string): ClientTls | undefined {
  if (tlsCa !== undefined) return { ca: readCertificates("--tls-ca", tlsCa, cwd) };
  return tlsCert === undefined ? undefined : { ca: readCertificates("--tls-cert", tlsCert, cwd) };
}

function readCertificates(flag: string, file: string, cwd: string): string {
  const pem = readSmallFile(flag, file, cwd);
  const certificates = pem.match(CERTIFICATES) ?? [];
  if (certificates.length === 0) {
    throw new UsageError(`${flag} ${file} has no certificate: it must be PEM, with "-----BEGIN CERTIFICATE-----"`);
  }
  for (const [index, certificate] of certificates.entries()) {
    try {
      new X509Certificate(certificate);
    } catch (error) {
      throw new UsageError(`${flag} ${file}: certificate ${index + 1} cannot be used: ${messageOf(error)}`);
    }
  }
  // Without the text between them that some tools write.
  return certificates.join("\n") + "\n";
}

function parseKey(file: string, pem: string): KeyObject {
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(pem)) {
    throw new UsageError(`--tls-key ${file} has no private key: it must be PEM, with "-----BEGIN PRIVATE KEY-----"`);
  }
  if (/-----BEGIN ENCRYPTED |^Proc-Type: 4,ENCRYPTED/m.test(pem)) {
    throw new UsageError(`--tls-key ${file} has a passphrase, must have none: openssl pkey -in ${file} -out FILE`);
  }
  try {
    return createPrivateKey(pem);
  } catch (error) {
    throw new UsageError(`--tls-key ${file} cannot be used: ${messageOf(error)}`);
  }
}
