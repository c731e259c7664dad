/** Connections that are opened, used and killed at random, over and over. */
import * as net from "node:net";
import { messageOf, type Random } from "../../base/mod.ts";
import { type Call, LoadConnection } from "../../benches/rpc/client/connection.ts";
import { containerIdAt } from "../../benches/rpc/client/replies.ts";
import type { RequestIds, Requests, Template } from "../../benches/rpc/client/requests.ts";

export interface StormOptions {
  readonly address: string;
  /** Open at once. */
  readonly connections: number;
  readonly seconds: number;
  readonly random: Random;
  readonly requests: Requests;
  readonly ids: RequestIds;
  /** Told of acquires whose callers left: nobody knows whether they were granted. */
  readonly onGhosts: (ids: Uint8Array[]) => void;
}

export interface StormResult {
  readonly lives: Record<Life, number>;
  /** Calls whose connection was not killed, and so had to be answered. */
  readonly calls: number;
  /** What was wrong with some of them. */
  readonly faults: string[];
}

/** What becomes of a connection: it ends well, or is cut in the middle of calls, or says what is no HTTP/2. */
const LIVES = ["good", "cut", "reset", "cancel", "garbage", "silent"] as const;
export type Life = (typeof LIVES)[number];

/** Pairs that a good connection makes; acquires that a bad one leaves open. */
const PAIRS_MAX = 20, OPEN_MAX = 8;
const SILENCE_MS_MAX = 200;
const GARBAGE_BYTES_MAX = 4_096;
const FAULTS_KEPT = 10;
const PREFACE = new TextEncoder().encode("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");

/** A storm of so many seconds; resolves when all its connections are gone. */
export async function storm(options: StormOptions): Promise<StormResult> {
  const { random, seconds } = options;
  const result = {
    lives: Object.fromEntries(LIVES.map((life) => [life, 0])) as Record<Life, number>,
    calls: 0,
    faults: [] as string[],
  };
  const endMs = performance.now() + seconds * 1_000;
  await Promise.all(Array.from({ length: options.connections }, async () => {
    while (performance.now() < endMs) {
      const life = LIVES[random.below(LIVES.length)];
      result.lives[life]++;
      try {
        await live(life, options, result);
      } catch (error) {
        if (result.faults.length < FAULTS_KEPT) result.faults.push(`${life}: ${messageOf(error)}`);
      }
    }
  }));
  return result;
}

type Counts = { calls: number };

async function live(life: Life, options: StormOptions, counts: Counts): Promise<void> {
  const { address, random } = options;
  if (life === "garbage" || life === "silent") return await raw(life, address, random);
  let trouble: Error | undefined;
  const connection = await LoadConnection.open(address, (error) => trouble ??= error);
  if (life === "good") {
    for (let pairs = 1 + random.below(PAIRS_MAX); pairs > 0; pairs--) await pair(connection, options, counts);
    if (trouble) throw trouble;
    return await connection.close();
  }
  const open = Array.from({ length: 1 + random.below(OPEN_MAX) }, () => acquire(connection, options));
  connection.flush();
  // Some are answered by then, others under way, others not read yet.
  if (random.below(2) === 0) await open[0].granted;
  if (life === "cancel") {
    for (const { call } of open) connection.cancel(call);
    connection.flush();
    options.onGhosts(open.map(({ call }) => call.id));
    await pair(connection, options, counts);
    if (trouble) throw trouble;
    return await connection.close();
  }
  connection.destroy(life === "reset" ? "reset" : "end");
  await connection.closed;
  options.onGhosts(open.map(({ call }) => call.id));
}

/** One acquire and its return, which both must be answered. */
async function pair(connection: LoadConnection, options: StormOptions, counts: Counts): Promise<void> {
  const { call, granted } = acquire(connection, options);
  connection.flush();
  const template = await granted;
  counts.calls++;
  if (!template) throw new Error("an acquire was not granted");
  const ok = await new Promise<boolean>((resolve) => {
    const base = { template, id: call.id, n: call.n, sentMs: 0, stream: 0, messages: 0 };
    connection.send({ ...base, onMessage() {}, onEnd: resolve });
    connection.flush();
  });
  counts.calls++;
  if (!ok) throw new Error("a return was not answered");
}

/** An acquire on its way; `granted` is how to return it, nothing where it failed. */
function acquire(connection: LoadConnection, { requests, ids, random }: StormOptions) {
  const { promise: granted, resolve } = Promise.withResolvers<Template | undefined>();
  let template: Template | undefined;
  const call: Call = {
    ...{ template: requests.acquire, id: ids.next(), n: random.below(4_000), sentMs: 0, stream: 0, messages: 0 },
    onMessage(bytes, start, end) {
      const at = containerIdAt(bytes, start, end);
      if (at) template = requests.returnTo(bytes, at.start, at.end);
    },
    onEnd: (ok) => resolve(ok ? template : undefined),
  };
  connection.send(call);
  return { call, granted };
}

/** A connection that says nothing, or nothing that makes sense, with a preface or without. */
async function raw(life: "garbage" | "silent", address: string, random: Random): Promise<void> {
  const [host, port] = address.split(":");
  const socket = net.connect({ host, port: Number(port) });
  socket.on("error", () => {});
  socket.resume();
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  if (life === "garbage") {
    const bytes = Uint8Array.from({ length: 1 + random.below(GARBAGE_BYTES_MAX) }, () => random.below(256));
    if (random.below(2) === 0) socket.write(PREFACE);
    socket.write(bytes);
  }
  const timer = setTimeout(() => socket.destroy(), random.below(SILENCE_MS_MAX));
  await closed;
  clearTimeout(timer);
}
