import {
  type CallOptions,
  type Clock,
  endsContainer,
  functionKey,
  type FunctionSpec,
  PlatformError,
} from "../base/mod.ts";
import type { Tables } from "../core/mod.ts";
import { TablesDirectory } from "./directory.ts";
import { Dispatcher, type Served } from "./dispatcher.ts";
import { refuseTooLarge, sameFunction } from "./functions.ts";
import {
  type Channel,
  type ClusterCall,
  type Defined,
  fromPlain,
  type ToController,
  type ToWorker,
} from "./messages.ts";
import { REMEMBER_MS } from "./options.ts";
import { notServing } from "./outcome.ts";
import type { AcquireRequest, ContainerFilter, Grant, ReleaseRequest, SchedulerPort } from "./ports.ts";

/** Functions remembered at once; beyond it all are asked for anew. */
const REMEMBERED_MAX = 100_000;

interface Remembered extends Served, Defined {
  readonly spec: FunctionSpec;
  readonly askedFor: FunctionSpec;
  readonly sinceMs: number;
}

/**
 * The scheduler on an ingress thread. Warm acquires and releases run to their end here, on the shared tables; what
 * changes phases, configurations or nodes is the controller's, and goes to it as a message.
 */
export class WorkerScheduler implements SchedulerPort {
  private readonly dispatcher: Dispatcher;
  private readonly functions = new Map<string, Remembered>();
  private readonly asked = new Map<number, { resolve: (value: unknown) => void; reject: (error: unknown) => void }>();
  private readonly defining = new Map<string, Promise<Remembered>>();
  private questions = 0;
  private reason: string | undefined = "the scheduler is starting";
  private closed = false;

  constructor(
    private readonly tables: Tables,
    private readonly clock: Clock,
    private readonly controller: Channel<ToController>,
    private readonly acquireTimeoutMs: number,
  ) {
    const directory = new TablesDirectory(
      tables,
      ({ slot }) => `it has ${tables.functions.countContainers(slot)} containers`,
    );
    this.dispatcher = new Dispatcher(tables, clock, directory, {
      hungry: ({ slot }) => {
        if (tables.functions.ring(slot)) controller.post({ kind: "hungry", slot });
      },
      drained: () => controller.post({ kind: "drained" }),
      // `release` hands those to the controller before it comes to this.
      broken: () => {},
    });
    void this.dispatcher.readMail(() => !this.closed);
  }

  /** Why it does not serve now; undefined when it does. */
  notReady(): string | undefined {
    return this.closed ? "the scheduler is closing" : this.reason;
  }

  /** Takes a message of the controller. */
  receive(message: ToWorker): void {
    if (message.kind === "stage") this.reason = message.notReady;
    else if (message.kind === "fail") this.dispatcher.failWaiting(fromPlain(message.error), message.slot);
    else {
      const question = this.asked.get(message.id);
      this.asked.delete(message.id);
      if (message.error) question?.reject(fromPlain(message.error));
      else question?.resolve(message.value);
    }
  }

  acquire(request: AcquireRequest, options: CallOptions): Promise<Grant> {
    const reason = this.notReady();
    if (reason) return Promise.reject(notServing(reason));
    const timeoutMs = options.timeoutMs ?? this.acquireTimeoutMs;
    const tooLarge = refuseTooLarge(this.tables, request.function);
    if (tooLarge) return Promise.reject(tooLarge);
    const known = this.known(request.function);
    try {
      if (known) return Promise.resolve(this.dispatcher.acquire(request.requestId, known, { ...options, timeoutMs }));
      return this.acquireUnknown(request, { ...options, timeoutMs });
    } catch (error) {
      return Promise.reject(error);
    }
  }

  release(request: ReleaseRequest): Promise<void> {
    const reason = this.closed ? undefined : this.reason;
    if (reason) return Promise.reject(notServing(reason));
    if (endsContainer(request.errorCode)) this.controller.post({ kind: "release", request });
    else this.dispatcher.release(request);
    return Promise.resolve();
  }

  listNodes() {
    return this.ask({ method: "listNodes", args: [] });
  }
  listContainers(filter: ContainerFilter) {
    return this.ask({ method: "listContainers", args: [filter] });
  }
  summary() {
    return this.ask({ method: "summary", args: [] });
  }
  score() {
    return this.ask({ method: "score", args: [] });
  }
  explain(requestId: string) {
    return this.ask({ method: "explain", args: [requestId] });
  }

  /** Says that this thread is alive. */
  beat(): void {
    this.tables.mailboxes.beat(this.tables.worker);
  }

  /** Fails who waits; what comes by mail after this is handed back. */
  close(): void {
    this.closed = true;
    this.dispatcher.failWaiting(new PlatformError("unavailable", "the scheduler is closing"));
    this.tables.mailboxes.ring(this.tables.worker);
  }

  private async acquireUnknown(request: AcquireRequest, options: CallOptions & { timeoutMs: number }): Promise<Grant> {
    const beganMs = this.clock.nowMs();
    const known = await this.define(request.function);
    const timeoutMs = Math.max(0, options.timeoutMs - (this.clock.nowMs() - beganMs));
    return await this.dispatcher.acquire(request.requestId, known, { ...options, timeoutMs });
  }

  /** The function where it is remembered, is young enough, and its configuration is still the present one. */
  private known(spec: FunctionSpec): Remembered | undefined {
    const known = this.functions.get(functionKey(spec));
    if (!known || this.clock.nowMs() - known.sinceMs > REMEMBER_MS) return undefined;
    if (this.tables.functions.generation(known.slot) !== known.generation) return undefined;
    const same = spec.version < known.spec.version || sameFunction(spec, known.spec) ||
      sameFunction(spec, known.askedFor);
    return same ? known : undefined;
  }

  /** Asks the controller, once for all who want to know. */
  private define(spec: FunctionSpec): Promise<Remembered> {
    const key = functionKey(spec);
    const question = `${key} ${spec.version} ${spec.codeHash} ${spec.memoryBytes} ${spec.timeoutMs} ${spec.handler}`;
    const underWay = this.defining.get(question);
    if (underWay) return underWay;
    const answer = this.question<Defined>((id) => ({ kind: "define", id, spec })).then((defined) => {
      if (this.functions.size >= REMEMBERED_MAX) this.functions.clear();
      const sinceMs = this.clock.nowMs();
      const remembered = { ...defined, askedFor: spec, sinceMs, lastUsedMs: sinceMs };
      this.functions.set(key, remembered);
      return remembered;
    }).finally(() => this.defining.delete(question));
    this.defining.set(question, answer);
    return answer;
  }

  // deno-lint-ignore no-explicit-any -- the answer is what ClusterPort says of the method
  private ask(call: ClusterCall): Promise<any> {
    return this.question((id) => ({ kind: "cluster", id, call }));
  }

  private question<T>(ask: (id: number) => ToController): Promise<T> {
    const id = ++this.questions;
    return new Promise<T>((resolve, reject) => {
      this.asked.set(id, { resolve: resolve as (value: unknown) => void, reject });
      this.controller.post(ask(id));
    });
  }
}
