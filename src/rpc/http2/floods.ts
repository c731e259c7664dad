/** Everything a peer may do often without cost, counted on one connection. What exceeds its rate ends the connection. */
import { Budget } from "./budgets.ts";
import { ConnectionFault } from "./faults.ts";
import type { Http2Limits } from "./limits.ts";
import { ErrorCode } from "./types.ts";

export class Floods {
  readonly #resets: Budget;
  readonly #streamFaults: Budget;
  readonly #refusals: Budget;
  readonly #emptyData: Budget;
  readonly #pings: Budget;
  readonly #settings: Budget;
  readonly #ignored: Budget;
  readonly #windowUpdates: Budget;
  readonly #lateFrames: Budget;

  constructor(limits: Http2Limits) {
    this.#resets = new Budget(limits.resets);
    this.#streamFaults = new Budget(limits.streamFaults);
    this.#refusals = new Budget(limits.refusals);
    this.#emptyData = new Budget(limits.emptyData);
    this.#pings = new Budget(limits.pings);
    this.#settings = new Budget(limits.settings);
    this.#ignored = new Budget(limits.ignored);
    this.#windowUpdates = new Budget(limits.windowUpdates);
    this.#lateFrames = new Budget(limits.lateFrames);
  }

  /** The peer reset a stream: many of those make us begin work in vain. */
  reset(): void {
    take(this.#resets, "rapid_reset", "too many streams are reset");
  }

  /** The peer made us reset a stream. */
  streamFault(): void {
    take(this.#streamFaults, "made_reset", "too many streams break the rules");
  }

  refusal(): void {
    take(this.#refusals, "refused_streams", "too many streams are opened beyond the limit");
  }

  emptyData(): void {
    take(this.#emptyData, "empty_data_flood", "too many empty DATA frames");
  }

  ping(): void {
    take(this.#pings, "ping_flood", "too many PING frames");
  }

  settings(): void {
    take(this.#settings, "settings_flood", "too many SETTINGS frames");
  }

  /** PRIORITY, GOAWAY, or a frame of unknown type. */
  ignored(): void {
    take(this.#ignored, "ignored_flood", "too many frames that say nothing");
  }

  windowUpdate(): void {
    take(this.#windowUpdates, "window_update_flood", "too many WINDOW_UPDATE frames");
  }

  lateFrame(): void {
    take(this.#lateFrames, "late_frame_flood", "too many frames for streams that are over");
  }

  /** The peer has opened a stream. */
  streamOpened(): void {
    this.#emptyData.credit(1);
    this.#ignored.credit(2);
  }

  /** A stream has ended well. */
  streamEnded(): void {
    this.#resets.credit(1);
  }

  /** A frame with content was sent; `cut`: it is small only because the peer's window is. */
  contentSent(cut: boolean): void {
    if (cut) return;
    this.#pings.credit(2);
    this.#windowUpdates.credit(4);
  }

  /** So much time has gone by. */
  refill(elapsedMs: number): void {
    this.#resets.refill(elapsedMs);
    this.#streamFaults.refill(elapsedMs);
    this.#refusals.refill(elapsedMs);
    this.#emptyData.refill(elapsedMs);
    this.#pings.refill(elapsedMs);
    this.#settings.refill(elapsedMs);
    this.#ignored.refill(elapsedMs);
    this.#windowUpdates.refill(elapsedMs);
    this.#lateFrames.refill(elapsedMs);
  }
}

function take(budget: Budget, violation: string, message: string): void {
  if (!budget.take()) throw new ConnectionFault(ErrorCode.ENHANCE_YOUR_CALM, violation, message);
}
