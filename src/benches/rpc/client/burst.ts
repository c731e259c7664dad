/** Acquires written at once on one connection, and then their returns. */
import { LoadConnection } from "./connection.ts";
import { containerIdAt } from "./replies.ts";
import type { RequestIds, Requests, Template } from "./requests.ts";

export interface BurstResult {
  /** From the first byte written to the last reply read. */
  readonly lastReplyMs: number;
  readonly failed: number;
}

/** One burst on a connection of its own; what it acquired is given back afterwards. */
export async function burst(
  address: string,
  acquires: number,
  requests: Requests,
  ids: RequestIds,
): Promise<BurstResult> {
  let trouble: Error | undefined;
  const connection = await LoadConnection.open(address, (error) => trouble ??= error);
  const granted: { readonly id: Uint8Array; readonly template: Template }[] = [];
  const sentMs = performance.now();
  let lastMs = sentMs, failed = 0;
  await Promise.all(Array.from({ length: acquires }, (_, n) =>
    new Promise<void>((resolve) => {
      const id = ids.next();
      connection.send({
        ...{ template: requests.acquire, id, n, sentMs, stream: 0, messages: 0 },
        onMessage(bytes, start, end) {
          const at = containerIdAt(bytes, start, end);
          if (at) granted.push({ id, template: requests.returnTo(bytes, at.start, at.end) });
        },
        onEnd(ok, nowMs) {
          if (!ok) failed++;
          lastMs = nowMs;
          resolve();
        },
      });
      if (n === acquires - 1) connection.flush();
    })));
  if (trouble) throw trouble;
  await Promise.all(granted.map(({ id, template }, n) =>
    new Promise<void>((resolve) => {
      connection.send({
        ...{ template, id, n, sentMs: lastMs, stream: 0, messages: 0 },
        onMessage() {},
        onEnd(ok) {
          if (!ok) failed++;
          resolve();
        },
      });
      if (n === granted.length - 1) connection.flush();
    })
  ));
  if (trouble) throw trouble;
  await connection.close();
  return { lastReplyMs: lastMs - sentMs, failed };
}
