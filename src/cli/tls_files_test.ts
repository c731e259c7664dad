import { assertEquals, assertMatch, assertThrows } from "@std/assert";
import { generateKeyPairSync } from "node:crypto";
import { CERTIFICATE, PRIVATE_KEY } from "../rpc/client/identity_testing.ts";
import { withFolder } from "./testing.ts";
import { readTlsIdentity, readTlsTrust, type TlsFiles } from "./tls_files.ts";
import { UsageError } from "./usage_error.ts";

const FILES = {
  "cert.pem": CERTIFICATE,
  "key.pem": PRIVATE_KEY,
  "other.pem": generateKeyPairSync("ec", { namedCurve: "prime256v1" }).privateKey
    .export({ type: "pkcs8", format: "pem" }).toString(),
  "locked.pem": "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n",
  "told.pem": `Certificate:\n    Data: of which some tools tell\n${CERTIFICATE}and once more\n${CERTIFICATE}`,
  "broken.pem": `${CERTIFICATE}-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n`,
  "text.pem": "nothing of the kind\n",
  "large.pem": "x".repeat(1_048_577),
  "folder/x": "",
};

/** The files above, all of them readable by their owner only. */
function withFiles(use: (folder: string) => unknown): Promise<void> {
  return withFolder(FILES, async (folder) => {
    for (const name of Object.keys(FILES)) await Deno.chmod(`${folder}/${name}`, 0o600);
    await use(folder);
  });
}

Deno.test("a certificate and its key are what ports show; the certificate vouches for itself", () =>
  withFiles((folder) => {
    const files = { tlsCert: "cert.pem", tlsKey: "key.pem" };
    assertEquals(readTlsIdentity(files, folder), { cert: CERTIFICATE, key: PRIVATE_KEY });
    assertEquals(readTlsTrust(files, folder), { ca: CERTIFICATE });
    assertEquals(readTlsTrust({ ...files, tlsCa: "told.pem" }, folder), { ca: CERTIFICATE + CERTIFICATE });
    assertEquals(readTlsTrust({ tlsCa: "cert.pem" }, folder), { ca: CERTIFICATE });
    assertEquals([readTlsIdentity({}, folder), readTlsTrust({}, folder)], [undefined, undefined]);
  }));

Deno.test("what is wrong with a certificate, its key or a CA is told in one line with the flag", () =>
  withFiles((folder) => {
    const refused = ({ cert, key, ca }: { cert?: string; key?: string; ca?: string }, message: string | RegExp) => {
      const files: TlsFiles = { tlsCert: cert, tlsKey: key, tlsCa: ca };
      const read = () => [readTlsIdentity(files, folder), readTlsTrust(files, folder)];
      const found = assertThrows(read, UsageError).message;
      assertEquals(found.includes("\n"), false, found);
      if (typeof message === "string") assertEquals(found, message);
      else assertMatch(found, message);
    };
    refused({ cert: "cert.pem" }, "--tls-cert needs --tls-key FILE, the certificate's private key");
    refused({ key: "key.pem" }, "--tls-key needs --tls-cert FILE, the key's certificate");
    refused({ cert: "none.pem", key: "key.pem" }, /^--tls-cert none\.pem cannot be read: /);
    refused({ cert: "cert.pem", key: "none.pem" }, /^--tls-key none\.pem cannot be read: /);
    refused({ ca: "none.pem" }, /^--tls-ca none\.pem cannot be read: /);
    refused({ ca: "folder" }, "--tls-ca folder cannot be read: it is a folder");
    refused({ ca: "large.pem" }, "--tls-ca large.pem cannot be read: it is larger than 1048576 bytes");
    const noCertificate = 'has no certificate: it must be PEM, with "-----BEGIN CERTIFICATE-----"';
    refused({ cert: "text.pem", key: "key.pem" }, `--tls-cert text.pem ${noCertificate}`);
    refused({ cert: "key.pem", key: "cert.pem" }, `--tls-cert key.pem ${noCertificate}`);
    refused({ ca: "text.pem" }, `--tls-ca text.pem ${noCertificate}`);
    refused({ ca: "broken.pem" }, /^--tls-ca broken\.pem: certificate 2 cannot be used: /);
    refused(
      { cert: "cert.pem", key: "cert.pem" },
      '--tls-key cert.pem has no private key: it must be PEM, with "-----BEGIN PRIVATE KEY-----"',
    );
    refused(
      { cert: "cert.pem", key: "locked.pem" },
      "--tls-key locked.pem has a passphrase, must have none: openssl pkey -in locked.pem -out FILE",
    );
    refused(
      { cert: "cert.pem", key: "other.pem" },
      "--tls-key other.pem is not the key of the certificate in --tls-cert cert.pem",
    );
  }));

Deno.test("a key that others may read is refused, a certificate is for everybody", () =>
  withFiles(async (folder) => {
    const files = { tlsCert: "cert.pem", tlsKey: "key.pem" };
    await Deno.chmod(`${folder}/cert.pem`, 0o644);
    assertEquals(readTlsIdentity(files, folder)?.cert, CERTIFICATE);
    await Deno.chmod(`${folder}/key.pem`, 0o640);
    assertEquals(
      assertThrows(() => readTlsIdentity(files, folder), UsageError).message,
      "--tls-key key.pem has mode 640, others must not read it: chmod 600 key.pem",
    );
  }));
