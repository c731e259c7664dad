import { assert, type FailureKind, type FunctionSpec, NO_OWNER, PlatformError, type Random } from "../../base/mod.ts";
import type { ContainerReport, NodeReport } from "../../scheduler/ports.ts";
import { quotaCores } from "../../nodeservice/runtimes/simulated/model.ts";
import type { VirtualClock } from "../engine/virtual_clock.ts";
import { type Run, SimContainer, type Started } from "./container.ts";
import type { ClusterOptions } from "./options.ts";
import { Processors } from "./processors.ts";
import type { Timeline } from "./timeline.ts";

/** Creations whose request id is remembered: a second message of one comes soon or never. */
const REQUESTS_MAX = 1 << 14;

/** What nodes share. */
export interface NodeParts {
  readonly clock: VirtualClock;
  readonly random: Random;
  readonly options: ClusterOptions;
  readonly timeline: Timeline;
  /** Index in the workload of the function that the scheduler knows by this name. */
  readonly functionIndex: (functionName: string) => number;
}

/** One life of a node with its agent: starts, runs, measures and removes containers. */
export class SimNode {
  isUp = true;
  owner = NO_OWNER;
  liveId: string;
  /** Creations refused for want of room: a scheduler that knows what is here asks for none. */
  refused = 0;
  /** Its index in the timeline, from its reservation on. */
  index = -1;
  readonly containers = new Map<string, SimContainer>();
  readonly #byRequest = new Map<string, SimContainer>();
  readonly #jobs = new Map<Run, number>();
  readonly #parts: NodeParts;
  readonly #processors: Processors;
  #usedBytes = 0;
  /** What its containers may use in all. */
  #promisedBytes = 0;
  #made = 0;
  #lives = 1;
  #reportedMs = 0;

  constructor(readonly nodeId: string, parts: NodeParts) {
    this.#parts = parts;
    this.liveId = `${nodeId}.1`;
    this.#processors = new Processors(parts.options.cores, parts.clock);
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /**
   * Starts a container; the same request again is the same container. As the real agent does, it refuses what would be
   * more than its memory.
   */
  create(
    { requestId, spec }: { requestId: string; spec: FunctionSpec },
    answer: (started: Started) => void,
    fail: (error: PlatformError) => void,
  ): void {
    const known = this.#byRequest.get(requestId);
    if (known?.started) return answer(known.started);
    if (known?.failed) return fail(known.failed);
    if (known) return void known.asked.push({ answer, fail });
    const { clock, options, timeline, functionIndex } = this.#parts;
    if (this.#promisedBytes + spec.memoryBytes > options.nodeMemoryBytes * options.overcommitMax) {
      this.refused++;
      return fail(new PlatformError("resource_exhausted", `${this.nodeId} has no room for ${spec.memoryBytes} bytes`));
    }
    const containerId = `${this.nodeId}.${++this.#made}`;
    const span = { functionIndex: functionIndex(spec.functionName), node: this.index, memoryBytes: spec.memoryBytes };
    const index = timeline.created(span, clock.nowMs());
    // What one holds is measured over all functions, and may be more than this one has.
    const idleBytes = Math.min(options.idleBytes, spec.memoryBytes);
    const container = new SimContainer(this, containerId, spec, index, clock.nowMs(), idleBytes);
    container.asked.push({ answer, fail });
    this.containers.set(containerId, container);
    this.#byRequest.set(requestId, container);
    if (this.#byRequest.size > REQUESTS_MAX) this.#byRequest.delete(this.#byRequest.keys().next().value!);
    this.#promisedBytes += spec.memoryBytes;
    this.#usedBytes += container.usedBytes;
    this.#relieve();
    const onUp = () => this.#onUp(container);
    clock.after(options.startDelayMs, () => {
      clock.quiet();
      if (container.phase !== "starting") return;
      if (options.startCpuMs === 0) onUp();
      // Its quota comes after the start: one processor is what a start can use.
      else this.#processors.work(`start ${containerId}`, 1, options.startCpuMs, onUp);
    });
  }

  /** Removes a container with what runs in it; one that is not here is as good as removed. */
  remove(containerId: string): void {
    const container = this.containers.get(containerId);
    if (!container) return;
    this.#kill(container, "unavailable");
    this.#forget(container);
  }

  /** Begins a run; false where the container takes none. */
  begin(run: Run, containerId: string): boolean {
    const container = this.isUp ? this.containers.get(containerId) : undefined;
    if (container?.phase !== "ready") return false;
    const { clock } = this.#parts;
    run.container = container;
    run.containerIndex = container.index;
    run.isSleeping = false;
    run.beganMs = clock.nowMs();
    run.containerPeakBytes = 0;
    container.runs.add(run);
    container.usedBytes += run.peakBytes;
    this.#usedBytes += run.peakBytes;
    const { memoryBytes } = container.spec;
    for (const one of container.runs) {
      one.containerPeakBytes = Math.min(memoryBytes, Math.max(one.containerPeakBytes, container.usedBytes));
    }
    if (container.usedBytes > memoryBytes) this.#outOfMemory(container);
    else this.#relieve();
    if (run.container !== container) return true;
    if (run.cpuMs === 0) this.#sleep(run);
    else {
      clock.schedule(run, run.beganMs + run.timeoutMs);
      const job = this.#processors.work(containerId, quotaCores(memoryBytes), run.cpuMs, () => {
        this.#jobs.delete(run);
        this.#sleep(run);
      });
      this.#jobs.set(run, job);
    }
    return true;
  }

  /** A run's own event: the end of its sleep, or of its time. */
  due(run: Run): void {
    const container = run.container!;
    if (run.isSleeping) return this.#end(run, undefined);
    this.#end(run, "timeout");
    // A container in which something ran out of time is not used again, as with the real agent.
    if (container.phase === "ready") container.phase = "dead";
  }

  /** The node dies with all that is on it. */
  crash(): void {
    this.isUp = false;
    for (const { containerId } of [...this.containers.values()]) this.remove(containerId);
  }

  /** The agent starts anew: without its containers, as nobody's. */
  restart(): void {
    for (const { containerId } of [...this.containers.values()]) this.remove(containerId);
    this.#byRequest.clear();
    this.owner = NO_OWNER;
    this.liveId = `${this.nodeId}.${++this.#lives}`;
  }

  report(): NodeReport {
    const { clock, options } = this.#parts;
    const elapsedMs = clock.nowMs() - this.#reportedMs;
    this.#reportedMs = clock.nowMs();
    let cpuMs = 0;
    const containers: ContainerReport[] = [];
    for (const container of this.containers.values()) {
      const usedMs = this.#processors.usedMs(container.containerId);
      const own = elapsedMs > 0 ? usedMs - container.cpuUsedMs : 0;
      container.cpuUsedMs = usedMs;
      cpuMs += own;
      containers.push({
        containerId: container.containerId,
        function: container.spec,
        memoryLimitBytes: container.spec.memoryBytes,
        memoryUsageBytes: container.usedBytes,
        cpuUsagePct: own / elapsedMs * 100,
        requestIds: Array.from(container.runs, (run) => run.requestId),
        usable: container.phase === "ready",
      });
    }
    return {
      liveId: this.liveId,
      ...this.owner,
      totalMemoryBytes: options.nodeMemoryBytes,
      admittedMemoryBytes: options.nodeMemoryBytes * options.overcommitMax,
      memoryUsageBytes: this.#usedBytes,
      cpuUsagePct: elapsedMs > 0 ? cpuMs / elapsedMs / options.cores * 100 : 0,
      containers,
    };
  }

  #onUp(container: SimContainer): void {
    if (container.phase !== "starting") return;
    const { random, options: { startFailureRate } } = this.#parts;
    if (startFailureRate > 0 && random.float() < startFailureRate) return this.#kill(container, "crash");
    const nowMs = this.#parts.clock.nowMs();
    container.phase = "ready";
    container.started = { containerId: container.containerId, bootMs: nowMs - container.beganMs, importMs: 0 };
    this.#processors.forget(`start ${container.containerId}`);
    this.#parts.timeline.ready(container.index, nowMs);
    for (const { answer } of container.asked) answer(container.started);
    container.asked.length = 0;
  }

  #sleep(run: Run): void {
    const { clock } = this.#parts;
    const endMs = clock.nowMs() + run.sleepMs, deadlineMs = run.beganMs + run.timeoutMs;
    run.isSleeping = endMs <= deadlineMs;
    clock.schedule(run, Math.min(endMs, deadlineMs));
  }

  #end(run: Run, failure: FailureKind | undefined): void {
    const container = run.container!;
    const { clock, options } = this.#parts;
    clock.cancel(run);
    const job = this.#jobs.get(run);
    if (job !== undefined) {
      this.#jobs.delete(run);
      this.#processors.stop(job);
    }
    run.container = undefined;
    container.runs.delete(run);
    container.usedBytes -= run.peakBytes;
    this.#usedBytes -= run.peakBytes;
    assert(container.usedBytes >= 0 && this.#usedBytes >= 0, "more memory is given back than was taken");
    run.ended(failure, options.peakTold === "call" ? run.peakBytes : run.containerPeakBytes);
  }

  /** While the containers hold more than the node has, the largest is killed. */
  #relieve(): void {
    while (this.#usedBytes > this.#parts.options.nodeMemoryBytes) {
      let largest: SimContainer | undefined;
      for (const one of this.containers.values()) if (one.usedBytes > (largest?.usedBytes ?? 0)) largest = one;
      assert(largest, "a node without containers holds memory");
      this.#outOfMemory(largest);
    }
  }

  #outOfMemory(container: SimContainer): void {
    this.#parts.timeline.outOfMemory(container.index);
    this.#kill(container, "out_of_memory");
  }

  /** Ends all that runs in a container; it takes nothing any more and holds nothing. */
  #kill(container: SimContainer, failure: FailureKind): void {
    const isStarting = container.phase === "starting";
    if (isStarting) {
      container.failed = new PlatformError("resource_exhausted", "the container ended before it was up");
      for (const { fail } of container.asked) fail(container.failed);
      container.asked.length = 0;
    }
    container.phase = "dead";
    for (const run of [...container.runs]) this.#end(run, failure);
    this.#usedBytes -= container.usedBytes;
    container.usedBytes = 0;
    // Of a start that failed nothing is left.
    if (isStarting) this.#forget(container);
  }

  #forget(container: SimContainer): void {
    const { containerId, spec, index } = container;
    if (!this.containers.delete(containerId)) return;
    container.phase = "gone";
    this.#promisedBytes -= spec.memoryBytes;
    this.#parts.timeline.removed(index, this.#parts.clock.nowMs());
    this.#processors.forget(containerId);
    this.#processors.forget(`start ${containerId}`);
  }
}
