/**
 * The simulated runtime behind sockets and the simulator's nodes are two programs over one model: what is measured with
 * either must hold for the other. Both run here in virtual time, on the same random work.
 */
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { type FunctionSpec, MIB, type Random, seededRandom } from "../base/mod.ts";
import { createSimulatedRuntime } from "../nodeservice/runtimes/simulated/mod.ts";
import { Cluster } from "../simulator/cluster/cluster.ts";
import { Run } from "../simulator/cluster/container.ts";
import { DEFAULT_CLUSTER } from "../simulator/cluster/options.ts";
import { SimNode } from "../simulator/cluster/node.ts";
import { VirtualClock } from "../simulator/engine/virtual_clock.ts";

interface Work {
  readonly container: number;
  readonly atMs: number;
  readonly cpuMs: number;
  readonly sleepMs: number;
  readonly memoryMiB: number;
}

interface Load {
  /** When each container's start is asked for, and its memory. */
  readonly containers: readonly { readonly atMs: number; readonly memoryMiB: number }[];
  readonly work: readonly Work[];
}

/** When each container was up, and how each piece of work ended and after how long. */
interface Outcome {
  readonly upMs: number[];
  readonly runs: { failure: string; tookMs: number; memoryMiB: number }[];
}

const TIMEOUT_MS = 6_000;
const LAST_MS = 60_000;

function loadOf(random: Random): Load {
  const containers = Array.from({ length: 1 + random.below(6) }, () => ({
    atMs: random.float() * 1_000,
    memoryMiB: [128, 256, 512][random.below(3)],
  }));
  const work = Array.from({ length: 60 }, () => ({
    container: random.below(containers.length),
    // After the starts: the two are asked for a container that is not up in different ways.
    atMs: 8_000 + random.float() * 20_000,
    cpuMs: random.below(3) === 0 ? 0 : random.float() * 100,
    sleepMs: random.below(3) === 0 ? 0 : random.float() * 3_000,
    memoryMiB: random.below(30) === 0 ? 300 : random.float() * 8,
  }));
  return { containers, work: work.sort((a, b) => a.atMs - b.atMs) };
}

function spec(memoryMiB: number): FunctionSpec {
  const rest = { version: 1, concurrency: 255, codeHash: "", handler: "", allowNet: [] };
  const names = { accountId: "default", functionName: "f" };
  return { ...names, ...rest, memoryBytes: memoryMiB * MIB, timeoutMs: TIMEOUT_MS };
}

async function withRuntime({ containers, work }: Load): Promise<Outcome> {
  const clock = new VirtualClock();
  const runtime = createSimulatedRuntime({ clock });
  const made: Awaited<ReturnType<typeof runtime.create>>[] = [];
  const outcome: Outcome = { upMs: [], runs: [] };
  containers.forEach(({ atMs, memoryMiB }, i) =>
    clock.after(atMs, async () => {
      const request = { containerId: `c${i}`, function: spec(memoryMiB), code: new Uint8Array(), onLog: () => {} };
      made[i] = await runtime.create(request);
      outcome.upMs[i] = clock.nowMs();
    })
  );
  work.forEach(({ container, atMs, cpuMs, sleepMs, memoryMiB }, i) =>
    clock.after(atMs, async () => {
      const event = new TextEncoder().encode(JSON.stringify({ cpuMs, sleepMs, memoryMiB }));
      const ids = { requestId: `r${i}`, containerId: `c${container}` };
      const invocation = { ...ids, kind: "event" as const, event, timeoutMs: TIMEOUT_MS };
      const beganMs = clock.nowMs();
      const { footer } = await made[container].invoke(invocation, new AbortController().signal);
      const { failure, maxMemoryBytes } = await footer;
      const tookMs = clock.nowMs() - beganMs;
      outcome.runs[i] = { failure: failure?.kind ?? "", tookMs, memoryMiB: maxMemoryBytes / MIB };
    })
  );
  await clock.run(() => false, LAST_MS);
  await runtime.close();
  return outcome;
}

class Piece extends Run {
  override readonly timeoutMs = TIMEOUT_MS;
  override readonly peakBytes: number;

  constructor(readonly work: Work, override readonly requestId: string, readonly done: Run["ended"]) {
    super();
    this.peakBytes = work.memoryMiB * MIB;
  }
  override get cpuMs(): number {
    return this.work.cpuMs;
  }
  override get sleepMs(): number {
    return this.work.sleepMs;
  }
  override fire(): void {
    this.container!.node.due(this);
  }
  override ended(failure: Parameters<Run["ended"]>[0], memoryToldBytes: number): void {
    this.done(failure, memoryToldBytes);
  }
}

async function withNode({ containers, work }: Load): Promise<Outcome> {
  const clock = new VirtualClock();
  const options = { ...DEFAULT_CLUSTER, peakTold: "container" as const, overcommitMax: 10 };
  const parts = { clock, options, random: seededRandom(1), functionIndex: () => 0 };
  const { timeline } = new Cluster(parts);
  const node = new SimNode("node", { ...parts, timeline });
  const ids: string[] = [];
  const outcome: Outcome = { upMs: [], runs: [] };
  containers.forEach(({ atMs, memoryMiB }, i) =>
    clock.after(atMs, () => {
      node.create({ requestId: `c${i}`, spec: spec(memoryMiB) }, ({ containerId }) => {
        ids[i] = containerId;
        outcome.upMs[i] = clock.nowMs();
      }, (error) => {
        throw error;
      });
    })
  );
  work.forEach((piece, i) =>
    clock.after(piece.atMs, () => {
      const beganMs = clock.nowMs();
      const end = (failure: string, memoryMiB: number) => {
        outcome.runs[i] = { failure, tookMs: clock.nowMs() - beganMs, memoryMiB };
      };
      const run = new Piece(piece, `r${i}`, (failure, bytes) => end(failure ?? "", bytes / MIB));
      if (!node.begin(run, ids[piece.container])) end("unavailable", 0);
    })
  );
  await clock.run(() => false, LAST_MS);
  return outcome;
}

Deno.test("starts, runs, crowding, timeouts and memory are the same in the runtime and in the simulator", async () => {
  const failures = new Map<string, number>();
  for (let seed = 1; seed <= 20; seed++) {
    const load = loadOf(seededRandom(seed));
    const [runtime, node] = [await withRuntime(load), await withNode(load)];
    const what = (i: number) => `seed ${seed}, ${i}: ${JSON.stringify([load.work[i], runtime.runs[i], node.runs[i]])}`;
    assertEquals(runtime.upMs.length, load.containers.length);
    runtime.upMs.forEach((ms, i) => assertAlmostEquals(ms, node.upMs[i], 1e-3, `seed ${seed}, container ${i}`));
    load.work.forEach((_, i) => {
      const { failure, tookMs, memoryMiB } = runtime.runs[i];
      assertEquals(failure, node.runs[i].failure, what(i));
      assertAlmostEquals(tookMs, node.runs[i].tookMs, 1e-3, what(i));
      if (failure === "") assertAlmostEquals(memoryMiB, node.runs[i].memoryMiB, 1e-6, what(i));
      failures.set(failure, (failures.get(failure) ?? 0) + 1);
    });
  }
  // All kinds of ends have occurred, or nothing would be compared.
  for (const kind of ["", "timeout", "out_of_memory", "unavailable"]) assert(failures.has(kind), kind);
});
