/**
 * The order of the waiters. Two pushes that overlap in time may be queued either way, and so may two pops; but if A's
 * push had come back before B's began, then B may not have been granted before A was even looked for.
 */
import { type Shadow, Violation, type Wait } from "./shadow.ts";

const ENTRY = 6, HEADER = 16;
/** Grants that a worker can note between two checks; what is above goes unchecked. */
const ENTRIES = 16_384;

/** Grants since the last check, a list of each worker. */
export class OrderLog {
  readonly buffer: SharedArrayBuffer;
  private readonly words: Int32Array;
  private readonly span = HEADER + ENTRIES * ENTRY;
  /** Grants of the check before, by function: some that were granted after them are told late. */
  private readonly before = new Map<number, Grant[]>();
  checked = 0;

  constructor(private readonly workers: number, buffer?: SharedArrayBuffer) {
    this.buffer = buffer ?? new SharedArrayBuffer(workers * this.span * 4);
    this.words = new Int32Array(this.buffer);
  }

  /** The worker that waited has received its grant. */
  note(worker: number, functionSlot: number, ticket: number, wait: Wait): void {
    const base = worker * this.span;
    const count = this.words[base];
    if (count === ENTRIES) return;
    const at = base + HEADER + count * ENTRY;
    this.words[at] = functionSlot;
    this.words[at + 1] = ticket;
    this.words[at + 2] = wait.pushBegan;
    this.words[at + 3] = wait.pushed === 0 ? wait.granted : wait.pushed;
    this.words[at + 4] = wait.popBegan;
    this.words[at + 5] = wait.granted;
    this.words[base] = count + 1;
  }

  /** Throws where a waiter was passed over. While nobody is mid-operation; `stillWaiting` are those granted nothing. */
  check(shadow: Shadow, stillWaiting: Iterable<{ functionSlot: number; ticket: number }>): void {
    const byFunction = new Map<number, Grant[]>();
    const add = (functionSlot: number, grant: Grant) => {
      const list = byFunction.get(functionSlot) ?? [];
      if (list.length === 0) byFunction.set(functionSlot, list);
      list.push(grant);
    };
    for (let worker = 0; worker < this.workers; worker++) {
      const base = worker * this.span;
      for (let n = 0; n < this.words[base]; n++) {
        const [functionSlot, ticket, pushBegan, pushed, popBegan, granted] = this.words
          .subarray(base + HEADER + n * ENTRY, base + HEADER + (n + 1) * ENTRY);
        add(functionSlot, { ticket, pushBegan, pushed, popBegan, granted });
      }
      this.words[base] = 0;
    }
    for (const { functionSlot, ticket } of stillWaiting) {
      const { pushBegan, pushed } = shadow.waitOf(ticket);
      if (pushed > 0) add(functionSlot, { ticket, pushBegan, pushed, popBegan: Infinity, granted: Infinity });
    }
    for (const [functionSlot, grants] of byFunction) {
      checkOrder(grants, this.before.get(functionSlot) ?? [], functionSlot);
      this.before.set(functionSlot, grants.filter((grant) => grant.granted !== Infinity));
      this.checked += grants.length;
    }
  }
}

interface Grant {
  readonly ticket: number;
  readonly pushBegan: number;
  readonly pushed: number;
  readonly popBegan: number;
  readonly granted: number;
}

function checkOrder(grants: readonly Grant[], before: readonly Grant[], functionSlot: number): void {
  const byGrant = [...before, ...grants].sort((a, b) => a.granted - b.granted);
  const byPop = [...grants].sort((a, b) => a.popBegan - b.popBegan);
  let next = 0, latest = 0;
  for (const grant of byPop) {
    // Those that were granted for sure before this one was looked for.
    while (next < byGrant.length && byGrant[next].granted < grant.popBegan) {
      latest = Math.max(latest, byGrant[next++].pushBegan);
    }
    if (grant.pushed >= latest) continue;
    const fate = grant.popBegan === Infinity ? "still waits" : `was looked for at ${grant.popBegan}`;
    throw new Violation(
      `function slot ${functionSlot}: ticket ${grant.ticket}, queued at ${grant.pushed}, ${fate}, ` +
        `and one queued from ${latest} on was granted before`,
    );
  }
}
