import * as path from "node:path";
import { messageOf } from "../base/mod.ts";
import { UsageError } from "./usage_error.ts";

const TOKEN_LENGTH_MAX = 4_096;

/**
 * The token that stands in `file`. Throws {@linkcode UsageError} where it cannot be read, is readable by others than its
 * owner, or holds no token or more than one.
 */
export function readTokenFile(file: string, cwd: string): string {
  const full = path.resolve(cwd, file);
  let token: string;
  let mode: number | null;
  try {
    mode = Deno.statSync(full).mode;
    token = Deno.readTextFileSync(full).trim();
  } catch (error) {
    throw new UsageError(`token file ${file} cannot be read: ${messageOf(error)}`);
  }
  // Windows tells no modes; there the folder's own rights are all there is.
  if (mode !== null && Deno.build.os !== "windows" && (mode & 0o077) !== 0) {
    const found = (mode & 0o777).toString(8).padStart(3, "0");
    throw new UsageError(`token file ${file} has mode ${found}, others must not read it: chmod 600 ${file}`);
  }
  if (token === "") throw new UsageError(`token file ${file} is empty, must hold the token`);
  if (token.length > TOKEN_LENGTH_MAX || !/^[!-~]+$/.test(token)) {
    throw new UsageError(
      `token file ${file} must hold one line of 1 to ${TOKEN_LENGTH_MAX} printable characters without spaces`,
    );
  }
  return token;
}

/** Whether only this machine reaches `host`. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host === "[::1]" || /^127(\.\d{1,3}){3}$/.test(host);
}
