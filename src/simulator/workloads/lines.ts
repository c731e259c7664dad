/** Text that comes in pieces, line by line: files of any size, one line in memory at a time. */
import { PlatformError } from "../../base/mod.ts";

/** Enough for a row of the Azure trace with its 1,440 minutes. */
export const LINE_LENGTH_MAX = 64 * 1024;
/** More than the longest workload has: a call a line, and the functions. */
export const LINES_MAX = 11_000_000;

/**
 * Calls `onLine` with every line that is not empty and its number, from 1. Throws `invalid_argument`, with `name` and
 * the line in front, where a line is too long or no UTF-8, or `onLine` throws a {@linkcode PlatformError}.
 */
export async function forEachLine(
  name: string,
  chunks: AsyncIterable<Uint8Array>,
  onLine: (text: string, line: number) => void,
): Promise<void> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let line = 0;
  let rest = "";
  const take = (text: string) => {
    if (++line > LINES_MAX) throw lineError(name, line, `there are more than ${LINES_MAX} lines`);
    if (text.length > LINE_LENGTH_MAX) {
      throw lineError(name, line, `has ${text.length} characters, at most ${LINE_LENGTH_MAX} are allowed`);
    }
    const content = text.endsWith("\r") ? text.slice(0, -1) : text;
    if (content === "") return;
    try {
      onLine(content, line);
    } catch (error) {
      throw error instanceof PlatformError ? lineError(name, line, error.message) : error;
    }
  };
  for await (const chunk of chunks) {
    let text: string;
    try {
      text = rest + decoder.decode(chunk, { stream: true });
    } catch {
      throw lineError(name, line + 1, "is no UTF-8 text");
    }
    let from = 0;
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", from)) {
      take(text.slice(from, end));
      from = end + 1;
    }
    rest = text.slice(from);
    if (rest.length > LINE_LENGTH_MAX) take(rest);
  }
  try {
    rest += decoder.decode();
  } catch {
    throw lineError(name, line + 1, "is no UTF-8 text");
  }
  if (rest !== "") take(rest);
}

/** An `invalid_argument` that says where in which file. */
export function lineError(name: string, line: number, message: string): PlatformError {
  return new PlatformError("invalid_argument", `${name} line ${line}: ${message}`);
}

/** Text in pieces of bytes, as a file would come. */
export async function* chunksOf(text: string, length = 64 * 1024): AsyncGenerator<Uint8Array, void> {
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length; at += length) {
    await Promise.resolve();
    yield bytes.subarray(at, at + length);
  }
}
