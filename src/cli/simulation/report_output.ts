/** What commands that make reports write beside the report. */
import * as path from "node:path";
import { messageOf } from "../../base/mod.ts";
import type { Io } from "../io.ts";
import { UsageError } from "../usage_error.ts";

/** One line that tells a person how far the runs are. */
export class ProgressLine {
  readonly #io: Io;
  /** What stands on the line now. */
  #shown = "";

  constructor(io: Io) {
    this.#io = io;
  }

  show(what: string, share: number): void {
    const text = `${what}: ${Math.floor(100 * share)} %`;
    if (!this.#io.errIsTerminal || text === this.#shown) return;
    this.#io.err(`\r\x1b[2K${text}`);
    this.#shown = text;
  }

  clear(): void {
    if (this.#shown !== "") this.#io.err("\r\x1b[2K");
    this.#shown = "";
  }
}

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
