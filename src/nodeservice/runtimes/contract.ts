/** What every container runtime must do; run by `contract_test.ts` for each of them. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { type Invocation, type LogLine, MIB, newId, PlatformError } from "../../base/mod.ts";
import type { Container, ContainerRuntime } from "../runtime.ts";
import { bytesOf, readReply, testFunction } from "../testing.ts";

/** A runtime under test. */
export interface ContractSubject {
  readonly name: string;
  /** A runtime, and how to wait on its clock. */
  create(): Promise<{ runtime: ContainerRuntime; settle: <T>(promise: Promise<T>) => Promise<T> }>;
  /** The code of a function that does what a simulated `Program` of this JSON does, and takes another as event. */
  code(program: Record<string, unknown>): Uint8Array;
  /** Names of the tests that do not apply, each with its reason. */
  readonly skip: Readonly<Record<string, string>>;
  /** What is left of containers that were removed: must be empty. */
  leftovers(): Promise<string[]>;
}

interface Stage {
  readonly runtime: ContainerRuntime;
  readonly settle: <T>(promise: Promise<T>) => Promise<T>;
  readonly lines: LogLine[];
  start(program?: Record<string, unknown>, memoryMiB?: number): Promise<Container>;
  send(container: Container, program?: Record<string, unknown>, options?: SendOptions): ReturnType<typeof sendEvent>;
}

interface SendOptions {
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

type Cases = Record<string, (stage: Stage) => Promise<void>>;

/** Registers one test for each case of the contract. */
export function testContract(subject: ContractSubject): void {
  for (const [name, run] of Object.entries(CASES)) {
    const reason = subject.skip[name];
    if (reason !== undefined) {
      console.log(`skipped for the ${subject.name} runtime: "${name}": ${reason}`);
      continue;
    }
    Deno.test(`${subject.name} runtime: ${name}`, () => onStage(subject, run));
  }
}

async function onStage(subject: ContractSubject, run: (stage: Stage) => Promise<void>): Promise<void> {
  const { runtime, settle } = await subject.create();
  const lines: LogLine[] = [];
  try {
    await run({
      runtime,
      settle,
      lines,
      start: (program = {}, memoryMiB = 128) =>
        settle(runtime.create({
          containerId: newId(),
          function: testFunction({ memoryBytes: memoryMiB * MIB }),
          code: subject.code(program),
          onLog: (line) => lines.push(line),
        })),
      send: (container, program = {}, options = {}) => settle(sendEvent(container, program, options)),
    });
  } finally {
    await settle(runtime.close());
  }
  assertEquals(await subject.leftovers(), []);
}

async function sendEvent(container: Container, program: Record<string, unknown>, options: SendOptions) {
  const { timeoutMs = 10_000, signal = new AbortController().signal } = options;
  const event = bytesOf(JSON.stringify(program));
  const invocation: Invocation = {
    kind: "event",
    requestId: newId(),
    containerId: container.containerId,
    timeoutMs,
    event,
  };
  return await readReply(await container.invoke(invocation, signal));
}

const CASES: Cases = {
  async "an event is answered, and its time and memory told"({ start, send }) {
    const container = await start({ answer: { hello: "world" } });
    const reply = await send(container, { sleepMs: 20 });
    assertEquals(reply.status, 200);
    assertEquals(JSON.parse(reply.body), { hello: "world" });
    assertEquals(reply.failure, undefined);
    assert(reply.durationNanos >= 19e6, `it took ${reply.durationNanos} ns`);
    assert(reply.maxMemoryBytes > 0 && reply.maxMemoryBytes <= 128 * MIB);
    assert(container.times.bootMs > 0);
  },
  async "a request is answered as well"({ start, settle }) {
    const container = await start({ answer: 5 });
    const invocation: Invocation = {
      kind: "fetch",
      requestId: "r",
      containerId: container.containerId,
      timeoutMs: 10_000,
      method: "GET",
      url: "http://f.example/path",
      headers: [],
    };
    const reply = await settle(container.invoke(invocation, new AbortController().signal).then(readReply));
    assertEquals([reply.status, reply.body, reply.failure], [200, "5", undefined]);
  },
  async "several invocations share a container"({ start, send }) {
    const container = await start();
    const begun = Array.from({ length: 10 }, (_, answer) => send(container, { sleepMs: 50, answer }));
    const replies = await Promise.all(begun);
    assertEquals(replies.map((reply) => reply.body), replies.map((_, index) => String(index)));
  },
  async "an exception fails its invocation, and the container goes on"({ start, send }) {
    const container = await start();
    const { failure, status } = await send(container, { failure: "exception" });
    assertEquals([status, failure?.kind], [undefined, "exception"]);
    assertStringIncludes(failure!.message, `Function "f" threw Error`);
    assert(container.usable);
    assertEquals((await send(container, { answer: 1 })).body, "1");
  },
  async "code that cannot be loaded fails the start"({ start }) {
    const error = await assertRejects(
      () => start({ failure: "import" }),
      PlatformError,
      `Function "f" could not be loaded`,
    );
    assertEquals([error.code, error.failure], ["failed_precondition", "import"]);
  },
  async "what takes too long is stopped at its limit, and the container is not used again"({ start, send }) {
    const container = await start();
    const { failure, durationNanos } = await send(container, { sleepMs: 60_000 }, { timeoutMs: 100 });
    assertEquals(failure, { kind: "timeout", message: `Function "f" ran longer than its 100 ms` });
    assert(durationNanos >= 99e6 && durationNanos < 2e9, `it took ${durationNanos} ns`);
    assertEquals(container.usable, false);
    assertEquals((await send(container)).failure?.kind, "unavailable");
  },
  async "a timeout lets the others in the container finish"({ start, send }) {
    const container = await start();
    const other = send(container, { sleepMs: 400, answer: 7 });
    const { failure } = await send(container, { sleepMs: 60_000 }, { timeoutMs: 100 });
    assertEquals(failure?.kind, "timeout");
    assertEquals(container.usable, false);
    assertEquals((await other).body, "7");
  },
  async "using more than its memory ends the container"({ start, send }) {
    const container = await start();
    const { failure } = await send(container, { memoryMiB: 512, sleepMs: 100 });
    assertEquals(failure, { kind: "out_of_memory", message: `Function "f" used more than its 128 MiB of memory` });
    assertEquals(container.usable, false);
  },
  async "a crash ends the container and all that runs in it"({ start, send }) {
    const container = await start();
    const other = send(container, { sleepMs: 5_000 });
    const { failure } = await send(container, { failure: "crash", sleepMs: 50 });
    assertEquals(failure?.kind, "crash");
    assertEquals((await other).failure?.kind, "crash");
    assertEquals(container.usable, false);
  },
  async "a caller that leaves cancels its invocation"({ start, send }) {
    const container = await start();
    const caller = new AbortController();
    const reply = send(container, { sleepMs: 5_000 }, { signal: caller.signal });
    caller.abort();
    assertEquals((await reply).failure?.kind, "cancelled");
    assertEquals((await send(container, { answer: 1 })).body, "1");
  },
  async "what it prints is read line by line"({ start, send, lines }) {
    const container = await start();
    await send(container, { print: "one line" });
    await container.remove();
    assertEquals(lines.map(({ containerId, stream, line }) => [containerId, stream, line]), [
      [container.containerId, "stdout", "one line"],
    ]);
  },
  async "its processor quota is kept"({ start, send }) {
    const container = await start({}, 512);
    const { durationNanos } = await send(container, { cpuMs: 100 });
    // 0.335 of a processor: 299 ms. A process may use what is left of the quota of its first and last period.
    assert(durationNanos > 150e6, `100 ms of work took ${durationNanos} ns`);
  },
  async "usage tells its memory"({ start, runtime }) {
    const container = await start();
    const { memoryBytes, cpuMs } = container.usage();
    assert(memoryBytes > 0 && memoryBytes < 128 * MIB, `it uses ${memoryBytes} bytes`);
    assert(cpuMs >= 0);
    assert(runtime.memoryBytes() >= memoryBytes, `all of them use ${runtime.memoryBytes()} bytes`);
  },
  async "one that is stopped takes nothing more"({ start, send }) {
    const container = await start();
    container.stop({ kind: "out_of_memory", message: "as the test says" });
    assertEquals(container.usable, false);
    assertEquals((await send(container)).failure?.kind, "unavailable");
  },
  async "removing ends what runs in it; twice is once"({ start, send }) {
    const container = await start();
    const reply = send(container, { sleepMs: 5_000 });
    await Promise.all([container.remove(), container.remove()]);
    assertEquals((await reply).failure?.kind, "unavailable");
    assertEquals(container.usable, false);
  },
  async "a start can be cancelled"({ runtime, settle }) {
    const caller = new AbortController();
    const code = bytesOf("export const handler = () => 1");
    const request = { containerId: newId(), function: testFunction(), code, onLog: () => {} };
    const start = settle(runtime.create(request, caller.signal));
    caller.abort();
    const error = await assertRejects(() => start, PlatformError);
    assertEquals(error.code, "cancelled");
  },
  async "closing the runtime removes all containers"({ start, runtime, settle }) {
    const containers = [await start(), await start()];
    await settle(runtime.close());
    assertEquals(containers.map((container) => container.usable), [false, false]);
  },
};
