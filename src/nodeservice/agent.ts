import {
  assertInteger,
  type Clock,
  CONCURRENCY_MAX,
  type FunctionSpec,
  type Invocation,
  type InvocationReply,
  type Log,
  type LogLine,
  messageOf,
  MIB,
  newId,
  NO_OWNER,
  type NodeOwner,
  PlatformError,
  supersedes,
} from "../base/mod.ts";
import { CodeCache, type CodeSource } from "./code_cache.ts";
import { ContainerLogs, type LogQuery } from "./container_logs.ts";
import { diskOf } from "./disk.ts";
import { MemoryGuard } from "./memory_guard.ts";
import { ProcessorShare } from "./processor_share.ts";
import type { Container, ContainerRuntime } from "./runtime.ts";
import type { AgentStats } from "./stats.ts";

/** Containers on one node, whatever their memory: a bound for what a wrong scheduler could start. */
const CONTAINERS_MAX = 4_096;
const NOBODY = { accountId: "", ...NO_OWNER };

/** What a node agent is made of. */
export interface NodeAgentOptions {
  readonly runtime: ContainerRuntime;
  readonly code: CodeSource;
  /** Where code is kept once it was fetched; without it every start asks `code`. */
  readonly cacheFolder?: string;
  /** What all containers together may use. */
  readonly memoryBytes: number;
  /** How far the limits of all containers together may go beyond that, as a factor; 1, the default: not at all. */
  readonly overcommit?: number;
  readonly clock: Clock;
  readonly log: Log;
}

interface Entry {
  readonly containerId: string;
  readonly requestId: string;
  readonly function: FunctionSpec;
  readonly started: Promise<Container>;
  readonly stop: AbortController;
  /** How long its code took to come. */
  fetchMs: number;
  readonly share: ProcessorShare;
  /** Undefined while it starts. */
  container?: Container;
  removed?: Promise<void>;
  readonly running: Map<symbol, string>;
}

/**
 * One node: creates, removes, invokes and measures containers, and never hands out more memory than it has, times what
 * it may be overcommitted.
 */
export class NodeAgent {
  readonly runtime: ContainerRuntime;
  readonly #options: NodeAgentOptions;
  readonly #code: CodeSource;
  readonly #entries = new Map<string, Entry>();
  readonly #byRequest = new Map<string, Entry>();
  readonly #logs = new ContainerLogs();
  readonly #guard: MemoryGuard;
  #owner = NOBODY;
  #liveId = newId();
  #closed = false;

  constructor(options: NodeAgentOptions) {
    assertInteger(options.memoryBytes, 1, Number.MAX_SAFE_INTEGER, "memoryBytes");
    this.#options = options;
    this.runtime = options.runtime;
    const { code, cacheFolder, clock, memoryBytes, runtime } = options;
    this.#guard = new MemoryGuard({
      ...{ clock, memoryBytes },
      usedBytes: () => runtime.memoryBytes() - this.#endingBytes(),
      isOvercommitted: () => this.reservedBytes > memoryBytes,
      containers: () => this.#guarded(),
    });
    this.#code = cacheFolder === undefined ? code : new CodeCache({ folder: cacheFolder, source: code });
  }

  /** Changes whenever the node is handed out anew. */
  get liveId(): string {
    return this.#liveId;
  }

  /** What the limits of all containers together may come to. */
  get admittedBytes(): number {
    return Math.floor(this.#options.memoryBytes * (this.#options.overcommit ?? 1));
  }

  /** Memory that containers hold by their limits, those that start or end included. */
  get reservedBytes(): number {
    let bytes = 0;
    for (const entry of this.#entries.values()) bytes += entry.function.memoryBytes;
    return bytes;
  }

  /**
   * Names the owner: from now on only requests with its id create and remove.
   * Errors: `failed_precondition` where it is no newer than the present one.
   */
  reserve({ accountId, ownerId, ownerEpoch }: NodeOwner & { readonly accountId: string }): void {
    this.#checkOpen();
    const owner = { accountId, ownerId, ownerEpoch };
    if (!supersedes(owner, this.#owner)) {
      const found =
        `owner_epoch is ${ownerEpoch}, but the scheduler that holds this node has ${this.#owner.ownerEpoch}`;
      throw new PlatformError("failed_precondition", found);
    }
    this.#owner = owner;
  }

  /**
   * Starts a container and answers when it can take invocations. The same request id again gives the same container,
   * also while it starts; the start goes on when `signal` is aborted, for the next try to find it.
   * Errors: `failed_precondition` (another owner; code that cannot be loaded), `resource_exhausted` (no room),
   * `already_exists` (the id was used for another function), `unavailable`.
   */
  async createContainer(
    request: { requestId: string; ownerId: string; function: FunctionSpec },
    signal?: AbortSignal,
  ): Promise<{ containerId: string; bootMs: number; importMs: number }> {
    this.#checkOpen();
    this.#checkOwner(request.ownerId);
    this.#checkHeld(request.ownerId);
    const entry = this.#byRequest.get(request.requestId) ?? this.#start(request.requestId, request.function);
    if (!sameFunction(entry.function, request.function)) {
      const message = `request_id "${request.requestId}" has created a container of another function already`;
      throw new PlatformError("already_exists", message);
    }
    const { times } = await unlessAborted(entry.started, signal);
    return { containerId: entry.containerId, bootMs: entry.fetchMs + times.bootMs, importMs: times.importMs };
  }

  /** Removes a container; one that is not here is as good as removed. Errors: `failed_precondition` (another owner). */
  async removeContainer(request: { containerId: string; ownerId: string }): Promise<void> {
    this.#checkOwner(request.ownerId);
    const entry = this.#entries.get(request.containerId);
    if (entry) await this.#remove(entry);
  }

  /** The function that a container runs. Errors: `not_found`. */
  functionOf(containerId: string): FunctionSpec {
    return this.#entry(containerId).function;
  }

  /**
   * Runs one invocation; failures of the function stand in the footer.
   * Errors: `not_found`, `unavailable` where the container takes no further invocation, `resource_exhausted`.
   */
  async invoke(invocation: Invocation, signal: AbortSignal): Promise<InvocationReply> {
    const entry = this.#entry(invocation.containerId);
    const { container, running, containerId } = entry;
    if (!container?.usable || entry.removed) {
      throw new PlatformError("unavailable", `Container ${containerId} takes no further invocation`, {
        failure: "unavailable",
      });
    }
    if (running.size >= CONCURRENCY_MAX) {
      throw new PlatformError(
        "resource_exhausted",
        `Container ${containerId} runs ${running.size} invocations already`,
      );
    }
    const key = Symbol();
    running.set(key, invocation.requestId);
    const reply = await container.invoke(invocation, signal);
    reply.footer.then(({ failure }) => {
      running.delete(key);
      if (!failure || container.usable || entry.removed) return;
      const { kind, message } = failure;
      this.#options.log.warn("a container was stopped", { ...namesOf(entry), kind, message });
    });
    return reply;
  }

  /** What runs here and what it uses. */
  async stats(): Promise<AgentStats> {
    const entries = [...this.#entries.values()];
    const nowMs = this.#options.clock.nowMs();
    const containers = entries.map((entry) => {
      const { memoryBytes, cpuMs } = entry.container?.usage() ?? { memoryBytes: 0, cpuMs: 0 };
      return {
        containerId: entry.containerId,
        function: entry.function,
        memoryUsageBytes: memoryBytes,
        cpuUsagePct: entry.share.percent(nowMs, cpuMs),
        cpuMs,
        requestIds: [...entry.running.values()],
        usable: !entry.removed && entry.container?.usable === true,
        starting: entry.container === undefined,
      };
    });
    const sum = (of: (container: typeof containers[number]) => number) => containers.reduce((s, c) => s + of(c), 0);
    return {
      liveId: this.#liveId,
      ...this.#owner,
      totalMemoryBytes: this.#options.memoryBytes,
      memoryUsageBytes: sum((container) => container.memoryUsageBytes),
      admittedMemoryBytes: this.admittedBytes,
      availableMemoryBytes: Math.max(0, this.#options.memoryBytes - this.reservedBytes),
      cpuUsagePct: sum((container) => container.cpuUsagePct) / this.runtime.processors,
      disk: await diskOf(this.#options.cacheFolder ?? "."),
      containers,
    };
  }

  /** What containers printed. Errors: see {@linkcode ContainerLogs.read}. */
  streamLogs(query: LogQuery, signal: AbortSignal): AsyncGenerator<LogLine, void> {
    return this.#logs.read(query, signal);
  }

  /** Removes every container, forgets the owner; the answer is the new live id. */
  async reset(): Promise<string> {
    this.#owner = NOBODY;
    await this.#removeAll();
    return this.#liveId = newId();
  }

  /** Removes every container and closes the runtime; later calls fail with `unavailable`. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#guard.close();
    await this.#removeAll();
    await this.runtime.close();
  }

  #start(requestId: string, spec: FunctionSpec): Entry {
    const freeBytes = this.admittedBytes - this.reservedBytes;
    if (spec.memoryBytes > freeBytes || this.#entries.size >= CONTAINERS_MAX) {
      const room = `needs ${mebibytes(spec.memoryBytes)} MiB, this node has ${mebibytes(freeBytes)} MiB free`;
      const message = `Cannot create a container of function "${spec.functionName}": ${room}`;
      throw new PlatformError("resource_exhausted", message);
    }
    const containerId = newId();
    const stop = new AbortController();
    const ready = Promise.withResolvers<Container>();
    const started = ready.promise;
    const share = new ProcessorShare(this.#options.clock.nowMs());
    const known = { containerId, requestId, function: spec, started, stop, share };
    const entry: Entry = { ...known, fetchMs: 0, running: new Map() };
    this.#entries.set(containerId, entry);
    this.#byRequest.set(requestId, entry);
    // Where it fails, nothing is left of it, and the same request may try again.
    started.then((container) => entry.container = container, (error) => {
      this.#options.log.warn("a container did not start", { ...namesOf(entry), error: messageOf(error) });
      this.#forget(entry);
    });
    this.#guard.watch();
    this.#load(entry).then(ready.resolve, ready.reject);
    return entry;
  }

  async #load(entry: Entry): Promise<Container> {
    const { containerId, function: spec, stop: { signal } } = entry;
    const { clock } = this.#options;
    const startedMs = clock.nowMs();
    const { code } = await unlessAborted(this.#code.get(spec), signal);
    entry.fetchMs = clock.nowMs() - startedMs;
    const onLog = this.#logs.open(containerId, spec);
    return await this.runtime.create({ containerId, function: spec, code, onLog }, signal);
  }

  /** What containers still hold that were stopped and are about to end: nothing more has to go for it. */
  #endingBytes(): number {
    let bytes = 0;
    for (const { container } of this.#entries.values()) {
      if (container && !container.usable) bytes += container.usage().memoryBytes;
    }
    return bytes;
  }

  #guarded() {
    return [...this.#entries.values()].flatMap((entry) => {
      const { container, running, removed } = entry;
      if (!container?.usable || removed) return [];
      const { memoryBytes } = container.usage();
      const stop = () => {
        const used = { used_mib: mebibytes(memoryBytes), in_flight: running.size };
        this.#options.log.warn("the node is out of memory: a container is stopped", { ...namesOf(entry), ...used });
        const { functionName } = entry.function;
        const message =
          `Function "${functionName}" was stopped: its node had no memory left, and its container held the most`;
        container.stop({ kind: "out_of_memory", message });
      };
      return [{ memoryBytes, inFlight: running.size, stop }];
    });
  }

  #remove(entry: Entry): Promise<void> {
    return entry.removed ??= (async () => {
      entry.stop.abort(new PlatformError("cancelled", `Container ${entry.containerId} was removed while it started`));
      const container = await entry.started.catch(() => undefined);
      await container?.remove();
      this.#forget(entry);
    })();
  }

  async #removeAll(): Promise<void> {
    await Promise.all([...this.#entries.values()].map((entry) => this.#remove(entry)));
  }

  #forget(entry: Entry): void {
    if (!this.#entries.delete(entry.containerId)) return;
    this.#byRequest.delete(entry.requestId);
    this.#logs.retire(entry.containerId);
  }

  #entry(containerId: string): Entry {
    const entry = this.#entries.get(containerId);
    if (!entry) throw new PlatformError("not_found", `Container ${containerId} is not on this node`);
    return entry;
  }

  #checkOpen(): void {
    if (this.#closed) throw new PlatformError("unavailable", "This node agent is closing");
  }

  #checkOwner(ownerId: string): void {
    const owner = this.#owner.ownerId;
    if (owner === "" || owner === ownerId) return;
    const message = `owner_id is ${ownerId === "" ? "missing" : `"${ownerId}"`}, but another scheduler holds this node`;
    throw new PlatformError("failed_precondition", message);
  }

  /** Who has reserved an agent before it started again has not got this one: its containers would be nobody's. */
  #checkHeld(ownerId: string): void {
    if (ownerId === "" || this.#owner.ownerId === ownerId) return;
    const message = `owner_id is "${ownerId}", but nobody holds this node: it must be reserved first`;
    throw new PlatformError("failed_precondition", message);
  }
}

function namesOf({ containerId, function: { accountId, functionName } }: Entry) {
  return { containerId, accountId, functionName };
}

function mebibytes(bytes: number): number {
  return Math.floor(bytes / MIB);
}

function sameFunction(a: FunctionSpec, b: FunctionSpec): boolean {
  return a.accountId === b.accountId && a.functionName === b.functionName && a.memoryBytes === b.memoryBytes &&
    a.handler === b.handler && a.codeHash === b.codeHash && a.version === b.version;
}

function unlessAborted<T>(promise: Promise<T>, signal?: AbortSignal): Promise<T> {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    signal.addEventListener("abort", onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}
