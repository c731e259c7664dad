/** Acquires and returns in a closed loop: a number of callers, each of which waits for its reply and goes on. */
import { Histogram } from "../../../base/mod.ts";
import { LoadConnection } from "./connection.ts";
import type { RequestIds, Requests, Template } from "./requests.ts";
import { containerIdAt } from "./replies.ts";

export interface Load {
  readonly address: string;
  readonly connections: number;
  /** Calls in flight on each of them. */
  readonly callers: number;
}

export interface LoadResult {
  readonly calls: number;
  readonly failed: number;
  readonly elapsedMs: number;
  readonly p50Us: number;
  readonly p99Us: number;
}

/** Callers over their connections, ready to go. */
export class Pairs {
  private constructor(
    private readonly connections: readonly LoadConnection[],
    private readonly callers: number,
    private readonly requests: Requests,
    private readonly ids: RequestIds,
    private readonly troubles: readonly Error[],
  ) {}

  static async open(load: Load, requests: Requests, ids: RequestIds): Promise<Pairs> {
    const troubles: Error[] = [];
    const opening = Array.from(
      { length: load.connections },
      () => LoadConnection.open(load.address, (error) => troubles.push(error)),
    );
    return new Pairs(await Promise.all(opening), load.callers, requests, ids, troubles);
  }

  /** Calls until so many pairs are done or the time is over, whatever comes first; every begun pair is finished. */
  async run(limit: { readonly pairs: number; readonly ms: number }): Promise<LoadResult> {
    const latencyUs = new Histogram();
    const startedMs = performance.now();
    let begun = 0, calls = 0, failed = 0;
    const hasMore = () => begun < limit.pairs && performance.now() - startedMs < limit.ms;
    const count = (ok: boolean, sentMs: number, nowMs: number) => {
      calls++;
      if (!ok) failed++;
      latencyUs.record((nowMs - sentMs) * 1_000);
    };
    const done = this.connections.flatMap((connection) =>
      Array.from({ length: this.callers }, () =>
        new Promise<void>((resolve) => {
          const next = () => {
            if (this.troubles.length > 0 || !hasMore()) return resolve();
            begun++;
            this.pair(connection, begun, count, next);
          };
          next();
        }))
    );
    for (const connection of this.connections) connection.flush();
    await Promise.all(done);
    if (this.troubles.length > 0) throw this.troubles[0];
    const elapsedMs = performance.now() - startedMs;
    return { calls, failed, elapsedMs, p50Us: latencyUs.quantile(0.5), p99Us: latencyUs.quantile(0.99) };
  }

  private pair(
    connection: LoadConnection,
    n: number,
    count: (ok: boolean, sentMs: number, nowMs: number) => void,
    done: () => void,
  ): void {
    const { requests } = this;
    const id = this.ids.next();
    let giveBack: Template | undefined;
    const sentMs = performance.now();
    connection.send({
      ...{ template: requests.acquire, id, n, sentMs, stream: 0, messages: 0 },
      onMessage(bytes, start, end) {
        const at = containerIdAt(bytes, start, end);
        if (at) giveBack = requests.returnTo(bytes, at.start, at.end);
      },
      onEnd(ok, nowMs) {
        count(ok && giveBack !== undefined, sentMs, nowMs);
        if (!giveBack) return done();
        connection.send({
          ...{ template: giveBack, id, n, sentMs: nowMs, stream: 0, messages: 0 },
          onMessage() {},
          onEnd(ok, endedMs) {
            count(ok, nowMs, endedMs);
            done();
          },
        });
      },
    });
  }

  async close(): Promise<void> {
    await Promise.all(this.connections.map((connection) => connection.close()));
  }
}
