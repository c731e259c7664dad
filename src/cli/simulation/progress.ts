import type { Io } from "../io.ts";
import type { Watcher } from "./simulations.ts";

/** One line that tells a person how far the runs are. */
export class Progress implements Watcher {
  readonly #io: Io;
  #isShown = false;

  constructor(io: Io) {
    this.#io = io;
  }

  onNote = (note: string): void => {
    this.clear();
    this.#io.err(`note: ${note}\n`);
  };

  onProgress = (what: string, share: number): void => {
    if (!this.#io.errIsTerminal) return;
    this.#io.err(`\r\x1b[2K${what}: ${Math.floor(100 * share)} %`);
    this.#isShown = true;
  };

  clear(): void {
    if (this.#isShown) this.#io.err("\r\x1b[2K");
    this.#isShown = false;
  }
}
