import type { Clock } from "../base/mod.ts";

/** Events remembered at once, over all functions. */
const EVENTS_MAX = 4_096;

/** Something that the controller did, for one function or (empty key) for all. */
export interface HistoryEvent {
  readonly atMs: number;
  readonly functionKey: string;
  readonly text: string;
}

/** What the controller did lately and why, in a bounded ring. */
export class History {
  private readonly events: HistoryEvent[] = [];
  private next = 0;

  constructor(private readonly clock: Clock) {}

  /** Remembers that something was done for a function, or with an empty key for whoever needs it. */
  note(functionKey: string, text: string): void {
    this.events[this.next] = { atMs: this.clock.nowMs(), functionKey, text };
    this.next = (this.next + 1) % EVENTS_MAX;
  }

  /** What was done for a function, or for all, between two moments; oldest first, at most `count` of the last. */
  between(functionKey: string, fromMs: number, toMs: number, count: number): HistoryEvent[] {
    const inOrder = [...this.events.slice(this.next), ...this.events.slice(0, this.next)];
    return inOrder.filter((event) =>
      event.atMs >= fromMs && event.atMs <= toMs && (event.functionKey === functionKey || event.functionKey === "")
    ).slice(-count);
  }
}
