/** How the bench's server asks its ingress thread; the thread's own messages are the scheduler's. */
export const CHANNEL = "mini-faas bench";

/** `reset` forgets the delays so far. */
export interface Question {
  readonly ask: "reset" | "figures";
}

/** What the thread tells of itself since the last reset. */
export interface ThreadFigures {
  /** How much later than due a timer of a millisecond ran: each run counts once, as `monitorEventLoopDelay` has it. */
  readonly delayMsP50: number;
  readonly delayMsP99: number;
  readonly delayMsMax: number;
  /** The same by time: what came at any moment, how long it waited. One long turn counts for all that come in it. */
  readonly waitMsP99: number;
  readonly delays: number;
  /** Heap in use, after a collection. */
  readonly heapBytes: number;
}
