import type { CostsView } from "../../scheduler/score/view.ts";

const MINUTE_MS = 60_000;
/** Minutes that the window reaches back. */
const WINDOW_MINUTES = 60;

/** What calls and nodes cost, by function. */
class Sums {
  nodeMs = 0;
  readonly calls: number[] = [];
  readonly responseMs: number[] = [];
  failed = 0;
  allCalls = 0;
  allResponseMs = 0;

  call(slot: number, responseMs: number, isFailed: boolean): void {
    this.calls[slot] = (this.calls[slot] ?? 0) + 1;
    this.responseMs[slot] = (this.responseMs[slot] ?? 0) + responseMs;
    this.allCalls++;
    this.allResponseMs += responseMs;
    if (isFailed) this.failed++;
  }

  add(other: Sums): void {
    this.nodeMs += other.nodeMs;
    this.failed += other.failed;
    this.allCalls += other.allCalls;
    this.allResponseMs += other.allResponseMs;
    // A slot that nothing was counted for is a hole.
    other.calls.forEach((calls, slot) => {
      this.calls[slot] = (this.calls[slot] ?? 0) + calls;
      this.responseMs[slot] = (this.responseMs[slot] ?? 0) + other.responseMs[slot];
    });
  }

  forget(slot: number): void {
    delete this.calls[slot];
    delete this.responseMs[slot];
  }
}

/** What came of one policy, by the minute in which calls arrived: in the last hour, and since the start. */
export class Ledger {
  readonly #total = new Sums();
  readonly #minutes = new Map<number, Sums>();

  /** A call that arrived at `atMs` took so long, waiting and running. */
  call(atMs: number, slot: number, responseMs: number, isFailed: boolean): void {
    this.#total.call(slot, responseMs, isFailed);
    this.#minute(Math.floor(atMs / MINUTE_MS))?.call(slot, responseMs, isFailed);
  }

  /** So many nodes were held from one moment to another. */
  nodes(count: number, fromMs: number, toMs: number): void {
    for (let atMs = fromMs; atMs < toMs;) {
      const minute = Math.floor(atMs / MINUTE_MS);
      const untilMs = Math.min(toMs, (minute + 1) * MINUTE_MS);
      this.#total.nodeMs += count * (untilMs - atMs);
      const sums = this.#minute(minute);
      if (sums) sums.nodeMs += count * (untilMs - atMs);
      atMs = untilMs;
    }
  }

  /** The slot is another function's from now on. The sums over all functions keep what the old one had. */
  forget(slot: number): void {
    this.#total.forget(slot);
    for (const sums of this.#minutes.values()) sums.forget(slot);
  }

  total(): Costs {
    return new Costs(this.#total);
  }

  /** Of the hour before `nowMs`. */
  hour(nowMs: number): Costs {
    const sums = new Sums();
    const first = Math.floor(nowMs / MINUTE_MS) - WINDOW_MINUTES + 1;
    for (const [minute, one] of this.#minutes) if (minute >= first) sums.add(one);
    return new Costs(sums);
  }

  #minute(minute: number): Sums | undefined {
    const known = this.#minutes.get(minute);
    if (known) return known;
    const latest = Math.max(minute, ...this.#minutes.keys());
    for (const one of this.#minutes.keys()) if (one <= latest - WINDOW_MINUTES) this.#minutes.delete(one);
    // A call may take so long that its minute is over long since.
    if (minute <= latest - WINDOW_MINUTES) return undefined;
    const fresh = new Sums();
    this.#minutes.set(minute, fresh);
    return fresh;
  }
}

/** What one policy cost in some time. */
export class Costs {
  readonly #sums: Sums;

  constructor(sums: Sums) {
    this.#sums = sums;
  }

  view(): CostsView {
    const { allCalls: calls, failed, allResponseMs, nodeMs } = this.#sums;
    return { calls, failed, responseSeconds: allResponseMs / 1_000, nodeSeconds: nodeMs / 1_000 };
  }

  /** Mean response time of every function that has calls, by its slot. */
  meansMs(): Map<number, number> {
    const means = new Map<number, number>();
    this.#sums.calls.forEach((calls, slot) => means.set(slot, this.#sums.responseMs[slot] / calls));
    return means;
  }
}
