import { readSecretFile } from "./secret_file.ts";
import { UsageError } from "./usage_error.ts";

const TOKEN_LENGTH_MAX = 4_096;

/**
 * The token that stands in `file`. Throws {@linkcode UsageError} where it cannot be read, is readable by others than its
 * owner, or holds no token or more than one.
 */
export function readTokenFile(file: string, cwd: string): string {
  const token = readSecretFile("token file", file, cwd).trim();
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
