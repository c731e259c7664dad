import {
  type Clock,
  EVENT_BYTES_MAX,
  type FailureKind,
  type Invocation,
  type InvocationReply,
  MIB,
  sleep,
  type StartTimes,
} from "../../../base/mod.ts";
import type { Container, CreateRequest, Failure } from "../../runtime.ts";
import { quotaCores, REFERENCE_NODE } from "./model.ts";
import { parseProgram, type Program } from "./program.ts";
import type { Processors } from "./processors.ts";

interface Run {
  readonly program: Program;
  readonly stop: AbortController;
  peakBytes: number;
}

/** A container that keeps time and memory, and runs no code. */
export class SimulatedContainer implements Container {
  readonly #request: CreateRequest;
  readonly #program: Program;
  readonly #processors: Processors;
  readonly #clock: Clock;
  readonly #onRemoved: () => void;
  readonly #runs = new Set<Run>();
  #ending?: Failure;
  #hasTimedOut = false;
  readonly #startedCpuMs: number;

  constructor(
    request: CreateRequest,
    readonly times: StartTimes,
    parts: { program: Program; processors: Processors; clock: Clock; onRemoved: () => void },
  ) {
    this.#request = request;
    this.#program = parts.program;
    this.#processors = parts.processors;
    this.#clock = parts.clock;
    this.#onRemoved = parts.onRemoved;
    this.#startedCpuMs = parts.processors.usedMs(request.containerId);
  }

  get containerId(): string {
    return this.#request.containerId;
  }
  get usable(): boolean {
    return !this.#ending && !this.#hasTimedOut;
  }

  async invoke(invocation: Invocation, signal: AbortSignal): Promise<InvocationReply> {
    const startedMs = this.#clock.nowMs();
    const stop = new AbortController();
    const run: Run = { program: await this.#programOf(invocation), stop, peakBytes: 0 };
    const onAbort = () => stop.abort(this.#failure("cancelled", "the caller left"));
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) onAbort();
    const stopTimer = this.#clock.after(invocation.timeoutMs, () => this.#onTimeout(run, invocation.timeoutMs));
    const failure = await this.#run(run);
    stopTimer();
    signal.removeEventListener("abort", onAbort);
    const durationNanos = Math.round((this.#clock.nowMs() - startedMs) * 1e6);
    const footer = Promise.resolve({ durationNanos, maxMemoryBytes: run.peakBytes, failure });
    if (failure) return { body: chunks(), footer };
    const head = { status: 200, headers: [["content-type", "application/json"]] as const };
    return { head, body: chunks(new TextEncoder().encode(JSON.stringify(run.program.answer))), footer };
  }

  usage(): { memoryBytes: number; cpuMs: number } {
    const cpuMs = this.#processors.usedMs(this.containerId) - this.#startedCpuMs;
    return { memoryBytes: this.#ending ? 0 : this.#memoryBytes(), cpuMs };
  }

  stop(failure: Failure): void {
    this.#end(failure);
  }

  remove(): Promise<void> {
    this.#end({ kind: "unavailable", message: `Container ${this.containerId} was removed` });
    this.#processors.forget(this.containerId);
    this.#onRemoved();
    return Promise.resolve();
  }

  async #programOf(invocation: Invocation): Promise<Program> {
    if (invocation.kind === "event") return parseProgram(invocation.event, this.#program);
    const parts: Uint8Array[] = [];
    let length = 0;
    for await (const part of invocation.body ?? []) {
      length += part.length;
      if (length <= EVENT_BYTES_MAX) parts.push(part);
    }
    const bytes = await new Blob(parts as BlobPart[]).bytes();
    return parseProgram(bytes, this.#program);
  }

  async #run(run: Run): Promise<Failure | undefined> {
    if (!this.usable) {
      return this.#failure("unavailable", `container ${this.containerId} takes no further invocation`);
    }
    const { containerId, onLog, function: { memoryBytes } } = this.#request;
    const { program, stop: { signal } } = run;
    this.#runs.add(run);
    this.#notePeaks();
    if (this.#memoryBytes() > memoryBytes) this.#end(this.#outOfMemory());
    try {
      if (program.print !== undefined) {
        onLog({ containerId, timestampMs: this.#clock.wallMs(), stream: "stdout", line: program.print });
      }
      await this.#processors.work(containerId, quotaCores(memoryBytes), program.cpuMs, signal);
      if (program.sleepMs > 0) await sleep(this.#clock, program.sleepMs, signal);
      signal.throwIfAborted();
      return this.#endOf(program);
    } catch (failure) {
      return failure as Failure;
    } finally {
      this.#runs.delete(run);
      if (this.#hasTimedOut && this.#runs.size === 0) this.#ending ??= this.#failure("timeout", "it timed out");
    }
  }

  #endOf({ failure: kind }: Program): Failure | undefined {
    if (kind === undefined) return undefined;
    if (kind === "exception") return this.#failure(kind, "threw Error: as its program says");
    const failure = kind === "out_of_memory" ? this.#outOfMemory() : this.#failure(kind, `ended with ${kind}`);
    this.#end(failure);
    return failure;
  }

  #onTimeout(run: Run, timeoutMs: number): void {
    this.#hasTimedOut = true;
    run.stop.abort(this.#failure("timeout", `ran longer than its ${timeoutMs} ms`));
  }

  #end(failure: Failure): void {
    this.#ending ??= failure;
    for (const run of this.#runs) run.stop.abort(failure);
  }

  #memoryBytes(): number {
    let bytes: number = REFERENCE_NODE.idleBytes;
    for (const { program } of this.#runs) bytes += program.memoryBytes;
    return bytes;
  }

  #notePeaks(): void {
    const bytes = Math.min(this.#memoryBytes(), this.#request.function.memoryBytes);
    for (const run of this.#runs) run.peakBytes = Math.max(run.peakBytes, bytes);
  }

  #outOfMemory(): Failure {
    return this.#failure(
      "out_of_memory",
      `used more than its ${Math.floor(this.#request.function.memoryBytes / MIB)} MiB of memory`,
    );
  }

  #failure(kind: FailureKind, what: string): Failure {
    return { kind, message: `Function "${this.#request.function.functionName}" ${what}` };
  }
}

async function* chunks(...parts: Uint8Array[]): AsyncGenerator<Uint8Array, void> {
  yield* parts;
}
