import {
  type Clock,
  type FunctionSpec,
  type Invocation,
  type InvocationReply,
  MIB,
  sleep,
  type StartTimes,
} from "../../../base/mod.ts";
import type { Container, Failure } from "../../runtime.ts";
import { Call, type CallOwner } from "./call.ts";
import type { Cgroup } from "./cgroup.ts";
import type { Channel } from "./channel.ts";
import type { MemoryMeter } from "./memory.ts";
import { type Output, OUTPUT_BYTES_MAX } from "./output.ts";
import { processCpuMs } from "./procfs.ts";

/** How long a container may take to show that it is not stuck. */
const PING_MS = 500;
/** How long an invocation may go on after its caller left. */
const CANCEL_GRACE_MS = 1_000;
/** How long after a broken connection the process may take to end. */
const EXIT_MS = 500;
/** How long the pipes of a process that has ended may still hold something. */
const DRAIN_MS = 500;

/** What a running container is made of. */
export interface ContainerParts {
  readonly containerId: string;
  readonly function: FunctionSpec;
  readonly folder: string;
  readonly child: Deno.ChildProcess;
  readonly channel: Channel;
  readonly output: Output;
  readonly cgroup?: Cgroup;
  readonly meter: MemoryMeter;
  readonly clock: Clock;
}

/** One Deno process with a function's code in it. */
export class ProcessContainer implements Container, CallOwner {
  times: StartTimes = { bootMs: 0, importMs: 0 };
  readonly clock: Clock;
  /** Resolves, once the process has ended, with what that means for whatever ran in it. */
  readonly exited: Promise<Failure>;
  readonly #parts: ContainerParts;
  readonly #calls = new Set<Call>();
  /** Keys of calls whose caller left and which did not end in time. */
  readonly #abandoned = new Set<number>();
  readonly #removal = new AbortController();
  #ending?: Failure;
  #hasTimedOut = false;
  #lastKey = 0;
  #outputWhenIdle = 0;
  #removed?: Promise<void>;
  /** Processor time when it came up, and now. */
  #startCpuMs = 0;
  #cpuMs = 0;

  constructor(parts: ContainerParts) {
    this.#parts = parts;
    this.clock = parts.clock;
    this.exited = parts.child.status.then((status) => this.#onExit(status));
  }

  get containerId(): string {
    return this.#parts.containerId;
  }
  get functionName(): string {
    return this.#parts.function.functionName;
  }
  get usable(): boolean {
    return !this.#ending && !this.#hasTimedOut;
  }

  async invoke(invocation: Invocation, signal: AbortSignal): Promise<InvocationReply> {
    if (!this.usable) {
      const message = `Container ${this.containerId} takes no further invocation: ` +
        (this.#ending?.message ?? "an earlier one ran into its timeout");
      const footer = { durationNanos: 0, maxMemoryBytes: 0, failure: { kind: "unavailable" as const, message } };
      return { body: nothing(), footer: Promise.resolve(footer) };
    }
    // Each call is told the most that its container held while it ran itself.
    const { meter } = this.#parts;
    const peakBytes = meter.peakBytes();
    for (const call of this.#calls) call.notePeak(peakBytes);
    meter.resetPeak();
    const call = new Call(++this.#lastKey, this.#parts.output.bytes, this, invocation, signal);
    this.#calls.add(call);
    return await call.run();
  }

  /** It can take calls from now on. */
  cameUp(times: StartTimes): void {
    this.times = times;
    this.#startCpuMs = this.#readCpuMs();
  }

  usage(): { memoryBytes: number; cpuMs: number } {
    return { memoryBytes: this.#parts.meter.bytes(), cpuMs: this.#readCpuMs() - this.#startCpuMs };
  }

  remove(): Promise<void> {
    return this.#removed ??= this.#remove();
  }

  /** Kills the process; whatever runs in it fails with `failure`. */
  stop(failure: Failure): void {
    this.#ending ??= failure;
    this.#parts.cgroup?.liftCpuLimit();
    try {
      this.#parts.child.kill("SIGKILL");
    } catch {
      // It has ended by itself.
    }
    for (const call of [...this.#calls]) call.fail(this.#ending);
  }

  /** Called whenever the container has printed something. */
  checkOutput(): void {
    let base = this.#calls.size === 0 ? this.#outputWhenIdle : Infinity;
    for (const call of this.#calls) base = Math.min(base, call.outputBytes);
    if (this.#ending || this.#parts.output.bytes - base <= OUTPUT_BYTES_MAX) return;
    const message = `Function "${this.functionName}" printed more than ${OUTPUT_BYTES_MAX / MIB} MiB in one invocation`;
    this.stop({ kind: "output_limit", message });
  }

  /** Called where the container's memory is polled and over its limit. */
  stopForMemory(): void {
    this.stop(this.#outOfMemory());
  }

  open(...request: Parameters<Channel["open"]>): ReturnType<Channel["open"]> {
    return this.#parts.channel.open(...request);
  }

  peakBytes(): number {
    return this.#parts.meter.peakBytes();
  }

  onEnded(call: Call): void {
    this.#calls.delete(call);
    if (this.#calls.size > 0) return;
    this.#outputWhenIdle = this.#parts.output.bytes;
    if (this.#hasTimedOut) this.stop({ kind: "timeout", message: "an invocation ran into its timeout" });
    else if (this.#abandoned.size > 0) this.#endAbandoned();
  }

  async onTimeout(call: Call): Promise<void> {
    const { functionName } = this;
    this.#hasTimedOut = true;
    call.fail({ kind: "timeout", message: `Function "${functionName}" ran longer than its ${call.timeoutMs} ms` });
    if (this.#calls.size === 0 || await this.#runningKeys()) return;
    const message = `Function "${functionName}": the container was stopped, another invocation in it blocked it`;
    this.stop({ kind: "unavailable", message });
  }

  async onLeft(call: Call): Promise<void> {
    if (this.#ending) return;
    // That its connection has gone is not always noticed there: it is told as well.
    void this.#ask("POST", "/leave", call.key);
    try {
      await sleep(this.clock, CANCEL_GRACE_MS, this.#removal.signal);
    } catch {
      return;
    }
    this.#abandoned.add(call.key);
    await this.#endAbandoned();
  }

  async explainLoss(): Promise<Failure> {
    const stopWaiting = new AbortController();
    const exited = await Promise.race([this.exited, sleep(this.clock, EXIT_MS, stopWaiting.signal).catch(() => {})]);
    stopWaiting.abort();
    if (exited) return exited;
    if (await this.#runningKeys()) {
      return { kind: "exception", message: `Function "${this.functionName}" broke its connection` };
    }
    this.stop({ kind: "crash", message: `Function "${this.functionName}": its process stopped answering` });
    return this.#ending!;
  }

  /** Stops the container where only what nobody waits for any more runs in it. */
  async #endAbandoned(): Promise<void> {
    if (this.#ending || this.#calls.size > 0) return;
    const running = await this.#runningKeys();
    for (const key of this.#abandoned) if (running && !running.includes(key)) this.#abandoned.delete(key);
    if (this.#ending || this.#calls.size > 0 || this.#abandoned.size === 0) return;
    this.stop({ kind: "cancelled", message: "an invocation went on after its caller had left" });
  }

  /** The keys of the calls that run in it; undefined where it does not answer within {@linkcode PING_MS}. */
  async #runningKeys(): Promise<number[] | undefined> {
    const keys = await this.#ask("GET", "/running");
    return Array.isArray(keys) ? keys : undefined;
  }

  /** What the harness answers; undefined where it does not within {@linkcode PING_MS}. */
  async #ask(method: string, path: string, body?: unknown): Promise<unknown> {
    const timer = new AbortController();
    const stopTimer = this.clock.after(PING_MS, () => timer.abort());
    try {
      const signal = AbortSignal.any([timer.signal, this.#removal.signal]);
      return await this.#parts.channel.json(method, path, body, signal);
    } catch {
      return undefined;
    } finally {
      stopTimer();
    }
  }

  async #onExit(status: Deno.CommandStatus): Promise<Failure> {
    const drained = new AbortController();
    await Promise.race([this.#parts.output.ended, sleep(this.clock, DRAIN_MS, drained.signal).catch(() => {})]);
    drained.abort();
    this.#ending ??= this.#judge(status);
    for (const call of [...this.#calls]) call.fail(this.#ending);
    return this.#ending;
  }

  #judge(status: Deno.CommandStatus): Failure {
    const heapIsFull = status.signal !== null &&
      /heap out of memory|Fatal JavaScript out of memory/i.test(this.#parts.output.stderrTail);
    if (heapIsFull || this.#parts.meter.ranOut()) return this.#outOfMemory();
    const how = status.signal ? `was ended by ${status.signal}` : `ended with exit code ${status.code}`;
    return { kind: "crash", message: `Function "${this.functionName}": its process ${how}` };
  }

  #outOfMemory(): Failure {
    const { functionName, memoryBytes } = this.#parts.function;
    const what = this.#parts.meter.ranOut() === "node"
      ? "was stopped: its node had no memory left, and its container held the most"
      : `used more than its ${Math.floor(memoryBytes / MIB)} MiB of memory`;
    return { kind: "out_of_memory", message: `Function "${functionName}" ${what}` };
  }

  #readCpuMs(): number {
    return this.#cpuMs = processCpuMs(this.#parts.child.pid) ?? this.#cpuMs;
  }

  async #remove(): Promise<void> {
    this.stop({ kind: "unavailable", message: `Container ${this.containerId} was removed` });
    this.#removal.abort();
    await this.exited;
    const { child, output, channel, meter, cgroup, folder } = this.#parts;
    meter.stop();
    channel.close();
    await child.stdin.close().catch(() => {});
    await output.ended;
    await cgroup?.remove();
    await Deno.remove(folder, { recursive: true });
  }
}

async function* nothing(): AsyncGenerator<Uint8Array, void> {}
