/** Commands that a person can copy: they carry what this platform asks for. */
import { DEFAULT_ACCOUNT } from "../base/mod.ts";
import { connectionFlags } from "./connection.ts";
import type { Values } from "./flags.ts";

export type Where = Pick<Values<typeof connectionFlags>, "server" | "tokenFile" | "tlsCa" | "account">;

/** Flags that lead a command of ours to the platform `where`, with a space before each. */
export function hintFlags({ server, tokenFile, tlsCa, account }: Where): string {
  const flags = [
    server === connectionFlags.server.default ? "" : ` --server ${server}`,
    tlsCa === undefined ? "" : ` --tls-ca ${tlsCa}`,
    tokenFile === undefined ? "" : ` --token-file ${tokenFile}`,
    account === DEFAULT_ACCOUNT ? "" : ` --account ${account}`,
  ];
  return flags.join("");
}

/** `curl` with the headers that the platform `where` wants, and whom it is verified against. */
export function hintCurl({ tokenFile, tlsCa, account }: Where): string {
  const flags = [
    tlsCa === undefined ? "" : ` --cacert ${tlsCa}`,
    tokenFile === undefined ? "" : ` -H "authorization: Bearer $(cat ${tokenFile})"`,
    account === DEFAULT_ACCOUNT ? "" : ` -H 'x-minifaas-account: ${account}'`,
  ];
  return `curl -s${flags.join("")}`;
}
