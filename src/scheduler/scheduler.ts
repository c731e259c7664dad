import { type CallOptions, newId, PlatformError } from "../base/mod.ts";
import { type Capacity, ContainerPhase, DEFAULT_CAPACITY } from "../core/mod.ts";
import type { Context, SchedulerParts } from "./context.ts";
import { Controller } from "./controller.ts";
import { TablesDirectory } from "./directory.ts";
import { Crew } from "./crew.ts";
import { Dispatcher } from "./dispatcher.ts";
import { defineFunction, refuseTooLarge } from "./functions.ts";
import { explain } from "./explain.ts";
import { History } from "./history.ts";
import { DEFAULT_SCHEDULER_OPTIONS, type SchedulerOptions } from "./options.ts";
import { notServing } from "./outcome.ts";
import type {
  AcquireRequest,
  ContainerFilter,
  ContainerView,
  DecisionView,
  Grant,
  NodeView,
  ReleaseRequest,
  SchedulerPort,
  Summary,
} from "./ports.ts";
import { Recovery } from "./recovery.ts";
import { Feed } from "./score/feed.ts";
import { LiveScore } from "./score/live_score.ts";
import { Meter } from "./score/meter.ts";
import type { ScoreView } from "./score/view.ts";
import { State } from "./state.ts";
import { describe, viewContainers, viewNodes, viewSummary } from "./views.ts";
import { containerNumber } from "./watcher.ts";

/** Decides which container runs an invocation, and when containers and nodes come and go. */
export class Scheduler implements SchedulerPort {
  private readonly state: State;
  private readonly context: Context;
  private readonly dispatcher: Dispatcher;
  private readonly controller: Controller;
  /** The ingress threads, where there are any. */
  readonly crew: Crew;
  private readonly closing = new AbortController();
  private recovery?: Recovery;
  private readySinceMs?: number;
  private stage: "new" | "rebuilding" | "ready" | "closed" = "new";

  constructor(parts: SchedulerParts, options: Partial<SchedulerOptions> = {}, capacity: Capacity = DEFAULT_CAPACITY) {
    const score = new LiveScore();
    const feed = parts.observer && new Feed(parts.observer, (fn) => score.meanRunMs(fn));
    this.state = new State(capacity, (fn) => {
      score.forgotten(fn);
      parts.policy.forgotten?.(fn.facts);
    }, (container, nowMs) => {
      meter.readContainer(container, nowMs);
      feed?.containerLeft(containerNumber(container.slot, container.generation));
    });
    const meter = new Meter(this.state, score);
    const { tables } = this.state;
    const stopGrants = (slot: number) => {
      const record = this.state.containerBySlot[slot];
      if (record && this.state.drain(record) === ContainerPhase.removing) this.controller.drained();
    };
    this.dispatcher = new Dispatcher(
      tables,
      parts.clock,
      new TablesDirectory(tables, (fn) => describe(this.state, fn.slot)),
      {
        hungry: (fn) => this.controller.hungry(fn.slot),
        drained: () => this.controller.drained(),
        broken: stopGrants,
      },
    );
    const ownerId = options.ownerId ?? newId();
    let requests = 0;
    this.context = {
      ...parts,
      options: { ...DEFAULT_SCHEDULER_OPTIONS, ownerId, ...options },
      state: this.state,
      dispatcher: this.dispatcher,
      stopGrants,
      failWaiting: (error, fn) => {
        this.dispatcher.failWaiting(error, fn.slot);
        this.crew.failWaiting(error, fn.slot);
      },
      hungry: (fn) => this.controller.hungry(fn.slot),
      history: new History(parts.clock),
      ...{ score, meter, feed },
      closing: this.closing.signal,
      wake: () => this.controller.wake(),
      newRequestId: () => `${ownerId}-${++requests}`,
    };
    this.controller = new Controller(this.context);
    this.crew = new Crew({
      tables,
      log: parts.log,
      cluster: this,
      notReady: () => this.notReady(),
      define: (spec) => {
        const tooLarge = refuseTooLarge(tables, spec);
        if (tooLarge) throw tooLarge;
        const fn = this.define(spec);
        fn.lastUsedMs = parts.clock.nowMs();
        return { slot: fn.slot, generation: tables.functions.generation(fn.slot), spec: fn.spec };
      },
      release: (request) => void this.dispatcher.release(request),
      hungry: (slot) => this.controller.hungry(slot),
      drained: () => this.controller.drained(),
      sweep: (worker) => this.dispatcher.sweep(worker),
    });
  }

  get options(): SchedulerOptions {
    return this.context.options;
  }

  /** What a thread needs to work on the same tables. */
  get shared(): { readonly capacity: Capacity; readonly buffer: SharedArrayBuffer } {
    return { capacity: this.state.tables.capacity, buffer: this.state.tables.buffer };
  }

  /** Rebuilds the state from what is running, then serves. Resolves when it serves. */
  async start(): Promise<void> {
    if (this.stage === "closed") return;
    this.stage = "rebuilding";
    const { nodes, stats, remover, shaper } = this.controller;
    const define = (spec: AcquireRequest["function"]) => void this.define(spec);
    const onTrouble = () => this.crew.tellStage();
    this.recovery = new Recovery(this.context, nodes, stats, remover, shaper, define, onTrouble);
    await this.recovery.run();
    if (this.closing.signal.aborted) return;
    this.stage = "ready";
    this.readySinceMs = this.context.clock.nowMs();
    this.crew.tellStage();
    this.controller.start();
    if ((this.state.tables.capacity.workers ?? 1) > 1) void this.dispatcher.readMail(() => this.stage !== "closed");
  }

  /** Why it does not serve now; undefined when it does. */
  notReady(): string | undefined {
    if (this.stage === "ready") return undefined;
    if (this.stage === "closed") return "the scheduler is closing";
    return this.recovery?.trouble ?? "the scheduler is rebuilding its state";
  }

  acquire(request: AcquireRequest, options: CallOptions): Promise<Grant> {
    try {
      return Promise.resolve(this.acquireNow(request, options));
    } catch (error) {
      return Promise.reject(error);
    }
  }

  /** As `acquire`, but a warm grant is answered without a promise. */
  acquireNow(request: AcquireRequest, options: CallOptions): Grant | Promise<Grant> {
    const reason = this.notReady();
    if (reason) throw notServing(reason);
    const tooLarge = refuseTooLarge(this.state.tables, request.function);
    if (tooLarge) throw tooLarge;
    const timeoutMs = options.timeoutMs ?? this.context.options.acquireTimeoutMs;
    return this.dispatcher.acquire(request.requestId, this.define(request.function), { ...options, timeoutMs });
  }

  release(request: ReleaseRequest): Promise<void> {
    // Before the rebuild is done a lease may not be known yet: the caller tries again.
    const reason = this.stage === "closed" ? undefined : this.notReady();
    if (reason) return Promise.reject(notServing(reason));
    this.dispatcher.release(request);
    return Promise.resolve();
  }

  listNodes(): Promise<NodeView[]> {
    return Promise.resolve(viewNodes(this.state));
  }

  listContainers(filter: ContainerFilter): Promise<ContainerView[]> {
    return Promise.resolve(viewContainers(this.state, filter, this.context.clock));
  }

  summary(): Promise<Summary> {
    return Promise.resolve(viewSummary(this.state, this.context.policy.name));
  }

  score(): Promise<ScoreView> {
    const { context, controller, readySinceMs } = this;
    const { policy, observer, clock, score } = context;
    controller.readAll();
    return Promise.resolve(score.view({
      policy: policy.name,
      seconds: readySinceMs === undefined ? 0 : (clock.nowMs() - readySinceMs) / 1_000,
      missed: controller.missed,
      shadows: observer?.view(),
    }));
  }

  explain(requestId: string): Promise<DecisionView[]> {
    return Promise.resolve(explain(this.state, this.context.history, this.context.clock, requestId));
  }

  /** Throws unless the tables and the records agree. For tests and checkers. */
  checkInvariants(): void {
    this.state.checkInvariants();
  }

  /** Stops deciding and fails who waits. Nodes and containers stay as they are, for the next scheduler. */
  close(): void {
    if (this.stage === "closed") return;
    this.stage = "closed";
    this.controller.stop();
    this.crew.tellStage();
    this.state.tables.mailboxes.ring(this.state.tables.worker);
    this.dispatcher.failWaiting(new PlatformError("unavailable", "the scheduler is closing"));
    this.closing.abort(new PlatformError("cancelled", "the scheduler is closing"));
    for (const node of this.state.nodes) node.port.close();
    this.context.observer?.close();
  }

  private define(spec: AcquireRequest["function"]) {
    return defineFunction(this.state, this.context.stopGrants, spec, this.context.clock.nowMs());
  }
}
