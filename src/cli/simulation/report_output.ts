import * as path from "node:path";
import { messageOf } from "../../base/mod.ts";
import type { Io } from "../io.ts";
import { UsageError } from "../usage_error.ts";

/** Writes a file that a flag names. Throws {@linkcode UsageError}. */
export async function writeFile(io: Io, flag: string, name: string, pieces: Iterable<string>): Promise<void> {
  try {
    using file = await Deno.open(path.resolve(io.cwd, name), { write: true, create: true, truncate: true });
    const writer = file.writable.getWriter();
    const encoder = new TextEncoder();
    for (const piece of pieces) await writer.write(encoder.encode(piece));
    await writer.close();
  } catch (error) {
    throw new UsageError(`${flag} ${name} cannot be written: ${messageOf(error)}`);
  }
}
