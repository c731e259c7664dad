import * as path from "node:path";
import { messageOf } from "../base/mod.ts";
import { UsageError } from "./usage_error.ts";

/** What settings name holds a few kilobytes; a bundle of all the world's CAs has a quarter of this. */
const FILE_BYTES_MAX = 1_024 * 1_024;

/**
 * The text of `file`, which error messages call `what`. Throws {@linkcode UsageError} where it cannot be read or is
 * too large.
 */
export function readSmallFile(what: string, file: string, cwd: string): string {
  return read(what, file, cwd, () => {});
}

/** The same, where others than its owner must not be able to read it. */
export function readSecretFile(what: string, file: string, cwd: string): string {
  return read(what, file, cwd, ({ mode }) => {
    // Windows tells no modes; there the folder's own rights are all there is.
    if (mode === null || Deno.build.os === "windows" || (mode & 0o077) === 0) return;
    const found = (mode & 0o777).toString(8).padStart(3, "0");
    throw new UsageError(`${what} ${file} has mode ${found}, others must not read it: chmod 600 ${file}`);
  });
}

function read(what: string, file: string, cwd: string, check: (info: Deno.FileInfo) => void): string {
  const full = path.resolve(cwd, file);
  try {
    const info = Deno.statSync(full);
    if (info.isDirectory) throw new Error("it is a folder");
    if (info.size > FILE_BYTES_MAX) throw new Error(`it is larger than ${FILE_BYTES_MAX} bytes`);
    check(info);
    return Deno.readTextFileSync(full);
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`${what} ${file} cannot be read: ${messageOf(error)}`);
  }
}
