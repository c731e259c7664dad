import { KIB, type LogLine, MIB } from "../../../base/mod.ts";

/** Longer lines are cut: a line is for a person. */
const LINE_BYTES_MAX = 8 * KIB;
/**
 * What comes after so many lines in one second is thrown away without a look: whoever prints more would only push out
 * the rest, and cutting millions of empty lines would keep the agent from its other containers.
 */
const LINES_PER_SECOND_MAX = 2_000;
/** Enough of stderr's end to hold V8's last words. */
const TAIL_LENGTH_MAX = 4 * KIB;
/** What a container may print during one invocation, stdout and stderr together. */
export const OUTPUT_BYTES_MAX = 16 * MIB;

interface OutputOptions {
  readonly containerId: string;
  readonly wallMs: () => number;
  readonly onLog: (line: LogLine) => void;
  /** Called after each read, when `bytes` has grown. */
  readonly onBytes: () => void;
}

/** Reads what a container prints, without a pause, so that it never waits for us; memory is bounded. */
export class Output {
  /** All that was printed. */
  bytes = 0;
  /** Resolves when the container's socket is there; rejects where both streams end before. */
  readonly ready: Promise<void>;
  /** Resolves when both streams have ended. */
  readonly ended: Promise<unknown>;
  #tail = "";
  #second = 0;
  #linesInSecond = 0;
  #droppedBytes = 0;
  readonly #options: OutputOptions;

  constructor(stdout: ReadableStream<Uint8Array>, stderr: ReadableStream<Uint8Array>, options: OutputOptions) {
    this.#options = options;
    const ready = Promise.withResolvers<void>();
    this.ready = ready.promise;
    this.ready.catch(() => {});
    this.ended = Promise.all([this.#read(stdout, "stdout", ready.resolve), this.#read(stderr, "stderr")])
      .catch(() => {})
      .then(() => {
        this.#tellDropped("stderr", options.wallMs());
        ready.reject(new Error("ended"));
      });
  }

  /** The end of what came on stderr. */
  get stderrTail(): string {
    return this.#tail;
  }

  async #read(source: ReadableStream<Uint8Array>, stream: "stdout" | "stderr", onReady?: () => void): Promise<void> {
    let timestampMs = 0;
    const lines = new LineCutter((line) => this.#onLine(stream, line, timestampMs));
    for await (let chunk of source) {
      if (onReady) {
        // The first byte is the harness's sign that it listens.
        onReady();
        onReady = undefined;
        chunk = chunk.subarray(1);
      }
      this.bytes += chunk.length;
      timestampMs = this.#options.wallMs();
      this.#onSecond(stream, Math.floor(timestampMs / 1000), timestampMs);
      this.#droppedBytes += lines.add(chunk);
      if (chunk.length > 0) this.#options.onBytes();
    }
    lines.end();
  }

  /** False once there were enough lines in this second. */
  #onLine(stream: "stdout" | "stderr", bytes: Uint8Array, timestampMs: number): boolean {
    const line = new TextDecoder().decode(bytes);
    if (stream === "stderr") this.#tail = (this.#tail + line + "\n").slice(-TAIL_LENGTH_MAX);
    this.#options.onLog({ containerId: this.#options.containerId, timestampMs, stream, line });
    return ++this.#linesInSecond < LINES_PER_SECOND_MAX;
  }

  #onSecond(stream: "stdout" | "stderr", second: number, timestampMs: number): void {
    if (second === this.#second) return;
    this.#second = second;
    this.#linesInSecond = 0;
    this.#tellDropped(stream, timestampMs);
  }

  #tellDropped(stream: "stdout" | "stderr", timestampMs: number): void {
    if (this.#droppedBytes === 0) return;
    const line = `(${this.#droppedBytes} bytes left out: more than ${LINES_PER_SECOND_MAX} lines in a second)`;
    this.#droppedBytes = 0;
    this.#options.onLog({ containerId: this.#options.containerId, timestampMs, stream, line });
  }
}

/** Cuts bytes into lines of at most {@linkcode LINE_BYTES_MAX}; the rest of a longer line is left out. */
class LineCutter {
  /** Takes a line; false where it wants no more of what is at hand. */
  readonly #onLine: (line: Uint8Array) => boolean;
  readonly #line = new Uint8Array(LINE_BYTES_MAX);
  #length = 0;
  /** What comes up to the next line break belongs to a line that was left out. */
  #isInside = false;

  constructor(onLine: (line: Uint8Array) => boolean) {
    this.#onLine = onLine;
  }

  /** The answer is how many bytes were left out. */
  add(chunk: Uint8Array): number {
    let at = 0;
    if (this.#isInside) {
      at = chunk.indexOf(10) + 1;
      if (at === 0) return chunk.length;
      this.#isInside = false;
    }
    for (;;) {
      const newline = chunk.indexOf(10, at);
      this.#append(chunk.subarray(at, newline < 0 ? chunk.length : newline));
      if (newline < 0) return 0;
      at = newline + 1;
      if (this.#flush()) continue;
      this.#isInside = at < chunk.length && chunk.at(-1) !== 10;
      return chunk.length - at;
    }
  }

  end(): void {
    if (this.#length > 0) this.#flush();
  }

  #append(part: Uint8Array): void {
    const fits = part.subarray(0, LINE_BYTES_MAX - this.#length);
    this.#line.set(fits, this.#length);
    this.#length += fits.length;
  }

  #flush(): boolean {
    const line = this.#line.subarray(0, this.#length);
    this.#length = 0;
    return this.#onLine(line);
  }
}
