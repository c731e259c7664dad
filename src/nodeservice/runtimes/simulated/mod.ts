/** The runtime that only keeps time and memory, by the reference environment: for tests and load without processes. */
import { type Clock, MIB, PlatformError, sleep } from "../../../base/mod.ts";
import type { Container, ContainerRuntime, CreateRequest } from "../../runtime.ts";
import { SimulatedContainer } from "./container.ts";
import { REFERENCE_NODE } from "./model.ts";
import { Processors } from "./processors.ts";
import { parseProgram } from "./program.ts";

/** The clock and the node of a simulated runtime; what is missing is as in the reference environment. */
export interface SimulatedRuntimeOptions {
  readonly clock: Clock;
  /** Processors of the node. */
  readonly cores?: number;
  /** What a start takes: a delay, and core-milliseconds that starts share with one another and with what runs. */
  readonly startDelayMs?: number;
  readonly startCpuMs?: number;
}

/**
 * A runtime whose containers run `Program`s: a function's code and an event may each be one, as JSON like
 * `{ "cpuMs": 26, "sleepMs": 100, "memoryMiB": 200 }`. The same calls at the same times of `clock` give the same run.
 */
export function createSimulatedRuntime(options: SimulatedRuntimeOptions): ContainerRuntime {
  return new SimulatedRuntime(options);
}

class SimulatedRuntime implements ContainerRuntime {
  readonly name = "simulated";
  readonly enforcement = [
    { what: "memory", enforced: true, how: "simulated: out of memory above the function's limit" },
    { what: "cpu", enforced: true, how: "simulated: quota and shared processors" },
    { what: "code", enforced: false, how: "simulated: no code runs" },
  ];
  readonly processors: number;
  readonly #clock: Clock;
  readonly #processors: Processors;
  readonly #start: { readonly delayMs: number; readonly cpuMs: number };
  readonly #containers = new Set<SimulatedContainer>();
  readonly #closing = new AbortController();

  constructor(options: SimulatedRuntimeOptions) {
    this.#clock = options.clock;
    this.processors = options.cores ?? REFERENCE_NODE.cores;
    this.#processors = new Processors(this.processors, options.clock);
    const { startDelayMs, startCpuMs } = REFERENCE_NODE;
    this.#start = { delayMs: options.startDelayMs ?? startDelayMs, cpuMs: options.startCpuMs ?? startCpuMs };
  }

  async create(request: CreateRequest, signal?: AbortSignal): Promise<Container> {
    const stop = signal ? AbortSignal.any([signal, this.#closing.signal]) : this.#closing.signal;
    const { functionName, memoryBytes } = request.function;
    const startedMs = this.#clock.nowMs();
    const group = `start ${request.containerId}`;
    try {
      await sleep(this.#clock, this.#start.delayMs, stop);
      // Its quota comes after the start: one processor is what a start can use.
      await this.#processors.work(group, 1, this.#start.cpuMs, stop);
    } catch {
      throw new PlatformError("cancelled", `Start of function "${functionName}" was cancelled`);
    } finally {
      this.#processors.forget(group);
    }
    const program = parseProgram(request.code);
    if (program.failure === "import") {
      const message = `Function "${functionName}" could not be loaded: its program says so`;
      throw new PlatformError("failed_precondition", message, { failure: "import" });
    }
    if (memoryBytes < REFERENCE_NODE.idleBytes) {
      const message = `Function "${functionName}" needs more than its ${Math.floor(memoryBytes / MIB)} MiB to start`;
      throw new PlatformError("resource_exhausted", message, { failure: "out_of_memory" });
    }
    const times = { bootMs: this.#clock.nowMs() - startedMs, importMs: 0 };
    const container: SimulatedContainer = new SimulatedContainer(request, times, {
      ...{ program, processors: this.#processors, clock: this.#clock },
      onRemoved: () => this.#containers.delete(container),
    });
    this.#containers.add(container);
    return container;
  }

  memoryBytes(): number {
    return [...this.#containers].reduce((bytes, container) => bytes + container.usage().memoryBytes, 0);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all([...this.#containers].map((container) => container.remove()));
  }
}
