import { type Clock, CODE_BYTES_MAX, invalidArgument, messageOf, PlatformError } from "../base/mod.ts";

/** A module of the greatest size allowed is checked in well under a second; what takes this long is made to. */
const CHECK_MS_MAX = 20_000;
/** Deploys that wait for their turn; each holds its code in memory. */
const CHECKS_WAITING_MAX = 16;
const RETRY_AFTER_MS = 1_000;

/**
 * Lets only self-contained bundles in: UTF-8, one JavaScript module, importing nothing but `node:` modules, neither
 * statically nor by `import("constant")`. A computed import is let through and fails when it runs.
 *
 * Each check runs in a worker of its own, one after the other: parsing 20 MiB would hold up every invocation, and the
 * engine never gives back what a compiled module took, except with the worker.
 */
export class BundleChecker {
  readonly #clock: Clock;
  #waiting = 0;
  #last: Promise<void> = Promise.resolve();

  constructor(options: { clock: Clock }) {
    this.#clock = options.clock;
  }

  /** Throws `invalid_argument` saying what is wrong and where; `resource_exhausted` where too many wait already. */
  async check(code: Uint8Array): Promise<void> {
    const source = decode(code);
    if (this.#waiting >= CHECKS_WAITING_MAX) {
      const message = `code cannot be checked now: ${CHECKS_WAITING_MAX} deploys are waiting already`;
      throw new PlatformError("resource_exhausted", message, { retryAfterMs: RETRY_AFTER_MS });
    }
    this.#waiting++;
    const turn = this.#last.then(() => this.#checkInWorker(source)).finally(() => this.#waiting--);
    this.#last = turn.then(() => {}, () => {});
    const problem = await turn;
    if (problem !== undefined) throw new PlatformError("invalid_argument", `code ${problem}`);
  }

  #checkInWorker(source: string): Promise<string | undefined> {
    const worker = new Worker(new URL("./bundle_worker.ts", import.meta.url), { type: "module" });
    let cancel = () => {};
    const problem = new Promise<string | undefined>((resolve, reject) => {
      cancel = this.#clock.after(CHECK_MS_MAX, () => resolve(`takes longer than ${CHECK_MS_MAX} ms to be parsed`));
      worker.onmessage = (event: MessageEvent<{ problem?: string }>) => resolve(event.data.problem);
      worker.onerror = (event) => {
        event.preventDefault();
        reject(new PlatformError("internal", `Cannot check code: ${messageOf(event.error ?? event.message)}`));
      };
      worker.postMessage(source);
    });
    return problem.finally(() => {
      cancel();
      worker.terminate();
    });
  }
}

/** The text of a bundle within its bounds. Throws `invalid_argument`. */
function decode(code: Uint8Array): string {
  if (code.length === 0) throw invalidArgument("code", "", "one JavaScript module");
  if (code.length > CODE_BYTES_MAX) {
    throw invalidArgument("code", `${code.length} bytes long`, `at most ${CODE_BYTES_MAX} bytes`);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(code);
  } catch {
    throw new PlatformError("invalid_argument", "code is not UTF-8, must be one JavaScript module in UTF-8");
  }
}
