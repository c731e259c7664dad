/** Runs every server several times in turn, so that a moment of noise does not fall on one alone. */
import { type Machine, machine } from "../core/machine.ts";
import { burst } from "./client/burst.ts";
import { type LoadResult, Pairs } from "./client/pairs.ts";
import { RequestIds, Requests } from "./client/requests.ts";
import type { LoadFigures, ServerFigures, ServerName } from "./figures.ts";
import { type Reached, reached } from "./goals.ts";
import { h2load, type H2loadResult } from "./h2load.ts";
import { idleBytesPer1000 } from "./idle.ts";
import { cpuNs } from "./proc.ts";
import { type BenchServer, startGrpcGo, startScheduler, succeeds } from "./servers.ts";

export interface Options {
  readonly short: boolean;
  /** Of measured load for all servers together; starting, warming up, bursts and idle connections come on top. */
  readonly seconds: number;
  /** Also against what is not ours: h2load and grpc-go. */
  readonly others: boolean;
}

export interface Results {
  readonly machine: Machine;
  readonly inFlight: number;
  readonly burstAcquires: number;
  readonly servers: readonly ServerFigures[];
  /** What was left out, and why. */
  readonly skipped: readonly string[];
  readonly ratios: readonly Reached[];
}

const FUNCTION = "bench", CONCURRENCY = 250;
const CONNECTIONS = 4, CALLERS = 32;
const SIZES = {
  long: { rounds: 5, warmUpPairs: 5_000, burst: 2_500, bursts: 7, idle: 1_000 },
  short: { rounds: 1, warmUpPairs: 200, burst: 300, bursts: 2, idle: 40 },
};
/** Room for the containers that the burst needs, of 128 MiB each, and those that its start makes too many. */
const NODE = { nodes: 1, nodeMib: 16_384 };

interface Rounds {
  readonly name: ServerName;
  readonly server: BenchServer;
  readonly pairs: LoadFigures[];
  readonly h2load: LoadFigures[];
  readonly burstMs: number[];
  idleBytesPer1000: number;
  /** Calls per second of h2load's warm-up: so it knows how many calls a round is. */
  h2loadRate: number;
}

export async function measure({ short, seconds, others }: Options): Promise<Results> {
  const before = machine();
  const skipped: string[] = [];
  const size = short ? SIZES.short : SIZES.long;
  const requests = new Requests(FUNCTION, CONCURRENCY);
  const ids = new RequestIds(crypto.getRandomValues(new Uint32Array(1))[0]);
  const liveMessage = requests.acquireMessage(ids.next());
  const hasH2load = others && await succeeds("h2load", ["--version"]);
  if (others && !hasH2load) skipped.push("h2load: it is not installed (Debian package nghttp2-client)");
  const servers: Rounds[] = [];
  const add = (name: ServerName, server: BenchServer) => {
    servers.push({ name, server, pairs: [], h2load: [], burstMs: [], idleBytesPer1000: 0, h2loadRate: 0 });
  };
  try {
    add("own", await startScheduler({ http2: "own", ...NODE }));
    add("adapter", await startScheduler({ http2: "node", ...NODE }));
    const go = others ? await startGrpcGo() : undefined;
    if (typeof go === "string") skipped.push(`grpc-go: ${go}`);
    else if (go) add("grpc-go", go);

    const inFlight = { connections: CONNECTIONS, callers: CALLERS };
    const streams = { connections: CONNECTIONS, streams: CALLERS };
    for (const one of servers) {
      const { address } = one.server;
      // First of all: once a server has worked it has memory to spare, into which connections fit for nothing.
      await idleBytesPer1000(one.server, size.idle / 10);
      one.idleBytesPer1000 = await idleBytesPer1000(one.server, size.idle);
      // The first burst starts the containers.
      await burst(address, size.burst, requests, ids);
      const pairs = await Pairs.open({ address, ...inFlight }, requests, ids);
      good(await pairs.run({ pairs: size.warmUpPairs, ms: Infinity }));
      await pairs.close();
      if (hasH2load) {
        const warmUp = await h2load(address, liveMessage, { calls: 2 * size.warmUpPairs, ...streams });
        one.h2loadRate = good(warmUp).perSecond;
      }
    }
    const ms = seconds * 1_000 / size.rounds / servers.length / (hasH2load ? 2 : 1);
    for (let round = 0; round < size.rounds; round++) {
      for (const one of servers) {
        const { server: { pid, address } } = one;
        const pairs = await Pairs.open({ address, ...inFlight }, requests, ids);
        one.pairs.push(await figured(pid, () => pairs.run({ pairs: Infinity, ms })));
        await pairs.close();
        if (!hasH2load) continue;
        const calls = Math.max(1_000, Math.round(one.h2loadRate * ms / 1_000));
        one.h2load.push(await figured(pid, () => h2load(address, liveMessage, { calls, ...streams })));
      }
    }
    for (let n = 0; n < size.bursts; n++) {
      for (const { server, burstMs } of servers) {
        burstMs.push(good(await burst(server.address, size.burst, requests, ids)).lastReplyMs);
      }
    }
    const figures = servers.map(figuresOf);
    return {
      ...{ machine: before, inFlight: CONNECTIONS * CALLERS, burstAcquires: size.burst, servers: figures, skipped },
      ratios: reached(figures),
    };
  } finally {
    await Promise.all(servers.map(({ server }) => server.close()));
  }
}

/** A figure in which calls failed is none. */
function good<T extends { readonly failed: number }>(result: T): T {
  if (result.failed > 0) throw new Error(`${result.failed} calls failed`);
  return result;
}

async function figured(pid: number, run: () => Promise<LoadResult | H2loadResult>): Promise<LoadFigures> {
  const beforeNs = cpuNs(pid);
  const result = good(await run());
  const cpuUsPerCall = (cpuNs(pid) - beforeNs) / 1_000 / result.calls;
  const perSecond = "perSecond" in result ? result.perSecond : result.calls / result.elapsedMs * 1_000;
  return { perSecond, p50Us: result.p50Us, p99Us: result.p99Us, cpuUsPerCall };
}

function figuresOf({ name, pairs, h2load, burstMs, idleBytesPer1000 }: Rounds): ServerFigures {
  const best = (rounds: LoadFigures[]) => rounds.toSorted((a, b) => b.perSecond - a.perSecond)[0];
  const sorted = burstMs.toSorted((a, b) => a - b);
  const burst = { bestMs: sorted[0], medianMs: sorted[sorted.length >> 1] };
  return { name, pairs: best(pairs), h2load: best(h2load), burst, idleBytesPer1000 };
}
