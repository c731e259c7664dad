import { type ChildProcess, spawn } from "node:child_process";
import process from "node:process";
import type { Readable } from "node:stream";
import { type Clock, messageOf } from "../../base/mod.ts";

/** How to run one node agent. */
export interface NodeCommand {
  readonly file: string;
  readonly args: readonly string[];
  /** The agent's whole environment. */
  readonly env: Readonly<Record<string, string>>;
}

/** A longer line of an agent is cut there. */
const LINE_LENGTH_MAX = 16 * 1024;

/** How long an ended agent's output is still read. */
const LAST_WORDS_MS = 1_000;

/** What an agent tells when it listens. */
export interface Ready {
  readonly address: string;
  readonly port: number;
  readonly memoryBytes: number;
}

/** One node agent's process, from spawn to its end. */
export class NodeProcess {
  /** Resolves with how it ended: "ended with code 1", "ended by SIGKILL", "could not be started: …". */
  readonly ended: Promise<string>;
  readonly #child: ChildProcess;
  readonly #clock: Clock;
  readonly #announced = Promise.withResolvers<Ready>();
  #lastLine = "";
  #stopping = false;

  constructor(options: { command: NodeCommand; clock: Clock; write: (line: string) => void }) {
    const { command, clock, write } = options;
    this.#clock = clock;
    this.#child = spawn(command.file, [...command.args], {
      env: { ...command.env },
      stdio: ["pipe", "pipe", "pipe"],
      // A terminal's Ctrl-C is for us: we tell the agent when to end. Where we are gone, the end of its stdin does.
      detached: true,
    });
    const { promise, resolve } = Promise.withResolvers<string>();
    this.ended = promise;
    this.#child.once("error", (error) => resolve(`could not be started: ${messageOf(error)}`));
    let giveUp = () => {};
    const end = (code: number | null, signal: string | null) => {
      giveUp();
      resolve(signal ? `ended by ${signal}` : `ended with code ${code}`);
    };
    this.#child.once("close", end);
    // Its last words come before `close`, but a process it left behind may hold its pipes open for ever.
    this.#child.once("exit", (code, signal) => giveUp = clock.after(LAST_WORDS_MS, () => end(code, signal)));
    // It writes nothing there; a broken pipe only tells that the process is gone, and `close` tells that better.
    this.#child.stdin!.on("error", () => {});
    this.#announced.promise.catch(() => {});
    let ready = false;
    onLines(this.#child.stdout!, (line) => {
      const announced = ready ? undefined : parseReady(line);
      if (!announced) return write(line + "\n");
      ready = true;
      this.#announced.resolve(announced);
    });
    onLines(this.#child.stderr!, (line) => {
      this.#lastLine = line.slice(0, 300);
      write(line + "\n");
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** Whether {@linkcode stop} was called. */
  get stopping(): boolean {
    return this.#stopping;
  }

  /** What it announced. Rejects when it ends first or has not announced itself after `timeoutMs`. */
  async ready(timeoutMs: number): Promise<Ready> {
    const { promise: late, reject } = Promise.withResolvers<never>();
    late.catch(() => {});
    const cancel = this.#clock.after(
      timeoutMs,
      () => reject(new Error(`node agent is not ready after ${timeoutMs} ms`)),
    );
    const ended = this.ended.then((how): never => {
      throw new Error(`node agent ${how} before it was ready${this.#lastLine && `: ${this.#lastLine}`}`);
    });
    try {
      return await Promise.race([this.#announced.promise, ended, late]);
    } finally {
      ended.catch(() => {});
      cancel();
    }
  }

  /** Ends the process: SIGTERM, then SIGKILL after `graceMs`. True where it had to be killed. Twice is once. */
  async stop(graceMs: number): Promise<boolean> {
    if (!this.#stopping) this.#signal("SIGTERM");
    this.#stopping = true;
    let killed = false;
    const cancel = this.#clock.after(graceMs, () => killed = this.#signal("SIGKILL"));
    await this.ended;
    cancel();
    return killed;
  }

  /** Not by `ChildProcess.kill`: in Deno that closes the agent's stdin too, which says that its parent is gone. */
  #signal(signal: "SIGTERM" | "SIGKILL"): boolean {
    const { pid, exitCode, signalCode } = this.#child;
    if (pid === undefined || exitCode !== null || signalCode !== null) return false;
    try {
      return process.kill(pid, signal);
    } catch {
      return false;
    }
  }
}

/** Calls `take` with every line; the end of an overlong one is left out. */
function onLines(stream: Readable, take: (line: string) => void): void {
  let rest = "";
  stream.setEncoding("utf8");
  stream.on("data", (text: string) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!.slice(0, LINE_LENGTH_MAX);
    for (const line of lines) take(line.slice(0, LINE_LENGTH_MAX));
  });
  stream.on("end", () => {
    if (rest) take(rest);
  });
}

function parseReady(line: string): Ready | undefined {
  if (!line.startsWith("{")) return undefined;
  let ready: Record<string, unknown> | undefined;
  try {
    ready = JSON.parse(line).ready;
  } catch {
    return undefined;
  }
  if (typeof ready !== "object" || ready === null) return undefined;
  const { address, port, memoryBytes } = ready;
  if (typeof address !== "string" || typeof port !== "number" || typeof memoryBytes !== "number") return undefined;
  if (address === "" || !(port > 0 && port <= 65_535) || !(memoryBytes > 0)) return undefined;
  return { address, port, memoryBytes };
}
