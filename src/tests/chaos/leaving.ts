/** Callers that leave while their acquires wait: nothing of them may stay in the queue, nor be granted to nobody. */
import { LoadConnection } from "../../benches/rpc/client/connection.ts";
import { containerIdAt } from "../../benches/rpc/client/replies.ts";
import type { RequestIds, Requests, Template } from "../../benches/rpc/client/requests.ts";
import { until } from "../program.ts";
import { summary } from "./summary.ts";

export interface LeavingOptions {
  readonly address: string;
  /** All that there are. */
  readonly permits: number;
  readonly connections: number;
  readonly acquiresEach: number;
  readonly requests: Requests;
  readonly ids: RequestIds;
}

/**
 * Takes all permits, lets many wait, cuts those off, and looks that the queue is empty and every permit is to be had
 * again. Throws where it is not so.
 */
export async function leave(options: LeavingOptions): Promise<void> {
  const { address, permits, connections, acquiresEach } = options;
  const holder = await LoadConnection.open(address, () => {});
  const held = await Promise.all(Array.from({ length: permits }, () => take(holder, options)));
  const leavers = await Promise.all(Array.from({ length: connections }, () => LoadConnection.open(address, () => {})));
  for (const leaver of leavers) {
    for (let n = 0; n < acquiresEach; n++) void take(leaver, options);
  }
  const all = connections * acquiresEach;
  await until(`${all} acquires in the queue`, () => summary(address), ({ waiting }) => waiting === all);
  leavers.forEach((leaver, n) => leaver.destroy(n % 2 === 0 ? "end" : "reset"));
  await until(
    "an empty queue",
    () => summary(address),
    ({ waiting, leases }) => waiting === 0 && leases === permits,
  );
  await Promise.all(held.map((one) => giveBack(holder, one)));
  // Every permit is there: as many are granted at once as before.
  const again = await Promise.all(Array.from({ length: permits }, () => take(holder, options)));
  await Promise.all(again.map((one) => giveBack(holder, one)));
  await until("no lease", () => summary(address), ({ leases }) => leases === 0);
  await holder.close();
}

interface Held {
  readonly id: Uint8Array;
  readonly template: Template;
}

function take(connection: LoadConnection, { requests, ids }: LeavingOptions): Promise<Held> {
  const id = ids.next();
  return new Promise((resolve, reject) => {
    let template: Template | undefined;
    connection.send({
      ...{ template: requests.acquire, id, n: 3_999, sentMs: 0, stream: 0, messages: 0 },
      onMessage(bytes, start, end) {
        const at = containerIdAt(bytes, start, end);
        if (at) template = requests.returnTo(bytes, at.start, at.end);
      },
      onEnd: (ok) => ok && template ? resolve({ id, template }) : reject(new Error("an acquire was not granted")),
    });
    connection.flush();
  });
}

/** Returns what was taken, by whatever connection. */
export function giveBack(connection: LoadConnection, { id, template }: Held): Promise<boolean> {
  return new Promise((resolve) => {
    const call = { template, id, n: 0, sentMs: 0, stream: 0, messages: 0 };
    connection.send({ ...call, onMessage() {}, onEnd: resolve });
    connection.flush();
  });
}
