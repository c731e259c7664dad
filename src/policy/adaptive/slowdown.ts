/** Samples that count in full; beyond that the old fade. */
const SAMPLES = 50;
/** Ends of runs remembered of a container, and containers remembered. */
const ENDS = 40;
const CONTAINERS = 64;
/** Runs shorter than this are not told apart, in milliseconds. */
const RUN_MS_MIN = 0.5;

interface End {
  readonly atMs: number;
  readonly inFlight: number;
}

/** A mean in which the old fades once there is enough. */
class FadingMean {
  count = 0;
  #ms = 0;
  #level = 0;

  add(ms: number, level: number): void {
    const keep = this.count < SAMPLES ? 1 : 1 - 1 / SAMPLES;
    this.count = this.count * keep + 1;
    this.#ms = this.#ms * keep + ms;
    this.#level = this.#level * keep + level;
  }
  get ms(): number {
    return this.#ms / this.count;
  }
  get level(): number {
    return this.#level / this.count;
  }
}

/**
 * How much longer a function's runs take beside others in their container. Sleepers take as long as ever; what computes
 * shares the container's processor.
 */
export class Slowdown {
  readonly #alone = new FadingMean();
  readonly #shared = new FadingMean();
  readonly #ends = new Map<number, End[]>();

  /**
   * A run that ended at `atMs` in a container with `inFlight` in it, itself included. Answers how many there were at most
   * while it ran.
   */
  add(container: number, atMs: number, durationMs: number, inFlight: number): number {
    // Those that began together end together: the last to end were not alone for that.
    let level = inFlight;
    const ends = this.#endsOf(container);
    for (const end of ends) if (end.atMs >= atMs - durationMs) level = Math.max(level, end.inFlight);
    ends.push({ atMs, inFlight });
    if (ends.length > ENDS) ends.shift();
    (level === 1 ? this.#alone : this.#shared).add(durationMs, level);
    return level;
  }

  /** By how much of its duration alone a run takes longer for each one beside it; undefined before enough was seen. */
  perNeighbour(aloneMin: number, sharedMin: number): number | undefined {
    if (this.#alone.count < aloneMin || this.#shared.count < sharedMin) return undefined;
    const longer = this.#shared.ms / Math.max(this.#alone.ms, RUN_MS_MIN) - 1;
    return longer / (this.#shared.level - 1);
  }

  /** How long a run takes alone, where one computes for `computeMs`; undefined before enough was seen. */
  aloneMs(aloneMin: number, sharedMin: number, computeMs: number): number | undefined {
    if (this.#alone.count >= aloneMin) return this.#alone.ms;
    if (this.#shared.count < sharedMin) return undefined;
    // Beside others it waited for its share of the processor as often as there were others.
    return Math.max(computeMs, this.#shared.ms - computeMs * (this.#shared.level - 1));
  }

  #endsOf(container: number): End[] {
    const known = this.#ends.get(container);
    if (known) return known;
    // The container seen first is most likely gone.
    if (this.#ends.size >= CONTAINERS) this.#ends.delete(this.#ends.keys().next().value!);
    const ends: End[] = [];
    this.#ends.set(container, ends);
    return ends;
  }
}
