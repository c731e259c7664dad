/** What the tests of the process runtime share. */
import { assertEquals } from "@std/assert";
import { type FetchInput, type FunctionSpec, type Invocation, type LogLine, newId } from "../../../base/mod.ts";
import type { Container, ContainerRuntime } from "../../runtime.ts";
import { bytesOf, readReply, testFunction } from "../../testing.ts";
import { createProcessRuntime, type ProcessRuntimeOptions } from "./mod.ts";

/** A function's code that runs a simulated runtime's `Program`, given in place of PROGRAM or as event. */
export const PROGRAM_RUNNER = `
const base = PROGRAM;
if (base.failure === "import") throw new Error("as its program says");
export async function handler(event) {
  const program = { ...base, ...event };
  if (program.print !== undefined) console.log(program.print);
  const held = [];
  for (let i = 0; i < (program.memoryMiB ?? 0); i++) held.push(new Uint8Array(2 ** 20).fill(1));
  if (program.cpuMs) {
    burn(program.cpuMs);
  }
  if (program.sleepMs) await new Promise((resolve) => setTimeout(resolve, program.sleepMs));
  if (program.failure === "exception") throw new Error("as its program says");
  if (program.failure === "crash") Deno.exit(3);
  return program.answer ?? null;
}
// Work that is counted in rounds, not by the clock, as a throttled process's clock runs on.
function burn(ms) {
  let x = 1;
  for (let i = 0; i < ms * 400_000; i++) x = (x * 1103515245 + 12345) | 0;
  return x;
}
`;

/** The control groups that the runtime in `folder` made. */
export function groupsOf(folder: string): string[] {
  return JSON.parse(Deno.readTextFileSync(`${folder}/owner.json`)).cgroupFolders;
}

/** What is still there of the runtime that lived in `folder`: files, processes, and those of its control `groups`. */
export function leftoversOf(folder: string, groups: readonly string[]): string[] {
  const left = [...Deno.readDirSync(folder)].map(({ name }) => name);
  for (const group of groups) {
    try {
      Deno.statSync(group);
      left.push(group);
    } catch {
      // Gone, as it should be.
    }
  }
  for (const { name } of Deno.readDirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      if (Deno.readTextFileSync(`/proc/${name}/cmdline`).includes(folder)) left.push(`process ${name}`);
    } catch {
      // It ended meanwhile.
    }
  }
  return left;
}

/** A process runtime on stage. */
export interface Stage {
  readonly runtime: ContainerRuntime;
  readonly folder: string;
  readonly lines: LogLine[];
  /** Starts a container with this source. */
  start(source: string, changes?: Partial<FunctionSpec>): Promise<Container>;
  /** Sends an event (JSON unless bytes) and reads all of the answer. */
  send(container: Container, event?: unknown, options?: { timeoutMs?: number; signal?: AbortSignal }): Promise<Reply>;
  /** Sends a request and reads all of the answer. */
  fetch(container: Container, input: Partial<FetchInput>, signal?: AbortSignal): Promise<Reply>;
}

export type Reply = Awaited<ReturnType<typeof readReply>>;

/** Runs `use` with a runtime in a folder of its own; asserts that nothing is left of it. */
export async function withRuntime(use: (stage: Stage) => Promise<void>, options: ProcessRuntimeOptions = {}) {
  const folder = await Deno.makeTempDir({ prefix: "mf-test-" });
  const runtime = await createProcessRuntime({ ...options, folder });
  const groups = groupsOf(folder);
  const lines: LogLine[] = [];
  const never = new AbortController().signal;
  try {
    await use({
      runtime,
      folder,
      lines,
      start: (source, changes) => {
        const spec = testFunction(changes);
        const request = { containerId: newId(), function: spec, code: bytesOf(source) };
        return runtime.create({ ...request, onLog: (line) => lines.push(line) });
      },
      async send(container, event, { timeoutMs = 10_000, signal = never } = {}) {
        const bytes = event instanceof Uint8Array ? event : bytesOf(event === undefined ? "" : JSON.stringify(event));
        const invocation = { requestId: newId(), containerId: container.containerId, timeoutMs };
        return await readReply(await container.invoke({ ...invocation, kind: "event", event: bytes }, signal));
      },
      fetch: async (container, input, signal = never) =>
        await readReply(await container.invoke(requestTo(container, input), signal)),
    });
  } finally {
    await runtime.close();
  }
  assertEquals(leftoversOf(folder, groups), []);
  await Deno.remove(folder, { recursive: true });
}

/** A GET of `http://f.example/`, changed by `input`. */
export function requestTo(container: Container, input: Partial<FetchInput>): Invocation {
  return {
    kind: "fetch",
    requestId: newId(),
    containerId: container.containerId,
    timeoutMs: 10_000,
    method: "GET",
    url: "http://f.example/",
    headers: [],
    ...input,
  };
}
