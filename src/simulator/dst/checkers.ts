/**
 * The platform's promises, checked from outside: against what the simulated nodes, the pool and the callers know. They
 * share no code with the scheduler. Each throws a {@linkcode Violation} with what it saw.
 */
import type { Grant } from "../../scheduler/ports.ts";
import type { CallWatch } from "../engine/call.ts";
import { ANSWER_MS_MAX } from "../score/score.ts";
import { OUTCOME } from "../score/types.ts";
import type { World } from "./world.ts";

/** A promise that was not kept. */
export class Violation extends Error {
  override name = "Violation";

  constructor(readonly promise: string, what: string) {
    super(`${promise}: ${what}`);
  }
}

/** An answer at its deadline may come this much later: by a tick, or a message that was under way. */
const LATE_MS_MAX = 1_000;
/** One in so many grants is asked about. */
const EXPLAIN_EVERY = 5;

/**
 * Promise 1: the memory that containers of a node may use is within its own, times the overcommit. Where nothing goes
 * wrong the scheduler knows what is there, so that no agent ever has to refuse.
 */
export function checkMemory({ cluster, scenario }: World): void {
  const mostBytes = scenario.cluster.nodeMemoryBytes * scenario.cluster.overcommitMax;
  for (const node of cluster.nodes.values()) {
    if (node.refused > 0 && scenario.faults.length === 0) {
      throw new Violation("memory", `${node.nodeId} was asked for more than it has`);
    }
    let bytes = 0;
    for (const { spec } of node.containers.values()) bytes += spec.memoryBytes;
    if (bytes <= mostBytes) continue;
    throw new Violation("memory", `${node.nodeId} has ${node.containers.size} containers of ${bytes} bytes in all`);
  }
}

/**
 * No container runs more at once than its function's owner allows, of those that one scheduler granted. A grant that was
 * on its way to the node when its scheduler crashed is not known to the next one: the node has not seen it yet.
 */
export function checkSharing({ cluster }: World, lifeOf: (requestId: string) => number): void {
  for (const node of cluster.nodes.values()) {
    for (const { containerId, runs, spec } of node.containers.values()) {
      if (runs.size <= spec.concurrency) continue;
      const byLife = new Map<number, number>();
      for (const { requestId } of runs) byLife.set(lifeOf(requestId), (byLife.get(lifeOf(requestId)) ?? 0) + 1);
      const most = Math.max(...byLife.values());
      if (most <= spec.concurrency) continue;
      throw new Violation("sharing", `${containerId} runs ${most} at once, ${spec.concurrency} are allowed`);
    }
  }
}

/** Promises 2 and 5, and that a grant names a container of the function that was asked for. */
export class CallChecker implements CallWatch {
  /** Calls that were asked for and have no outcome yet, by when they came. */
  readonly #open = new Map<number, number>();
  readonly #granted = new Set<number>();
  /** Which life of the scheduler granted each request. */
  readonly #lives = new Map<string, number>();
  #grants = 0;
  #found: Violation | undefined;

  constructor(private readonly world: World) {}

  forgets(index: number): boolean {
    return this.world.isDisturbed && (index * 2_654_435_761 >>> 0) / 2 ** 32 < this.world.scenario.forgetRate;
  }

  asked(index: number): void {
    const { workload } = this.world.scenario;
    this.#open.set(index, workload.calls.atMs[index]);
    this.#granted.delete(index);
  }

  granted(index: number, requestId: string, grant: Grant): void {
    const { world } = this;
    if (this.#lives.has(requestId)) this.#note("answer", `${requestId} was granted a container twice`);
    this.#lives.set(requestId, world.lives);
    if (!this.#open.has(index) || this.#granted.has(index)) this.#note("answer", `call ${index} was answered twice`);
    this.#granted.add(index);
    const spec = world.specs[world.scenario.workload.calls.functionIndex[index]];
    const container = world.cluster.nodes.get(grant.nodeId)?.containers.get(grant.containerId);
    if (container && container.spec.functionName !== spec.functionName) {
      this.#note("grant", `${requestId} of ${spec.functionName} got a container of ${container.spec.functionName}`);
    }
    if (this.#grants++ % EXPLAIN_EVERY === 0) this.#explain(requestId, grant);
  }

  over(index: number, outcome: number): void {
    if (!this.#open.delete(index)) this.#note("answer", `call ${index} ended twice, with outcome ${outcome}`);
    if (this.#granted.has(index) && outcome === OUTCOME.refused) {
      this.#note("answer", `call ${index} was granted and refused`);
    }
  }

  /** Nobody waits longer than the deadline, and nothing wrong was seen since the last look. */
  check(): void {
    if (this.#found) throw this.#found;
    const nowMs = this.world.clock.nowMs();
    // In the order of coming, but for those that began again.
    for (const [index, atMs] of this.#open) {
      if (this.#granted.has(index)) continue;
      if (nowMs - atMs <= ANSWER_MS_MAX + LATE_MS_MAX) break;
      throw new Violation("answer", `call ${index} has waited for ${nowMs - atMs} ms without an answer`);
    }
  }

  lifeOf(requestId: string): number {
    return this.#lives.get(requestId) ?? 0;
  }

  get open(): number {
    return this.#open.size;
  }

  /** The first wrong thing is what is told. */
  #note(promise: string, what: string): void {
    this.#found ??= new Violation(promise, what);
  }

  #explain(requestId: string, grant: Grant): void {
    this.world.scheduler.explain(requestId).then((decisions) => {
      const named = decisions.some(({ containerId, nodeId, outcome }) =>
        // A container may be gone by the time one asks.
        (containerId === grant.containerId && nodeId === grant.nodeId || containerId === "") && outcome !== "refused"
      );
      if (!named) this.#note("explain", `the grant of ${requestId} is not among ${decisions.length} decisions`);
    }, (error) => this.#note("explain", String(error)));
  }
}

/**
 * Promises 3 and 4, when all is quiet: no lease is left, and the scheduler knows of all there is and of nothing else.
 * Answers what is not so, each in words that stay the same as long as it is not so: what is on its way is gone the next
 * time.
 */
export async function unsettled({ scheduler, cluster }: World): Promise<Violation[]> {
  const { leases, waiting } = await scheduler.summary();
  const nodes = (await scheduler.listNodes()).map(({ nodeId }) => nodeId);
  const known = (await scheduler.listContainers({})).map(({ containerId }) => containerId);
  const there = [...cluster.nodes.values()].flatMap(({ containers }) => [...containers.values()]);
  return [
    ...leases > 0 ? [new Violation("lease", "leases are left when nothing runs")] : [],
    ...waiting > 0 ? [new Violation("answer", "acquires wait when nobody does")] : [],
    ...differences("node", nodes, cluster.held()),
    ...differences(
      "container",
      // One that is being started has no name yet.
      known.filter((id) => id !== ""),
      there.filter(({ phase }) => phase !== "starting").map(({ containerId }) => containerId),
    ),
  ];
}

function differences(what: string, known: readonly string[], there: readonly string[]): Violation[] {
  return [
    ...there.filter((id) => !known.includes(id)).map((id) => new Violation(what, `nobody knows of ${id}`)),
    ...known.filter((id) => !there.includes(id)).map((id) => new Violation(what, `${id} is gone and nobody knows`)),
  ];
}
