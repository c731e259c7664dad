import type { Io } from "../io.ts";
import type { Watcher } from "./simulations.ts";

/** One line that tells a person how far the runs are. */
export class Progress implements Watcher {
  readonly #io: Io;
  /** What stands on the line now. */
  #shown = "";

  constructor(io: Io) {
    this.#io = io;
  }

  onNote = (note: string): void => {
    this.clear();
    this.#io.err(`note: ${note}\n`);
  };

  onProgress = (what: string, share: number): void => {
    const text = `${what}: ${Math.floor(100 * share)} %`;
    if (!this.#io.errIsTerminal || text === this.#shown) return;
    this.#io.err(`\r\x1b[2K${text}`);
    this.#shown = text;
  };

  clear(): void {
    if (this.#shown !== "") this.#io.err("\r\x1b[2K");
    this.#shown = "";
  }
}
