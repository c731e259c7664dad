/** Kinds counted at once: names are constants in the code, so this is never near. */
const KINDS_MAX = 256;

/** What went wrong on a port's connections and how often: limits exceeded, rules broken. For metrics. */
export class Counters {
  readonly #counts = new Map<string, number>();

  add(kind: string): void {
    const count = this.#counts.get(kind) ?? 0;
    if (count === 0 && this.#counts.size >= KINDS_MAX) return;
    this.#counts.set(kind, count + 1);
  }

  /** Each kind that occurred, with its number. */
  get all(): ReadonlyMap<string, number> {
    return this.#counts;
  }
}
