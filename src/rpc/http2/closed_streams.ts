/**
 * How the streams that are over have ended, since RFC 9113, 5.1 treats what comes for them differently. Only the last
 * ones are remembered: what comes later than that comes too late to be told apart.
 */

/** So many streams back are remembered. 4 KiB per connection, and only once a stream is over. */
const REMEMBERED = 1024;

/** How a stream ended. `unused`: its number was skipped. `forgotten`: too long ago. */
export type Ending = "unused" | "ended" | "reset by the peer" | "reset by us" | "forgotten";

const ENDINGS: readonly Ending[] = ["unused", "ended", "reset by the peer", "reset by us"];

export class ClosedStreams {
  /** Per slot: a stream's number without its last bit (30 bits), and how it ended (2 bits). */
  #slots: Uint32Array | undefined;

  /** The stream `id` is over. */
  remember(id: number, ending: Exclude<Ending, "unused" | "forgotten">): void {
    this.#slots ??= new Uint32Array(REMEMBERED);
    const index = id >>> 1;
    const kind = ending === "ended" ? 1 : ending === "reset by the peer" ? 2 : 3;
    const at = index & (REMEMBERED - 1);
    // A stream that was open for long must not push out one that it outlived.
    if (this.#slots[at] >>> 2 <= index) this.#slots[at] = ((index << 2) | kind) >>> 0;
  }

  /** How stream `id` ended, where `lastId` is the highest number that was ever used. It must not be open. */
  endingOf(id: number, lastId: number): Ending {
    if (lastId - id >= 2 * REMEMBERED) return "forgotten";
    const index = id >>> 1;
    const slot = this.#slots?.[index & (REMEMBERED - 1)] ?? 0;
    return slot >>> 2 === index ? ENDINGS[slot & 3] : "unused";
  }
}
