/** A whole run: callers that leave, a storm with survivors in its midst, callers that leave once more. */
import { createClient } from "@connectrpc/connect";
import { Scheduler } from "../../../gen/schedulerproto/scheduler_pb.ts";
import { messageOf, MIB, seededRandom } from "../../base/mod.ts";
import { LoadConnection } from "../../benches/rpc/client/connection.ts";
import { RequestIds, Requests } from "../../benches/rpc/client/requests.ts";
import { residentBytes, socketsOf } from "../../benches/rpc/proc.ts";
import { type BenchServer, startScheduler } from "../../benches/rpc/servers.ts";
import { createClientTransport } from "../../rpc/mod.ts";
import { until } from "../program.ts";
import { giveBack, leave } from "./leaving.ts";
import { storm, type StormResult } from "./storm.ts";
import { summary } from "./summary.ts";

export interface ChaosOptions {
  readonly seed: number;
  readonly seconds: number;
  readonly connections: number;
  /** Whose acquires wait when they leave. */
  readonly leavers: number;
  /** Whether leases that nobody returns are waited for until they end by themselves, which takes 10 s and more. */
  readonly patient: boolean;
}

export interface Remains {
  readonly sockets: number;
  readonly residentBytes: number;
  /** Heap in use of the ingress thread after a collection. */
  readonly heapBytes: number;
}

export interface ChaosResult extends Pick<StormResult, "lives" | "calls" | "faults"> {
  /** Calls of survivors, that is of our own client on connections that last. */
  readonly survivorCalls: number;
  /** After a first storm, since a process that has never worked is smaller than one that has; and at the end. */
  readonly before: Remains;
  readonly after: Remains;
  readonly leases: number;
  readonly waiting: number;
}

const PERMITS = 10, SURVIVORS = 4, ACQUIRES_EACH = 5;
const CONTAINER_MIB = 128;
/** Leases of callers that left end by themselves, soon after they were granted. */
const TIMEOUT_MS = 100;
/** Sockets that a process opens for itself at first use: pairs for its signals, its threads and the like. */
export const OWN_SOCKETS_MAX = 8;
/** The part of the time that the first storm has. */
const WARM_UP = 0.25;
const CONCURRENCY = 250;

export async function chaos({ seed, seconds, connections, leavers, patient }: ChaosOptions): Promise<ChaosResult> {
  const server = await startScheduler({ http2: "own", nodes: 1, nodeMib: PERMITS * CONTAINER_MIB });
  try {
    const { address } = server;
    const random = seededRandom(seed);
    const ids = new RequestIds(crypto.getRandomValues(new Uint32Array(1))[0]);
    const scarce = new Requests("scarce", 1), many = new Requests("many", CONCURRENCY, TIMEOUT_MS);
    const leaving = {
      address,
      permits: PERMITS,
      connections: leavers,
      acquiresEach: ACQUIRES_EACH,
      requests: scarce,
      ids,
    };
    const janitor = await Janitor.open(address, many, patient);
    const onGhosts = (ghosts: Uint8Array[]) => janitor.giveBack(ghosts);
    const common = { address, connections, random, requests: many, ids, onGhosts };

    const sockets = socketsOf(server.pid);
    await leave(leaving);
    const first = await storm({ ...common, seconds: seconds * WARM_UP });
    await janitor.settle();
    await leave(leaving);
    const before = await remainsOf(server, sockets + OWN_SOCKETS_MAX);

    const survivors = new Survivors(address);
    const second = await storm({ ...common, seconds: seconds * (1 - WARM_UP) });
    const survivorCalls = await survivors.end();
    await janitor.settle();
    await leave(leaving);
    const after = await remainsOf(server, sockets + OWN_SOCKETS_MAX);
    const { leases, waiting } = await summary(address);
    await janitor.close();
    return {
      ...{ lives: second.lives, calls: first.calls + second.calls, faults: [...first.faults, ...second.faults] },
      ...{ survivorCalls, before, after, leases, waiting },
    };
  } finally {
    await server.close();
  }
}

/** Returns what may have been granted to those who left, as whoever runs a platform would like its clients to do. */
class Janitor {
  private readonly returning = new Set<Promise<unknown>>();
  private readonly all: Uint8Array[] = [];

  private constructor(
    private readonly address: string,
    private readonly connection: LoadConnection,
    private readonly requests: Requests,
    private readonly patient: boolean,
  ) {}

  static async open(address: string, requests: Requests, patient: boolean): Promise<Janitor> {
    return new Janitor(address, await LoadConnection.open(address, () => {}), requests, patient);
  }

  giveBack(ghosts: readonly Uint8Array[]): void {
    if (!this.patient) this.all.push(...ghosts);
    for (const id of ghosts) {
      const done = giveBack(this.connection, { id, template: this.requests.returnToAny });
      this.returning.add(done);
      done.finally(() => this.returning.delete(done));
    }
  }

  /** Resolves when no lease is left: those that were granted after their return end by themselves, or by another. */
  async settle(): Promise<void> {
    const ask = async () => {
      this.giveBack(this.all.splice(0));
      await Promise.all(this.returning);
      return await summary(this.address);
    };
    await until("no lease", ask, ({ leases, waiting }) => leases === 0 && waiting === 0);
    this.all.length = 0;
  }

  async close(): Promise<void> {
    await this.connection.close();
  }
}

/** What the server holds once it has noticed that connections are gone; throws where it never does. */
async function remainsOf(server: BenchServer, socketsMax: number): Promise<Remains> {
  const count = () => Promise.resolve(socketsOf(server.pid));
  const sockets = await until(`at most ${socketsMax} sockets`, count, (now) => now <= socketsMax);
  const { heapBytes } = (await server.ask("figures"))!;
  return { sockets, residentBytes: residentBytes(server.pid), heapBytes };
}

/** Callers with our own client that mind their own business throughout. */
class Survivors {
  private going = true;
  private calls = 0;
  private readonly callers: Promise<void>[];

  constructor(address: string) {
    this.callers = Array.from({ length: SURVIVORS }, (_, n) => this.call(address, n));
  }

  /** The number of their calls; throws where one was not answered rightly. */
  async end(): Promise<number> {
    this.going = false;
    await Promise.all(this.callers);
    return this.calls;
  }

  private async call(address: string, survivor: number): Promise<void> {
    const { transport, close } = createClientTransport({ address });
    try {
      const scheduler = createClient(Scheduler, transport);
      const functionConfig = {
        ...{ timeoutInMs: BigInt(TIMEOUT_MS), memoryInBytes: BigInt(CONTAINER_MIB * MIB) },
        concurrency: BigInt(CONCURRENCY),
      };
      for (let n = 0; this.going; n++) {
        const requestId = `survivor-${survivor}-${n}`;
        const request = { requestId, accountId: "default", functionName: "many", functionConfig };
        const { containerId, nodeId } = await scheduler.acquireContainer(request, { timeoutMs: 20_000 });
        if (nodeId !== "node-1" || containerId === "") throw new Error(`granted ${containerId} on ${nodeId}`);
        await scheduler.returnContainer({ requestId, containerId }, { timeoutMs: 20_000 });
        this.calls += 2;
      }
    } catch (error) {
      throw new Error(`survivor ${survivor}: ${messageOf(error)}`);
    } finally {
      close();
    }
  }
}
