/** A scheduler and a node for tests, which do what they are told and remember what was asked of them. */
import {
  type CallOptions,
  type HeaderList,
  type Invocation,
  type InvocationFooter,
  type InvocationReply,
  PlatformError,
} from "../base/mod.ts";
import type { AcquireRequest, Grant, NodeView, ReleaseRequest, SchedulerPort, Summary } from "../scheduler/ports.ts";
import type { NodeAddress, NodeInvoker, NodeInvokers } from "./ports.ts";
import type { FunctionRecord } from "./records.ts";

export const NAME = { accountId: "default", functionName: "hello" };

/** A registry's record of {@linkcode NAME}. */
export const RECORD: FunctionRecord = {
  ...NAME,
  handler: "",
  memoryBytes: 128 << 20,
  timeoutMs: 1_000,
  codeHash: "0".repeat(64),
  version: 1,
  concurrency: 1,
  allowNet: [],
  codeSizeBytes: 1,
  createdAtMs: 0,
  active: true,
};

/** Knows {@linkcode RECORD} only. */
export const registryOfOne = {
  resolve(name: { functionName: string }): FunctionRecord {
    if (name.functionName === NAME.functionName) return RECORD;
    throw new PlatformError("not_found", `There is no function "${name.functionName}" in account "default"`);
  },
};

export const GRANT: Grant = { nodeId: "n1", nodeAddress: "127.0.0.1", nodePort: 1, containerId: "c1", queuedMs: 0 };

/** Grants and takes back; `onAcquire` and `onRelease` may fail or wait. */
export class TestScheduler implements SchedulerPort {
  readonly acquired: string[] = [];
  readonly released: ReleaseRequest[] = [];
  readonly granted: string[] = [];
  nodes: NodeView[] = [];
  readonly #released: (() => void)[] = [];
  onAcquire: (request: AcquireRequest, options: CallOptions) => Promise<Grant> | Grant = () => GRANT;
  onRelease: (request: ReleaseRequest) => Promise<void> | void = () => {};

  async acquire(request: AcquireRequest, options: CallOptions): Promise<Grant> {
    this.acquired.push(request.requestId);
    const grant = await this.onAcquire(request, options);
    this.granted.push(request.requestId);
    return grant;
  }

  async release(request: ReleaseRequest): Promise<void> {
    await this.onRelease(request);
    this.released.push(request);
    for (const wake of this.#released.splice(0)) wake();
  }

  /** Resolves when as many leases were handed back as were granted, at least `count`. */
  async allReleased(count = 1): Promise<ReleaseRequest[]> {
    while (this.released.length < Math.max(count, this.granted.length)) {
      await new Promise<void>((resolve) => this.#released.push(resolve));
    }
    return this.released;
  }

  listNodes(): Promise<NodeView[]> {
    return Promise.resolve(this.nodes);
  }

  listContainers(): Promise<never[]> {
    return Promise.resolve([]);
  }

  score(): Promise<never> {
    return Promise.reject(new PlatformError("unavailable", "this scheduler keeps no score"));
  }

  explain(): Promise<never[]> {
    return Promise.resolve([]);
  }

  summary(): Promise<Summary> {
    return Promise.resolve({
      policy: "test",
      leases: this.granted.length - this.released.length,
      waiting: 0,
      containers: 1,
      nodes: this.nodes.length,
      acquires: this.acquired.length,
      releases: this.released.length,
      coldStarts: 0,
      unknownReturns: 0,
      expiredLeases: 0,
      memoryCorrections: 0,
      containersCreated: 1,
      containersRemoved: 0,
      nodesLost: 0,
    });
  }
}

/** What a run of the test node does: answers by `reply`, or throws before the head. */
export type Run = (invocation: Invocation, options: CallOptions) => Promise<InvocationReply> | InvocationReply;

/** Every node there is. */
export class TestNodes implements NodeInvokers, NodeInvoker {
  readonly invoked: Invocation[] = [];

  constructor(public run: Run) {}

  get(_node: NodeAddress): NodeInvoker {
    return this;
  }

  async invoke(invocation: Invocation, options: CallOptions): Promise<InvocationReply> {
    this.invoked.push(invocation);
    return await this.run(invocation, options);
  }
}

export const GOOD: InvocationFooter = { durationNanos: 5_000_000, maxMemoryBytes: 1_000 };

/** A footer with a failure. */
export function failed(kind: NonNullable<InvocationFooter["failure"]>["kind"], message = "it failed") {
  return { ...GOOD, failure: { kind, message } };
}

export interface ReplyOptions {
  readonly status?: number;
  readonly headers?: HeaderList;
  /** Left out where the run fails before its head. */
  readonly head?: false;
  readonly body?: AsyncIterable<Uint8Array>;
  readonly footer?: InvocationFooter;
}

/** A reply whose footer comes when its body was read to the end, was returned, or has thrown. */
export function replyOf(options: ReplyOptions = {}): InvocationReply {
  const { status = 200, headers = [], head, footer = GOOD } = options;
  const body = options.body ?? chunksOf();
  const done = Promise.withResolvers<InvocationFooter>();
  const chunks = body[Symbol.asyncIterator]();
  const watched: AsyncIterableIterator<Uint8Array> = {
    [Symbol.asyncIterator]: () => watched,
    async next() {
      try {
        const next = await chunks.next();
        if (next.done) done.resolve(footer);
        return next;
      } catch (error) {
        done.resolve(footer);
        throw error;
      }
    },
    async return() {
      done.resolve(footer);
      await chunks.return?.();
      return { done: true, value: undefined };
    },
  };
  if (head === false) done.resolve(footer);
  return { head: head === false ? undefined : { status, headers }, body: watched, footer: done.promise };
}

/** A body of these texts. */
export async function* chunksOf(...texts: string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield await Promise.resolve(new TextEncoder().encode(text));
}

/** A body that gives `first` and then waits until `signal` is aborted; it fails then, as a broken stream does. */
export async function* endless(first: string, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  yield new TextEncoder().encode(first);
  await new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

/** All of a body as one text. */
export async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  let text = "";
  for await (const chunk of body) text += new TextDecoder().decode(chunk);
  return text;
}
